"""Survey and scripts → nodes, datasets and links with evidence, and questions: what was imported."""
