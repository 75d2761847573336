"""A scene as SVG, colours by CSS class, so that one text serves light and dark."""

from __future__ import annotations

from typing import assert_never
from xml.sax.saxutils import escape, quoteattr

from pypedream_dagster.graph.plot_palette import DARK, LIGHT, Palette
from pypedream_dagster.graph.plot_scene import Box, Dot, Group, Line, Scene, Shape, Text, Tip

_FONT = "-apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Liberation Sans', Arial, sans-serif"


def write_svg(scene: Scene) -> str:
    """Return a scene as a whole SVG document."""
    size = f"{_n(scene.width)} {_n(scene.height)}"
    width, _, height = size.partition(" ")
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="pypedream" width="{width}" height="{height}" '
        f'viewBox="0 0 {size}" role="img" aria-label={_attribute(scene.title)}>'
    )
    style = f"<style>{_css(LIGHT)}@media (prefers-color-scheme: dark){{{_css(DARK)}}}{_BASE_CSS}</style>"
    ground = '<rect class="ground" width="100%" height="100%"/>'
    return "\n".join(
        [head, f"<title>{_text(scene.title)}</title>", style, ground, *map(_group, scene.groups), "</svg>\n"]
    )


_BASE_CSS = f".pypedream text{{font-family:{_FONT}}}.pypedream .dashed{{stroke-dasharray:5 4}}"


def _css(palette: Palette) -> str:
    rules = [f".pypedream .ground{{fill:{palette.background}}}"]
    for name, paint in palette.paints.items():
        stroke = f";stroke:{paint.stroke};stroke-width:{_n(paint.stroke_width)}" if paint.stroke != "none" else ""
        rules.append(f".pypedream .{name}{{fill:{paint.fill}{stroke}}}")
    return "".join(rules)


def _group(group: Group) -> str:
    names = ("data-node",) if group.role == "node" else ("data-source", "data-target")
    data = "".join(f" {name}={_attribute(end)}" for name, end in zip(names, group.ends, strict=False))
    title = f"<title>{_text(group.hint)}</title>" if group.hint else ""
    return f'<g class="{group.role}"{data}>{title}{"".join(map(_shape, group.shapes))}</g>'


def _shape(shape: Shape) -> str:
    match shape:
        case Box():
            return (
                f'<rect class="{shape.style}" x="{_n(shape.x)}" y="{_n(shape.y)}" width="{_n(shape.width)}" '
                f'height="{_n(shape.height)}" rx="{_n(shape.radius)}"/>'
            )
        case Dot():
            return f'<circle class="{shape.style}" cx="{_n(shape.x)}" cy="{_n(shape.y)}" r="{_n(shape.radius)}"/>'
        case Line():
            curves = "".join("C" + " ".join(f"{_n(x)} {_n(y)}" for x, y in segment) for segment in shape.segments)
            dashed = " dashed" if shape.dashed else ""
            return f'<path class="{shape.style}{dashed}" d="M{_n(shape.start[0])} {_n(shape.start[1])}{curves}"/>'
        case Tip():
            left, half = shape.x - shape.size, shape.size * 0.45
            corners = f"M{_n(shape.x)} {_n(shape.y)}L{_n(left)} {_n(shape.y - half)}V{_n(shape.y + half)}Z"
            return f'<path class="{shape.style}" d="{corners}"/>'
        case Text():
            weight = ' font-weight="600"' if shape.bold else ""
            anchor = ' text-anchor="end"' if shape.anchor == "end" else ""
            return (
                f'<text class="{shape.style}" x="{_n(shape.x)}" y="{_n(shape.y)}" font-size="{_n(shape.size)}"'
                f"{weight}{anchor}>{_text(shape.text)}</text>"
            )
        case _:
            assert_never(shape)


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _text(text: str) -> str:
    return escape(_printable(text))


def _attribute(text: str) -> str:
    return quoteattr(_printable(text))


def _printable(text: str) -> str:
    """Replace what XML 1.0 cannot hold, even escaped (https://www.w3.org/TR/xml/#charsets)."""
    return "".join(
        char
        if char in "\t\n\r" or ("\x20" <= char < "\ud800") or (char >= "\ue000" and char not in "\ufffe\uffff")
        else "�"
        for char in text
    )
