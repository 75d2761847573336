"""Renderers of the delta model: pure functions."""
