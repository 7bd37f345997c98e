"""Pages of executed notebooks: the answer first, code folded, figures with captions, and no trace of a machine."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import jupytext
import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from burst2vec.config import project_root
from burst2vec.report.interactive import View
from burst2vec.running.notebooks import NotebookError, execute
from burst2vec.running.publishing import first_sentence, publish
from tests.support.notebooks import notebook

ROOT = Path(__file__).parents[2]
PICTURE = new_output("display_data", {"image/png": "iVBORw0KGgo=", "text/plain": "<Figure>"})


def said(text):
    return new_output("execute_result", {"text/markdown": text, "text/plain": "<Markdown>"}, execution_count=1)


def code(source, *outputs, tags=(), **metadata):
    return new_code_cell(source, outputs=list(outputs), execution_count=1, metadata={"tags": list(tags), **metadata})


def caption(text, name="fig-scores"):
    return new_markdown_cell(text, metadata={"tags": ["caption"], "name": name})


@pytest.fixture
def published(tmp_path):
    """Publishes a page that begins with *A page* and has these cells, and returns its cells."""
    def page(*cells, title=None, **metadata):
        made = new_notebook(cells=[new_markdown_cell("# A page\n\nIt asks."), *cells], metadata=metadata)
        nbformat.write(made, tmp_path / "in.ipynb")
        publish(tmp_path / "in.ipynb", tmp_path / "out.ipynb", title)
        return nbformat.read(tmp_path / "out.ipynb", as_version=4).cells
    return page


# The answer first -------------------------------------------------------------------------------------------

def test_banner_and_answer_stand_between_title_and_text(published):
    cells = published(code("banner(corpus)", said("*Synthetic corpus: made up.*"), tags=["banner"]),
                      new_markdown_cell("## Results"), code("describe()", said("V4 is **best**."), tags=["in-short"]))
    texts = [cell.source for cell in cells if cell.cell_type == "markdown"]
    assert texts == ["# A page", ":::{div} banner\n*Synthetic corpus: made up.*\n:::",
                     ":::{admonition} In short\n:class: in-short\nV4 is **best**.\n:::", "It asks.", "## Results"]
    assert not any(cell.outputs for cell in cells if cell.cell_type == "code")


def test_a_corpus_of_recordings_has_no_banner_and_a_page_need_not_say_it_in_short(published):
    cells = published(code("banner(corpus)", tags=["banner"]))
    assert [cell.source for cell in cells] == ["# A page", "It asks.", "banner(corpus)"]


def test_a_title_replaces_the_heading_and_keeps_its_label(published, tmp_path):
    assert published(title="V4: HL")[0].source == "# V4: HL"
    nbformat.write(new_notebook(cells=[new_markdown_cell("(a-label)=\n# Training\n\nText")]), tmp_path / "in.ipynb")
    publish(tmp_path / "in.ipynb", tmp_path / "out.ipynb", "V4: HL")
    title, text = nbformat.read(tmp_path / "out.ipynb", as_version=4).cells
    assert (title.source, text.source) == ("(a-label)=\n# V4: HL", "Text")


def test_the_last_line_says_which_notebook_made_the_page_and_with_what(published):
    made = {"input_path": "notebooks/06_results.ipynb", "parameters": {"scale": "demo", "tasks": ["a", "b"]}}
    last = published(papermill=made)[-1].source
    assert "`notebooks/06_results.py`" in last and "`scale: demo`, `tasks: [\"a\", \"b\"]`" in last
    assert "in the project's folder" in last and "in any folder" not in last
    alone = published(code("import os", tags=["remove-cell", "alone"]), papermill=made)[-1].source
    assert "in any folder" in alone and "in the project's folder" not in alone


# Figures ----------------------------------------------------------------------------------------------------

CAPTIONS = {
    "markdown": caption("V4 is best, by 0.03. The bars are intervals."),
    "code": code("Markdown(found)", said("V4 is best, by 0.03. The bars are intervals."), tags=["caption"],
                 name="fig-scores"),
}


@pytest.mark.parametrize("kind", CAPTIONS)
def test_the_cell_after_a_figure_becomes_its_caption_label_and_alternative_text(published, kind):
    *_, figure, hidden = published(code("draw()", PICTURE), CAPTIONS[kind])
    assert figure.metadata["mystnb"] == {
        "figure": {"name": "fig-scores", "caption": "V4 is best, by 0.03. The bars are intervals."},
        "image": {"alt": "V4 is best, by 0.03"}}
    assert "remove-cell" in hidden.metadata["tags"]


def test_a_figure_in_two_encodings_is_one(published):
    both = new_output("display_data", {"image/png": "iVBORw0KGgo=", "image/svg+xml": "<svg/>"})
    assert published(code("draw()", both), caption("V4 is best."))[-1].metadata["tags"] == ["caption", "remove-cell"]


def test_an_interactive_drawing_is_a_figure_and_a_table_is_none(published):
    view = View({"Awe": {"V4": np.zeros((1, 2))}}, ["Burst 0."], "a map").show()
    drawing = new_output("display_data", {"text/html": view.data, "text/plain": "<HTML>"})
    *_, figure, _ = published(code("view.show()", drawing), caption("V4 is best."))
    assert figure.metadata["mystnb"]["figure"] == {"name": "fig-scores", "caption": "V4 is best."}
    table = new_output("display_data", {"text/html": "<table></table>", "text/plain": "<HTML>"})
    assert "mystnb" not in published(code("boxed(table)", table))[-1].metadata


def test_a_caption_goes_where_its_cell_drew_nothing(published):
    *_, empty, hidden = published(code("draw()", said("There is nothing to show here.")), caption("Bars."))
    assert "figure" not in empty.metadata["mystnb"] and "remove-cell" in hidden.metadata["tags"]


FAULTS = {
    "no caption": ([code("x = 1\ndraw(x)", PICTURE)], "the figure of the cell 'draw(x)' has no caption"),
    "empty caption": ([code("draw(x)", PICTURE), code("Markdown('')", said(""), tags=["caption"])], "has no caption"),
    "two figures": ([code("draw(x)", PICTURE, PICTURE), caption("Bars.")], "'draw(x)' draws 2 figures"),
    "no figure's cell": ([new_markdown_cell("Text"), caption("Bars.")], "caption 'Bars.' does not follow the code"),
    "error": ([code("x", new_output("error", ename="E", evalue="e", traceback=[]))], "holds an error"),
    "warning": ([code("x", new_output("stream", name="stderr", text="x.py:1: FutureWarning: soon\n"))],
                "a cell warns, which a page must not: x.py:1: FutureWarning: soon"),
    "unrun": ([new_code_cell("x")], "not all of its cells have run"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_refused_in_a_line_that_names_the_notebook_and_the_cell(published, tmp_path, fault):
    cells, complaint = FAULTS[fault]
    with pytest.raises(NotebookError, match=re.escape(complaint)) as refused:
        published(*cells)
    assert str(refused.value).startswith(f"{tmp_path / 'in.ipynb'}: ") and "\n" not in str(refused.value)
    assert not (tmp_path / "out.ipynb").exists()


@pytest.mark.parametrize("text, plain", [
    ("V4 is *best* at 3.5 years (Eq. 8). More follows.", "V4 is best at 3.5 years (Eq. 8)"),
    (r"The [score](results.ipynb) $S_\text{MTL}$ of `over_best`", "The score S_MTL of over_best"),
    ("As in {ref}`the table <table-2>` and {cite:t}`anikin2017`: higher", "As in the table and anikin2017: higher"),
    ("", ""),
])
def test_alternative_text_is_the_first_sentence_without_markup(text, plain):
    assert first_sentence(text) == plain


# Code -------------------------------------------------------------------------------------------------------

def test_code_that_shows_nothing_is_joined_to_what_follows_and_all_code_is_folded(published):
    cells = published(code("import a"), code("b = a"), code("b", said("1")), code("c = b"), new_markdown_cell("Text"),
                      code("%%time\nc"))
    assert [c.source for c in cells[2:]] == ["import a\n\nb = a\n\nb", "c = b", "Text", "%%time\nc"]
    assert [c.metadata["tags"] for c in cells if c.cell_type == "code"] == [["hide-input"]] * 3


def test_code_that_is_to_be_read_is_not_folded(published):
    cells = published(code("load()", said("loaded"), tags=["show-input"]),
                      code("train()", said("trained"), tags=["show-input", "hide-output"]))
    tags = [c.metadata["tags"] for c in cells if c.cell_type == "code"]
    assert tags == [["show-input"], ["show-input", "hide-output"]]


@pytest.mark.parametrize("tag, shown", [("", "hide-input"), ("hide-output", "hide-cell"), ("hide-cell", "hide-cell"),
                                        ("remove-cell", "remove-cell"), ("remove-input", "remove-input")])
def test_the_tag_of_a_cell_with_output_decides_how_much_is_folded(published, tag, shown):
    assert published(code("train()", said("done"), tags=[tag] if tag else []))[-1].metadata["tags"] == [shown]


def test_the_prompt_says_that_output_is_folded_too(published):
    cell = published(code("train()", said("done"), tags=["hide-output"]))[-1]
    assert cell.metadata["mystnb"]["code_prompt_show"] == "Show code and output"


def test_what_is_removed_is_not_joined(published):
    cells = published(code("a = 1"), code("glue(a)", tags=["remove-cell"]), code("a", said("1")))
    assert [c.source for c in cells[2:]] == ["a = 1", "glue(a)", "a"]


def test_parameters_are_one_hidden_cell_apart_from_what_uses_them(published):
    cells = published(code('scale = "demo"', tags=["parameters"]),
                      code('scale = "smoke"', tags=["injected-parameters"]),
                      code("params = Params.resolve(globals())"), code("params", said("demo")))
    assert [c.source for c in cells[2:]] == ['scale = "demo"\n\nscale = "smoke"',
                                            "params = Params.resolve(globals())\n\nparams"]
    assert cells[2].metadata["tags"] == ["parameters", "remove-cell"]


def test_a_page_runs_again_as_a_notebook_and_takes_other_parameters(tmp_path):
    source = notebook(tmp_path / "in.ipynb", "twice = 2 * learning_rate", "print(twice)")
    execute(source, tmp_path / "run.ipynb", {"learning_rate": 0.25})
    publish(tmp_path / "run.ipynb", tmp_path / "page.ipynb")
    nbformat.validate(nbformat.read(tmp_path / "page.ipynb", as_version=4))
    execute(tmp_path / "page.ipynb", tmp_path / "again.ipynb", {"learning_rate": 0.5})
    again = nbformat.read(tmp_path / "again.ipynb", as_version=4).cells
    assert [o.text for cell in again for o in cell.get("outputs", [])] == ["1.0\n"]


def test_a_page_that_ran_again_is_published_with_its_new_answer(published, tmp_path):
    answer = code("say()", said("V4 is best."), tags=["in-short"])
    cells = published(answer, papermill={"input_path": "x", "parameters": {}})
    cells[-2].outputs = [said("V5 is best.")]
    again = new_notebook(cells=cells, metadata={"papermill": {"input_path": "y", "parameters": {}}})
    nbformat.write(again, tmp_path / "in.ipynb")
    publish(tmp_path / "in.ipynb", tmp_path / "out.ipynb")
    assert re.findall(r"V\d|`[xy]`", "".join(c.source for c in nbformat.read(tmp_path / "out.ipynb", 4).cells)) == [
        "V5", "`y`"]


# No trace of a machine --------------------------------------------------------------------------------------

def test_a_page_keeps_results_and_loses_progress_paths_and_times(published):
    streams = [new_output("stream", name=name, text=text)
               for name, text in (("stderr", "50 %"), ("stdout", f"wrote {project_root()}/results/x.csv"))]
    cell = published(code("x", *streams, papermill={"duration": 1}, execution={"iopub.status.busy": "2026"}))[-1]
    assert [o.text for o in cell.outputs] == ["wrote results/x.csv"]
    assert set(cell.metadata) == {"tags"}


# The notebooks of this project ------------------------------------------------------------------------------

NOTEBOOKS = {path.stem: jupytext.read(path) for path in sorted((ROOT / "notebooks").glob("[0-9]*.py"))}


def test_every_notebook_ends_by_saying_in_short_what_came_out():
    last = {name: [c for c in page.cells if c.cell_type == "code"][-1] for name, page in NOTEBOOKS.items()}
    assert [name for name, cell in last.items() if "in-short" not in cell.metadata.get("tags", [])] == []


def test_no_caption_is_kept_in_metadata_where_jupyterlab_shows_none():
    found = [name for name, page in NOTEBOOKS.items() for c in page.cells if "figure" in c.metadata.get("mystnb", {})]
    assert sorted(set(found)) == []


def test_a_label_that_jupyterlab_saves_comes_back_into_the_text():
    options = tomllib.loads((ROOT / "notebooks" / "jupytext.toml").read_text(encoding="utf-8"))
    saved = new_notebook(cells=[caption("Bars.", name="fig-a")],
                         metadata={"jupytext": {"cell_metadata_filter": options["cell_metadata_filter"]}})
    text = jupytext.writes(saved, "py:percent")
    assert '# %% [markdown] tags=["caption"] name="fig-a"\n# Bars.' in text
    assert jupytext.reads(text, "py:percent").cells[0].metadata == {"tags": ["caption"], "name": "fig-a"}
