"""The delta engine on Spark 3.5: for data that one machine does not want to read. Runs where there is no DuckDB."""
