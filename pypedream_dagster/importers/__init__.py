"""Outside sources turned into a PipelineGraph, with evidence for each link."""
