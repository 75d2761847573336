"""The embedded AWS: one loopback server where Glue jobs really run their scripts."""
