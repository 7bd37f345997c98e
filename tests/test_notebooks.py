"""The notebooks take their parameters as papermill and their readers set them."""

from __future__ import annotations

import ast
import builtins
import re
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


def overwriting(source):
    """The calls of a notebook that write or train into a run's folder without asking `Params.output` for the place."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    named = [(ast.unparse(call.func).rpartition(".")[2], call) for call in calls]
    return [name for name, call in named if name.startswith(("write", "to_", "save", "pretrain", "train", "mkdir"))
            and any(part in ast.unparse(call) for part in ("run_folder", "params.folder"))]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_asks_where_to_write(notebook):
    """Run by hand, it would write over the files of a finished run else."""
    assert overwriting(notebook.read_text(encoding="utf-8")) == []


def test_a_notebook_that_writes_over_a_run_would_be_found():
    assert overwriting('write_table(table, params.run_folder / "a.csv")\nread_table(params.run_folder)\n'
                       "table.to_csv(params.output('a.csv'))\ntrain(corpus, checkpoints_beside(params.folder))\n"
                       ) == ["write_table", "train"]


def test_recordings_of_people_are_heard_on_a_page_only_where_a_parameter_asks_for_it():
    asked = [call.strip() for notebook in NOTEBOOKS
             for call in re.findall(r"may_be_heard\((.*?)\)", notebook.read_text(encoding="utf-8"))]
    assert asked and set(asked) == {"corpus, params.play_recordings"}
    assert not Params().play_recordings


def unknown_to_a_reader(source):
    """Names that the cells of a page that are shown use before one of them binds them."""
    known, unknown = set(dir(builtins)), set()
    for head, body in re.findall(r"^# %%(.*)\n((?:(?!# %%).*\n?)*)", source, re.MULTILINE):
        if "show-input" in head:
            nodes = list(ast.walk(ast.parse(body)))
            bound = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
            bound |= {alias.asname or alias.name for node in nodes for alias in getattr(node, "names", [])}
            unknown |= {node.id for node in nodes if isinstance(node, ast.Name)} - known - bound
            known |= bound
    return unknown


def test_whoever_copies_the_code_of_the_tutorials_page_lacks_no_name():
    [tutorial] = [notebook for notebook in NOTEBOOKS if notebook.stem.endswith("_tutorial")]
    source = tutorial.read_text(encoding="utf-8")
    assert source.count("show-input") > 8 and unknown_to_a_reader(source) == set()
    hidden = '# %% tags=["parameters"]\nseed = 0\n\n# %% tags=["show-input"]\nimport os\nx = [seed for y in os.sep]\n'
    assert unknown_to_a_reader(hidden) == {"seed"}
