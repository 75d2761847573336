"""The only boto3: one narrow client per service."""
