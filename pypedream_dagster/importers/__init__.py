"""Outside sources turned into a PipelineGraph, with evidence for each link.

``request`` → ``sources`` (each kind gives a ``survey``) → ``inference`` (nodes, datasets, links and questions: a
``finding``) → ``update`` (the graph file).
"""
