"""The engines: each fills the same outcome from the same pairing."""
