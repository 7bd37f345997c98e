"""A Sphinx extension that completes the pages of the API reference from the library's docstrings.

The overview gets two tables: the names that the package itself offers, and its rooms in the order of the table of
contents. A page `book/api/ROOM.md` gets the docstring of `burst2vec.ROOM`, its public names, and a section for each of
its modules. A new module is therefore on its room's page without being named anywhere. Of `IN_BRIEF`, whose functions
only the report's own pages call, a section has its names in a list, without signatures.
"""

from __future__ import annotations

import functools
import inspect
import pkgutil
import re
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path, PurePath

import papermill  # noqa: F401  (papermill itself imports `burst2vec.running.engine`, so it has to come first)
import yaml
from sphinx.application import Sphinx
from sphinx.ext import autosummary
from sphinx.ext.autodoc import DataDocumenter

import burst2vec

FOLDER = "book/api"
IN_BRIEF = ("burst2vec.report",)
LONGEST_VALUE = 80
"""Characters; a constant whose value is longer is shown by its name and its docstring alone."""


def complete(app: Sphinx, page: str, source: list[str]) -> None:
    """Adds to a page's source, the only item of `source`, what the docstrings say."""
    folder, _, name = page.rpartition("/")
    if folder == FOLDER and name == "overview":
        homes = [f"~burst2vec.{burst2vec._HOMES[offered]}.{offered}" for offered in burst2vec.__all__]
        all_rooms = (f"~burst2vec.{room}" for room in rooms(Path(app.srcdir)))
        source[0] += f"\n\n## What the package offers\n{summary(homes)}\n## Rooms\n{summary(all_rooms)}"
    elif folder == FOLDER:
        source[0] += describe_room(f"burst2vec.{name}")


def rooms(root: Path) -> list[str]:
    """The rooms of the library, and the modules beside them, in the order in which the table of contents has them."""
    toc = yaml.safe_load((root / "book/_toc.yml").read_text(encoding="utf-8"))
    pages = [Path(chapter["file"]) for part in toc["parts"] for chapter in part["chapters"]]
    return [page.name for page in pages if str(page.parent) == FOLDER and page.name != "overview"]


def describe_room(room: str) -> str:
    """A room's docstring and public names, then a table of its modules and a section for each of them, as MyST."""
    folders = getattr(import_module(room), "__path__", [])
    modules = [module.name for module in pkgutil.walk_packages(folders, f"{room}.")]
    described = describe_in_brief if room in IN_BRIEF else functools.partial(directive, "automodule")
    sections = [f"\n\n## {module.removeprefix('burst2vec.')}\n{described(module)}" for module in modules]
    table = summary(module.removeprefix(f"{room}.") for module in modules) if modules else ""
    return directive("automodule", room) + table + "".join(sections)


def describe_in_brief(module: str) -> str:
    """A module's docstring, and a list of its public functions and classes with what each is, as MyST."""
    there = {name: found for name, found in vars(import_module(module)).items()
             if not name.startswith("_") and callable(found) and getattr(found, "__module__", "") == module}
    first = {name: inspect.cleandoc(found.__doc__ or "").partition("\n\n")[0] for name, found in there.items()}
    return "\n".join([directive("automodule", module, "   :no-members:"),
                      *(f"- `{name}`: {' '.join(said.split())}" for name, said in first.items()), ""])


def summary(names: Iterable[str]) -> str:
    """A table with each name and the first sentence of its docstring, as MyST; `~` hides all but a name's last part."""
    return directive("autosummary", "", "   :nosignatures:", "", *(f"   {name}" for name in names))


def directive(name: str, argument: str, *lines: str) -> str:
    """A directive of reStructuredText, as MyST."""
    return "\n".join(("", "```{eval-rst}", f".. {name}:: {argument}", *lines, "```", ""))


def convert_tables(app: Sphinx, what: str, name: str, thing: object, options: dict, lines: list[str]) -> None:
    """Turns the Markdown tables of a docstring, given by its `lines`, into tables of reStructuredText."""
    lines[:] = re.sub(r"(?m)(^\|.*\|$\n?)+", _convert_table, "\n".join(lines)).splitlines()


def _convert_table(found: re.Match[str]) -> str:
    head, _, *body = ([cell.strip() for cell in line.strip("|").split("|")] for line in found[0].splitlines())
    rows = "".join("   * - " + "\n     - ".join(row) + "\n" for row in (head, *body))
    return f".. list-table::\n   :header-rows: 1\n\n{rows}\n"


class ConstantDocumenter(DataDocumenter):
    """Documents a constant, with its value where that is short, and no folder, which is another on each machine."""

    def should_suppress_value_header(self) -> bool:
        hidden = isinstance(self.object, PurePath) or len(repr(self.object)) > LONGEST_VALUE
        return hidden or super().should_suppress_value_header()


def shorten_signature(app: Sphinx, what: str, name: str, thing: object, options: dict, given: str | None,
                      returned: str | None) -> tuple[str | None, str | None]:
    """Replaces what a dataclass says of a default that it makes anew, which is no Python and would not be parsed."""
    return given and given.replace("<factory>", "..."), returned


def setup(app: Sphinx) -> dict[str, bool]:
    """Connects the extension to Sphinx."""
    autosummary.WELL_KNOWN_ABBREVIATIONS += ("Eq.",)  # no sentence ends there
    app.add_autodocumenter(ConstantDocumenter, override=True)
    app.connect("source-read", complete)
    app.connect("autodoc-process-docstring", convert_tables)
    app.connect("autodoc-process-signature", shorten_signature)
    return {"parallel_read_safe": True}
