"""A branch: the concrete graph derived from the abstract one, its names, and its folder."""
