"""The embedded AWS: one loopback process in which Glue jobs really run their scripts.

``control`` starts, finds and stops it; everything else talks to it over HTTP with boto3.
Flow inside the process: ``front`` (who may do what) → ``glue_api`` (jobs and runs, ours) or moto (S3, IAM,
STS, Logs, the Glue catalog) → ``snapshots`` (state on disk); ``scheduler`` → ``runner`` (job processes).
"""
