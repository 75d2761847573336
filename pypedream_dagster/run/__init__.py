"""Job runs: start, wait, re-attach, stop."""
