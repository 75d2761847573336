"""IAM: who sends a request, what it needs, and whether policies allow it."""
