"""What was imported → the graph file: merged with what people wrote, or held to it."""
