"""Drawings of bursts that can be looked into: choose a burst, read what it is, and hear it.

A view is complete as it is written here, an SVG with axes and legend, which is read and printed without a script; its
caption is a cell of its own, as for every figure. The script `book/assets/interactive.js`, a part of each view, adds
the choice of what is drawn and of a burst, by mouse, touch or keyboard, and its sound. Its data are JSON within the
view; nothing is loaded from elsewhere.

Conventions: places are between 0 and 1, from left to right and from bottom to top.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

import numpy as np
import pandas as pd
from IPython.display import HTML
from matplotlib.colors import to_hex

from burst2vec.config import project_root
from burst2vec.report.figures.style import PALETTE
from burst2vec.running.publishing import VIEW

SCRIPT = "book/assets/interactive.js"
"""The script of all views, in the project's folder."""

EDGES = 40, 292, 8, 260
"""The left, right, upper and lower edge of a panel's plot, in a drawing 300 wide and 300 high."""

SHAPES = (
    '<circle r="3.6"/>', '<path d="M-3.3-3.3h6.6v6.6h-6.6z"/>', '<path d="M0-4.8 4.8 0 0 4.8-4.8 0z"/>',
    '<path d="M0-4.5 4.3 3.4h-8.6z"/>', '<path d="M0 4.5 4.3-3.4h-8.6z"/>', '<path d="M4.5 0-3.4 4.3v-8.6z"/>',
    '<path d="M-4.5 0 3.4 4.3v-8.6z"/>', '<path d="M-1.4-4.4h2.8v3h3v2.8h-3v3h-2.8v-3h-3v-2.8h3z"/>',
    '<path d="M0-4.6 1.3-1.4 4.6 0 1.3 1.4 0 4.6-1.3 1.4-4.6 0-1.3-1.4z"/>', '<path d="M-4.6-1.6h9.2v3.2h-9.2z"/>',
)
"""The marks of the classes, in their order; colour alone tells no class from another."""

SAID = ('<div class="said" hidden><p aria-live="polite">Choose a burst: press on one, or use the buttons or the arrow '
        "keys.</p></div>")
"""Where the script says which burst is chosen, and puts its sound."""

OTHERS = "others"
"""What the legend calls the classes for which there is no mark of their own."""


@dataclass(frozen=True)
class Axes:
    """What stands at a panel's axes: their labels, the `ticks` of both, and whether x = y is drawn."""

    x: str = ""
    y: str = ""
    ticks: tuple[float, ...] = ()
    diagonal: bool = False


@dataclass(frozen=True)
class View:
    """Bursts in one panel or several, which a reader can look into.

    `places` holds, by what is drawn (one at a time, `placing` says what kind of thing that is) and by panel, the places
    (bursts, 2) of the bursts. `marks` holds categoricals (bursts,) by name, one of which at a time gives the bursts
    their marks; without any, all are alike. `texts` says of each burst which it is. `readings`, where given, holds what
    is said further of each burst, by what is drawn. `sounds` holds the addresses of the sounds of those bursts that can
    be heard, by position; `heard` says for each thing drawn which of them are gone through in which order, and without
    it all are in the order of `sounds`.
    """

    places: Mapping[str, Mapping[str, np.ndarray]]
    texts: Sequence[str]
    alternative: str
    placing: str = ""
    axes: Axes = Axes()
    marks: Mapping[str, pd.Series] = field(default_factory=dict)
    readings: Mapping[str, Sequence[str]] = field(default_factory=dict)
    sounds: Mapping[int, str] = field(default_factory=dict)
    heard: Mapping[str, Sequence[int]] = field(default_factory=dict)

    @property
    def data(self) -> dict:
        """What the script is given: `places` in the drawing's own units, marks by number, texts and sounds."""
        order = list(self.sounds)
        return {
            "places": {name: [_in_drawing(where).tolist() for where in panels.values()]
                       for name, panels in self.places.items()},
            "marks": {name: _numbered(values)[0].tolist() for name, values in self.marks.items()},
            "texts": list(self.texts),
            "readings": {name: list(said) for name, said in self.readings.items()},
            "sounds": {str(row): sound for row, sound in self.sounds.items()},
            "heard": {name: [int(row) for row in self.heard.get(name, order)] for name in self.places},
        }

    def show(self) -> HTML:
        """The view as HTML. The same view is the same HTML in every build."""
        data = json.dumps(self.data, ensure_ascii=False).replace("<", "\\u003c")  # or a text could end the script
        key = f"bursts-{zlib.crc32(data.encode()):08x}"
        panels = next(iter(self.places.values()))
        marks = next((_numbered(values)[0] for values in self.marks.values()), np.zeros(len(self.texts), int))
        drawn = "".join(_panel(key, name, where, marks, self) for name, where in panels.items())
        legends = "".join(_legend(key, name, _numbered(values)[1], hidden=i > 0)
                          for i, (name, values) in enumerate(self.marks.items()))
        script = (project_root() / SCRIPT).read_text(encoding="utf-8")
        return HTML(
            f'{VIEW} id="{key}"><style>{_style(key)}</style>{_controls(self)}'
            f'<svg class="symbols" aria-hidden="true"><defs>{_symbols(key)}</defs></svg>'
            f'<div class="panels">{drawn}</div>{legends}{_audible(self)}{SAID}'
            f'<script type="application/json">{data}</script><script>{script}</script></div>')


def _in_drawing(places: np.ndarray) -> np.ndarray:
    """Places in the units of the drawing, (bursts, 2), with one decimal."""
    left, right, top, bottom = EDGES
    places = np.clip(np.asarray(places, float), 0, 1)
    return np.round([left, bottom] + places * [right - left, top - bottom], 1)


def _numbered(values: pd.Series) -> tuple[np.ndarray, list[str]]:
    """The mark of each burst by number, and the names in their order; a burst without a class has -1.

    Where there are more classes than marks, the most frequent have one each, and the others share the last.
    """
    values = values.cat.remove_unused_categories()
    names = list(values.cat.categories)
    if len(names) > len(SHAPES):
        frequent = list(values.value_counts().index[:len(SHAPES) - 1])
        names = [name for name in names if name in frequent]
        values = values.cat.set_categories(names).cat.add_categories(OTHERS).where(
            values.isin(names) | values.isna(), OTHERS)
        names = [*names, OTHERS]
    return np.asarray(values.cat.codes, int), [str(name) for name in names]


def _panel(key: str, name: str, places: np.ndarray, marks: np.ndarray, view: View) -> str:
    points = []
    for row, ((x, y), mark) in enumerate(zip(_in_drawing(places), marks, strict=True)):
        kind = f"m{mark} heard" if row in view.sounds else f"m{mark}"
        points.append(f'<use href="#{key}-{max(mark, 0)}" x="{x:g}" y="{y:g}" class="{kind}"/>')
    height = 300 if view.axes.x else 270
    return (f'<svg viewBox="0 0 300 {height}" role="img" aria-label="{escape(f"{name}: {view.alternative}")}">'
            f'{_frame(view.axes, name)}<g class="points">{"".join(points)}</g>'
            f'<circle class="chosen" r="9" visibility="hidden"/></svg>')


def _frame(axes: Axes, title: str) -> str:
    """The edges of a plot, its ticks, its labels, and its title in the upper left corner."""
    left, right, top, bottom = EDGES
    lines = [f'<path class="edge" d="M{left} {top}V{bottom}H{right}"/>']
    if axes.diagonal:
        lines.append(f'<path class="edge" stroke-dasharray="3 3" d="M{left} {bottom}L{right} {top}"/>')
    for tick in axes.ticks:
        x, y = _in_drawing(np.array([[tick, tick]]))[0]
        lines += [f'<text x="{x:g}" y="{bottom + 14}" text-anchor="middle">{tick:g}</text>',
                  f'<text x="{left - 5}" y="{y + 4:g}" text-anchor="end">{tick:g}</text>']
    middle = (top + bottom) / 2
    lines += [f'<text x="{(left + right) / 2:g}" y="{bottom + 30}" text-anchor="middle">{escape(axes.x)}</text>',
              f'<text transform="translate(12 {middle:g}) rotate(-90)" text-anchor="middle">{escape(axes.y)}</text>',
              f'<text class="title" x="{left + 6}" y="{top + 10}">{escape(title)}</text>']
    return "".join(lines)


def _symbols(key: str) -> str:
    return "".join(f'<g id="{key}-{i}">{shape}</g>' for i, shape in enumerate(SHAPES))


def _legend(key: str, name: str, names: Sequence[str], hidden: bool) -> str:
    items = "".join(f'<li><svg viewBox="-6 -6 12 12" aria-hidden="true"><use href="#{key}-{i}" class="m{i}"/></svg>'
                    f'{escape(text)}</li>' for i, text in enumerate(names))
    return (f'<ul class="legend" data-marks="{escape(name)}" aria-label="{escape(name)}"{" hidden" if hidden else ""}>'
            f"{items}</ul>")


def _audible(view: View) -> str:
    """What is said below the panels, of the marks with a thick outline."""
    return '<p class="audible">Thick outline: a burst that can be heard.</p>' if view.sounds else ""


def _controls(view: View) -> str:
    """The controls, which the script shows: what is drawn, what marks the bursts, and the choice of a burst."""
    choices = [(view.placing, "places", list(view.places)), ("marked by", "marks", list(view.marks))]
    selects = "".join(
        f'<label>{escape(label)} <select data-sets="{sets}">'
        + "".join(f'<option value="{escape(name)}">{escape(name)}</option>' for name in names) + "</select></label>"
        for label, sets, names in choices if len(names) > 1)
    what = "burst that can be heard" if view.sounds else "burst"
    return (f'<div class="controls" hidden>{selects}'
            f'<span role="group" aria-label="choose a {what}"><button type="button" data-step="-1">← previous</button>'
            f'<button type="button" data-step="1">next →</button></span></div>')


def _style(key: str) -> str:
    """The rules of one view. Colours of text and lines are the page's, light or dark."""
    colours = "".join(f"#{key} .m{i} {{ fill: {to_hex(colour)}; }} " for i, colour in
                      enumerate(PALETTE[:len(SHAPES)]))
    text = "var(--pst-color-text-base, var(--jp-ui-font-color1, CanvasText))"
    return RULES.replace("KEY", f"#{key}").replace("TEXT", text) + colours


RULES = """
KEY { margin: 0 0 1.5rem; color: TEXT; }
KEY .panels { display: grid; gap: 0.5rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 17rem), 1fr)); }
KEY .panels svg { width: 100%; max-width: 30rem; height: auto; overflow: visible; cursor: crosshair;
  touch-action: manipulation; }
KEY text { fill: TEXT; font: 11px sans-serif; }
KEY .title { font-weight: bold; font-size: 12px; }
KEY .edge { fill: none; stroke: TEXT; stroke-width: 0.8; }
KEY use { stroke: TEXT; stroke-width: 0.3; opacity: 0.7; }
KEY use.heard { stroke-width: 1.3; opacity: 1; }
KEY use.m-1 { fill: none; }
KEY .chosen { fill: none; stroke: TEXT; stroke-width: 2.2; }
KEY .controls { display: flex; flex-wrap: wrap; gap: 0.5rem 1.5rem; margin-bottom: 0.5rem; }
KEY :is(.controls, .legend, .said)[hidden] { display: none; }
KEY .controls span { display: inline-flex; gap: 0.5rem; }
KEY :is(select, button) { font: inherit; color: inherit; padding: 0.2rem 0.6rem; min-height: 2.2rem;
  border: 1px solid currentColor; border-radius: 0.25rem;
  background: var(--pst-color-surface, var(--jp-layout-color1, Canvas)); }
KEY :is(select, button, .panels):focus-visible { outline-offset: 2px;
  outline: 3px solid var(--pst-color-primary, Highlight); }
KEY .symbols { position: absolute; width: 0; height: 0; }
KEY .said { min-height: 6.5rem; position: sticky; bottom: 0; padding: 0.4rem 0;
  background: var(--pst-color-background, var(--jp-layout-color0, Canvas)); }
KEY :is(.said p, .audible) { margin: 0.5rem 0 0.3rem; font-size: 0.9rem; text-align: left; }
KEY .said audio { width: 100%; max-width: 24rem; }
KEY .legend { display: flex; flex-wrap: wrap; gap: 0.2rem 1rem; margin: 0.3rem 0; padding: 0; list-style: none;
  font-size: 0.9rem; }
KEY .legend svg { width: 1em; height: 1em; margin-right: 0.35em; vertical-align: -0.1em; }
@media print { KEY :is(.controls, .said) { display: none; } }
"""
"""The rules of a view, with KEY for its selector and TEXT for the colour of text."""
