"""The notebooks take their parameters as papermill and their readers set them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from burst2vec.config import Params

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("[0-9]*.py"))


def bound_before_resolving(source):
    """Names that the cells between the parameters and `Params.resolve` bind: (names, whether it is called)."""
    source = source.split('tags=["parameters"]', 1)[1].split("# %%", 1)[1]
    names = set()
    for statement in ast.parse(source.split("\n", 1)[1]).body:
        if any(isinstance(n, ast.Attribute) and n.attr == "resolve" for n in ast.walk(statement)):
            return names, True
        aliases = getattr(statement, "names", [])
        names |= {alias.asname or alias.name.split(".")[0] for alias in aliases}
        names |= {n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return names, False


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_import_takes_the_place_of_a_parameter_that_was_set(notebook):
    """A module named `results` or `audio`, imported first, would hide the parameter of that name."""
    names, resolved = bound_before_resolving(notebook.read_text(encoding="utf-8"))
    assert resolved, "Params.resolve is not called"
    assert not names & set(Params.names())


def test_a_hidden_parameter_would_be_found():
    source = '# %% tags=["parameters"]\nscale = "demo"\n# %%\nfrom burst2vec.report.figures import results\n'
    assert bound_before_resolving(source + "params = Params.resolve(globals())\n") == ({"results"}, True)
