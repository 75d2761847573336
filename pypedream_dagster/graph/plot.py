"""Plots of a graph, left to right along the data: the front door of the drawing modules.

::

    PipelineGraph ─drawing_of▶ Drawing ─┬─scene_of▶ Scene ─┬▶ svg ▶ html
                                        ├▶ mermaid         └▶ png
                                        └▶ terminal
"""

from __future__ import annotations

from pypedream_dagster.graph.drawing import Drawing, drawing_of
from pypedream_dagster.graph.plot_html import write_html
from pypedream_dagster.graph.plot_mermaid import write_mermaid
from pypedream_dagster.graph.plot_png import write_png
from pypedream_dagster.graph.plot_scene import scene_of
from pypedream_dagster.graph.plot_svg import write_svg
from pypedream_dagster.graph.plot_terminal import write_terminal

__all__ = [
    "Drawing",
    "drawing_of",
    "render_html",
    "render_mermaid",
    "render_png",
    "render_svg",
    "render_terminal",
]


def render_svg(drawing: Drawing) -> str:
    """Return an SVG document that follows the reader's light or dark preference."""
    return write_svg(scene_of(drawing))


def render_png(drawing: Drawing) -> bytes:
    """Return a PNG file, light, at two device pixels per pixel. Needs matplotlib, which it imports."""
    return write_png(scene_of(drawing))


def render_html(drawing: Drawing) -> str:
    """Return a self-contained page with details on hover."""
    return write_html(drawing)


def render_mermaid(drawing: Drawing) -> str:
    """Return a Mermaid flowchart."""
    return write_mermaid(drawing)


def render_terminal(drawing: Drawing, width: int = 100, *, colour: bool = False) -> str:
    """Return text of at most ``width`` columns, with ANSI colours if ``colour``."""
    return write_terminal(drawing, width, colour=colour)
