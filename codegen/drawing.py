# SPDX-License-Identifier: Apache-2.0
"""A small writer of block diagrams as SVG: boxes, arrows with right angles, labels.

The text depends on what is drawn only, so that a committed picture can be compared byte by byte.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

Point = tuple[float, float]

_STYLE = """\
    text { font-family: Helvetica, Arial, sans-serif; fill: #1f2933 }
    .name { font-size: 14px; font-weight: 600; text-anchor: middle }
    .note { font-size: 11px; fill: #52606d; text-anchor: middle }
    .title { font-size: 18px; font-weight: 600 }
    .label { font-size: 11px }
    .size { font-size: 11px; fill: #52606d }
    .line { fill: none; stroke-width: 1.6; stroke-linejoin: round }
    .halo { fill: none; stroke: #ffffff; stroke-width: 6 }
    .box { stroke-width: 1.4; rx: 6px }"""


@dataclass(frozen=True)
class Box:
    """A rectangle with a name, in pixels.

    Attributes:
        left, top: its upper left corner.
    """

    name: str
    left: float
    top: float
    width: float
    height: float

    def at(self, side: str, part: float = 0.5) -> Point:
        """A point of a side.

        Args:
            side: left, right, top or bottom.
            part: 0 to 1 along the side, from the left or from the top.
        """
        if side in ("top", "bottom"):
            return (
                self.left + part * self.width,
                self.top + (self.height if side == "bottom" else 0),
            )
        return (self.left + (self.width if side == "right" else 0), self.top + part * self.height)


class Drawing:
    """Collects elements; lines first, so that no line covers a box or a label."""

    def __init__(self, width: int, height: int, title: str, description: str) -> None:
        self._size = (width, height)
        self._title, self._description = title, description
        self._colours: list[str] = []
        self._lines: list[str] = []
        self._boxes: list[str] = []
        self._labels: list[str] = []

    def box(self, box: Box, fill: str, stroke: str, note: str = "") -> None:
        """A box with its name and a line of small print beneath."""
        middle = box.left + box.width / 2
        name = box.top + box.height / 2 + (-2 if note else 5)
        self._boxes.append(
            f'<rect class="box" x="{_n(box.left)}" y="{_n(box.top)}" width="{_n(box.width)}" '
            f'height="{_n(box.height)}" fill="{fill}" stroke="{stroke}"/>'
        )
        self._boxes.append(_text(box.name, (middle, name), "name"))
        if note:
            self._boxes.append(_text(note, (middle, name + 17), "note"))

    def arrow(
        self, points: Sequence[Point], colour: str, head: bool = True, halo: bool = True
    ) -> None:
        """A line through points.

        Args:
            halo: white beside the line, so that crossings can be told from corners.
        """
        path = "M" + " L".join(f"{_n(x)} {_n(y)}" for x, y in points)
        if colour not in self._colours:
            self._colours.append(colour)
        marker = f' marker-end="url(#head{self._colours.index(colour)})"' if head else ""
        if halo:
            self._lines.append(f'<path class="halo" d="{path}"/>')
        self._lines.append(f'<path class="line" d="{path}" stroke="{colour}"{marker}/>')

    def text(self, text: str, at: Point, kind: str = "label", anchor: str = "start") -> None:
        """A text whose baseline starts, ends or is centred (`anchor`) at a point."""
        self._labels.append(_text(text, at, kind, anchor))

    def svg(self) -> str:
        """The whole picture."""
        width, height = self._size
        markers = [
            f'<marker id="head{index}" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="8" '
            'markerHeight="8" markerUnits="userSpaceOnUse" orient="auto">'
            f'<path d="M0 0.5 L8 4 L0 7.5 z" fill="{colour}"/></marker>'
            for index, colour in enumerate(self._colours)
        ]
        body = [
            f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
            *self._lines,
            *self._boxes,
            *self._labels,
        ]
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
                f'width="{width}" height="{height}" role="img">',
                f"  <title>{escape(self._title)}</title>",
                f"  <desc>{escape(self._description)}</desc>",
                f"  <style>\n{_STYLE}\n  </style>",
                *(f"  {item}" for item in ["<defs>", *markers, "</defs>", *body]),
                "</svg>\n",
            ]
        )


def _text(text: str, at: Point, kind: str, anchor: str = "") -> str:
    aligned = f" text-anchor={quoteattr(anchor)}" if anchor else ""
    return f'<text class="{kind}" x="{_n(at[0])}" y="{_n(at[1])}"{aligned}>{escape(text)}</text>'


def _n(number: float) -> str:
    """A coordinate with at most one decimal."""
    return f"{number:.1f}".removesuffix(".0")
