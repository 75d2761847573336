"""Great Expectations suites on both sides of a delta: `suite` runs them, `sql` plans most, `gx` does the rest."""
