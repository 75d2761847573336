"""Secrets never reach a log, a report, a record or Dagster: what is one, and how it is masked."""
