"""A scene as PNG, painted by matplotlib's own canvas: no display, no browser, fonts included."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, assert_never

from pypedream_dagster.graph.plot_palette import LIGHT, Paint
from pypedream_dagster.graph.plot_scene import Box, Dot, Line, Scene, Shape, Text, Tip

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SCALE = 2.0
"""Device pixels per pixel of the scene."""

_MOST_PIXELS = 60_000_000
"""Larger pictures are painted at a smaller scale: viewers refuse them otherwise."""

_POINTS_PER_INCH = 72


def write_png(scene: Scene) -> bytes:
    """Return a scene as a PNG file in the light colours."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    scale = min(_SCALE, (_MOST_PIXELS / (scene.width * scene.height)) ** 0.5)
    # At 72 dots per inch a point is a pixel, so that sizes are the scene's.
    figure = Figure(
        figsize=(scene.width / _POINTS_PER_INCH, scene.height / _POINTS_PER_INCH),
        dpi=_POINTS_PER_INCH * scale,
        facecolor=LIGHT.background,
    )
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, scene.width)
    axes.set_ylim(scene.height, 0)
    axes.axis("off")
    order = 0
    for group in scene.groups:
        for shape in group.shapes:
            order += 1
            _paint(axes, shape, LIGHT.paints[shape.style], order)
    body = io.BytesIO()
    figure.savefig(body, format="png", dpi="figure", metadata={"Title": scene.title, "Software": "pypedream"})
    return body.getvalue()


def _paint(axes: Axes, shape: Shape, paint: Paint, order: int) -> None:
    from matplotlib.patches import Circle, FancyBboxPatch, PathPatch, Polygon
    from matplotlib.path import Path

    match shape:
        case Box():
            style = f"round,pad=0,rounding_size={shape.radius}"
            corner = (shape.x, shape.y)
            box = FancyBboxPatch(corner, shape.width, shape.height, boxstyle=style, zorder=order)
            box.set(facecolor=paint.fill, edgecolor=paint.stroke, linewidth=_line_width(paint))
            axes.add_patch(box)
        case Dot():
            axes.add_patch(Circle((shape.x, shape.y), shape.radius, facecolor=paint.fill, linewidth=0, zorder=order))
        case Line():
            points = [shape.start, *(point for segment in shape.segments for point in segment)]
            path = Path(points, [Path.MOVETO, *[Path.CURVE4] * (len(points) - 1)])
            curve = PathPatch(
                path, facecolor="none", edgecolor=paint.stroke, linewidth=_line_width(paint), zorder=order
            )
            if shape.dashed:
                curve.set_linestyle((0, (3.5, 2.8)))
            axes.add_patch(curve)
        case Tip():
            left, half = shape.x - shape.size, shape.size * 0.45
            corners = [(shape.x, shape.y), (left, shape.y - half), (left, shape.y + half)]
            axes.add_patch(Polygon(corners, closed=True, facecolor=paint.fill, linewidth=0, zorder=order))
        case Text():
            axes.text(
                shape.x,
                shape.y,
                shape.text,
                fontsize=shape.size * 0.92,
                color=paint.fill,
                fontweight="bold" if shape.bold else "normal",
                horizontalalignment="right" if shape.anchor == "end" else "left",
                verticalalignment="baseline",
                parse_math=False,
                zorder=order,
            )
        case _:
            assert_never(shape)


def _line_width(paint: Paint) -> float:
    return 0.0 if paint.stroke == "none" else paint.stroke_width
