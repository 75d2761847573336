"""Deltas by DuckDB on this machine, within a memory limit."""
