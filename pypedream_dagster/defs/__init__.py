"""The Dagster side: assets, checks, jobs, executor, resources."""
