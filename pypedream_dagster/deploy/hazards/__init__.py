"""Hazards: what IAM cannot stop, or will stop in the middle of a run, found before anything is deployed."""
