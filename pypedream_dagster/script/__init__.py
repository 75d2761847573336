"""What a Glue script reads, writes and depends on, found in its syntax tree without running it."""
