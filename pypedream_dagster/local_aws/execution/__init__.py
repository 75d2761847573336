"""Running job runs: slots, processes, credentials, logs and how a run ended."""
