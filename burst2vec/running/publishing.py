"""Executed notebooks as pages of the report: the answer first, code folded, figures with captions.

A page says the same as its notebook, in another order, and is still a notebook that runs. Tags say what its cells are:

| tag | of | what becomes of it |
|---|---|---|
| `banner` | a code cell | what it says in Markdown moves right under the page's title |
| `in-short` | a code cell | what it says in Markdown moves under the banner, as the box *In short* |
| `caption` | a cell right after a figure's | the figure's caption, and its cell's metadata `name` the figure's label |
| `parameters` | a code cell | hidden; the page's last line says what was set |
| `show-input` | a code cell | not folded; what it is tagged besides counts |
| `alone` | any cell | the page's last line says that the notebook needs the package alone |
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from burst2vec.config import project_root
from burst2vec.machine.files import write_aside
from burst2vec.running.notebooks import NotebookError

HEADING = re.compile(r"\A(\(.+\)=\n)?# .*")
"""A page's title at the beginning of a cell, after its label if it has one."""

SENTENCE = re.compile(r".+?[.!?](?=\s+[^\W\da-z_]|$)|.+$")
"""A text's first sentence. A full stop before a number or a small letter ends none."""

VIEW = '<div class="bursts"'
"""How an interactive drawing of `report.interactive` begins: a figure, too."""

ADDED = ("banner", "in-short", "made-by")
"""The ids of the cells that publishing adds, and makes anew when a page has run again."""

PROMPTS = {"code_prompt_show": "Show code and output", "code_prompt_hide": "Hide code and output"}
"""What a page says where output is folded with its code; elsewhere it is `nb_code_prompt_show` of `_config.yml`."""

LAST_LINE = "This page is {source}, executed with {parameters}. To run the notebook that it offers for download, {how}."

HOW = ("open it in the project's folder, where `burst2vec` is installed and this run's files lie",
       "open it in any folder, where `burst2vec` is installed: the package is all that it takes")
"""How a downloaded notebook is run: one that reads a run's files, and one that is tagged `alone`."""


def publish(notebook: Path, output: Path, title: str | None = None) -> None:
    """Writes an executed notebook as a page, without papermill's metadata, its standard error, and local paths.

    `title` replaces the first heading. Raises NotebookError for a notebook with an error or a warning, for one that has
    not run wholly, and for a figure without a caption or a caption without a figure's cell.
    """
    page = nbformat.read(notebook, as_version=4)
    try:
        _refuse_unfinished(page)
        made = page.metadata.pop("papermill", {})
        cells = [_without_traces(cell) for cell in page.cells if cell.source.strip() and cell.get("id") not in ADDED]
        _caption_figures(cells)
        how = HOW[any("alone" in _tags(cell) for cell in cells)]
        page.cells = [*_answer_first(cells, title), *_fold(cells), *_last_line(made, how)]
    except NotebookError as error:
        raise NotebookError(f"{notebook}: {error}") from None
    with write_aside(output) as aside:
        aside.write_text(_without_paths(nbformat.writes(page)), encoding="utf-8")


def _refuse_unfinished(page: NotebookNode) -> None:
    code = [c for c in page.cells if c.cell_type == "code" and c.source.strip()]
    if not all(c.execution_count for c in code):
        raise NotebookError("not all of its cells have run; execute it first")
    if any(o.output_type == "error" for c in code for o in c.outputs):
        raise NotebookError("holds an error; it is not published")
    warned = [o.text for c in code for o in c.outputs if o.get("name") == "stderr" and "Warning:" in o.text]
    if warned:
        raise NotebookError(f"a cell warns, which a page must not: {warned[0].strip()}")


def _without_traces(cell: NotebookNode) -> NotebookNode:
    """The cell without what papermill and Jupyter noted about its execution, and without standard error."""
    for noted in ("papermill", "execution"):
        cell.metadata.pop(noted, None)
    if cell.cell_type == "code":
        cell.outputs = [o for o in cell.outputs if o.get("name") != "stderr"]
    return cell


def _tags(cell: NotebookNode) -> list[str]:
    return cell.metadata.get("tags", [])


def _moved(cell: NotebookNode) -> str:
    """What a code cell says in Markdown, which is taken out of it; the text of a cell of Markdown."""
    if cell.cell_type != "code":
        return cell.source
    said = [o for o in cell.outputs if "text/markdown" in o.get("data", {})]
    cell.outputs = [o for o in cell.outputs if o not in said]
    return "\n\n".join(o.data["text/markdown"] for o in said)


# Figures ----------------------------------------------------------------------------------------------------

def _caption_figures(cells: list[NotebookNode]) -> None:
    """Gives each figure the caption of the cell after it, and hides that cell; refuses a figure without caption."""
    for before, cell in zip([None, *cells], cells, strict=False):
        if "caption" not in _tags(cell):
            continue
        if before is None or before.cell_type != "code":
            raise NotebookError(f"the caption {_shown(cell)} does not follow the code cell of a figure")
        if text := _moved(cell).strip():
            label = {"name": cell.metadata["name"]} if "name" in cell.metadata else {}
            before.metadata.setdefault("mystnb", {})["figure"] = label | {"caption": text}
        cell.metadata["tags"] = [*_tags(cell), "remove-cell"]
    for cell in cells:
        drawn = sum(_is_figure(output) for output in cell.get("outputs", []))
        options = cell.metadata.get("mystnb", {})
        if not drawn:
            options.pop("figure", None)
        elif drawn > 1:
            raise NotebookError(f"the cell {_shown(cell)} draws {drawn} figures, and a caption describes one")
        elif "figure" not in options:
            raise NotebookError(f"the figure of the cell {_shown(cell)} has no caption: a cell tagged caption after it")
        else:
            options.setdefault("image", {}).setdefault("alt", first_sentence(options["figure"]["caption"]))


def _is_figure(output: NotebookNode) -> bool:
    data = output.get("data", {})
    return any(kind.startswith("image/") for kind in data) or data.get("text/html", "").startswith(VIEW)


def _shown(cell: NotebookNode) -> str:
    """How a message names a cell: by its last line, which is the one that shows something."""
    return repr(cell.source.strip().splitlines()[-1][:80])


def first_sentence(text: str) -> str:
    """The first sentence of a text in MyST Markdown, as plain text without its last full stop."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)|\{[\w:-]+\}`([^`<]*)[^`]*`", lambda found: found[1] or found[2] or "", text)
    text = re.sub(r"\\\w+\{([^}]*)\}", r"\1", text)  # \text{MTL}
    text = re.sub(r"<[^>]+>", "", text)  # <sub>
    text = " ".join(re.sub(r"[*`$\\{}]|(?<!\w)_|_(?!\w)", "", text).split())
    found = SENTENCE.match(text)
    return found[0].rstrip(".:").strip() if found else ""


# The order of a page ----------------------------------------------------------------------------------------

def _answer_first(cells: list[NotebookNode], title: str | None) -> list[NotebookNode]:
    """The page's title, which is taken out of its first cell, and below it the banner and the box *In short*."""
    found = HEADING.match(cells[0].source) if cells and cells[0].cell_type == "markdown" else None
    heading = found[0] if found else ""
    if found:
        cells[0].source = cells[0].source[found.end():].strip()
    if title:
        heading = f"{heading.rpartition('# ')[0]}# {title}"
    banner, *_ = [*_said(cells, "banner"), ""]
    answer, *_ = [*_said(cells, "in-short"), ""]
    boxes = {"title": heading, "banner": banner and f":::{{div}} banner\n{banner}\n:::",
             "in-short": answer and f":::{{admonition}} In short\n:class: in-short\n{answer}\n:::"}
    return [_markdown(name, text) for name, text in boxes.items() if text]


def _said(cells: list[NotebookNode], tag: str) -> Iterator[str]:
    return (text for cell in cells if tag in _tags(cell) and (text := _moved(cell).strip()))


def _markdown(name: str, text: str) -> NotebookNode:
    return nbformat.v4.new_markdown_cell(text, id=name)


def _last_line(made: dict, how: str) -> list[NotebookNode]:
    """Says which notebook made the page with which parameters, and how to run it; nothing for a page that papermill did
    not make."""
    if not made.get("input_path"):
        return []
    source = project_root() / made["input_path"]
    text = source.with_suffix(".py") if source.with_suffix(".py").is_file() else source
    given = ", ".join(f"`{name}: {value if isinstance(value, str) else json.dumps(value)}`"
                      for name, value in made["parameters"].items())
    line = LAST_LINE.format(source=f"`{text}`", parameters=given or "its own parameters", how=how)
    return [_markdown("made-by", f":::{{div}} made-by\n{line}\n:::")]


# Code -------------------------------------------------------------------------------------------------------

def _fold(cells: list[NotebookNode]) -> list[NotebookNode]:
    """The cells with code folded, and with code that shows nothing joined to the code cell after it."""
    folded: list[NotebookNode] = []
    for cell in cells:
        if not cell.source:  # a title that has moved
            continue
        if folded and _joins(folded[-1], cell):
            before = folded.pop()
            cell.source = f"{before.source}\n\n{cell.source}"
            if "parameters" in _tags(before):
                cell.metadata = before.metadata
        folded.append(cell)
    for cell in folded:
        if cell.cell_type == "code":
            cell.metadata["tags"] = _folding(cell)
        if "hide-cell" in _tags(cell):
            cell.metadata.setdefault("mystnb", {}).update(PROMPTS)
    return folded


def _joins(before: NotebookNode, cell: NotebookNode) -> bool:
    """Whether two cells become one. Parameters stay apart from what uses them, so that papermill can set others."""
    if "parameters" in _tags(before) or "injected-parameters" in _tags(cell):
        return "parameters" in _tags(before) and "injected-parameters" in _tags(cell)
    removed = any(tag.startswith("remove") for tag in (*_tags(before), *_tags(cell)))
    return (before.cell_type == cell.cell_type == "code" and not before.outputs and not removed
            and not cell.source.startswith("%%"))


def _folding(cell: NotebookNode) -> list[str]:
    """A code cell's tags: nothing of parameters is on the page, of other cells what is tagged so or else the output."""
    tags = [tag for tag in _tags(cell) if not tag.startswith("hide")]
    if {"parameters", "injected-parameters"} & set(tags):
        return [*tags, "remove-cell"]
    if any(tag.startswith("remove") for tag in tags):
        return tags
    if not cell.outputs and {"banner", "in-short"} & set(tags):  # what it showed has moved
        return [*tags, "remove-cell"]
    if "show-input" in tags:
        return _tags(cell)
    hidden = cell.outputs and {"hide-output", "hide-cell"} & set(_tags(cell))
    return [*tags, "hide-cell" if hidden else "hide-input"]


def _without_paths(text: str) -> str:
    """The text with paths below the project made relative to it, and with ~ for the home folder.

    Encoded sounds and pictures stay as they are: the same characters may occur in them by chance.
    """
    local = {f"{project_root()}{os.sep}": "", f"{Path.home()}{os.sep}": f"~{os.sep}"}
    encoded = r"[A-Za-z0-9+/=]{200,}"
    pattern = "|".join([encoded, *(re.escape(path) for path in local if path.strip(os.sep))])
    return re.sub(pattern, lambda found: local.get(found[0], found[0]), text)
