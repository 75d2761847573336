"""What a branch changes in the data: base against head."""
