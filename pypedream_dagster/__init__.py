"""Pypedream: branch one AWS Glue job of a production pipeline the way you branch code."""
