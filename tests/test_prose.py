"""The prose pages answer first, can be found by the words that a reader would search for, and quote what is there."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest
import yaml

from burst2vec.report.figures.claims import VERDICTS

ROOT = Path(__file__).parents[1]
BOOK = ROOT / "book"
PAGES = [page for page in sorted(BOOK.glob("*.md")) if page.name not in ("references.md", "intro.md")]
CARD = ROOT / "burst2vec" / "weights" / "emogator" / "README.md"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_begins_with_a_paragraph_that_answers(page):
    title, first, *_ = page.read_text(encoding="utf-8").split("\n\n")
    assert title.startswith("# ") and re.match(r"\w", first) and len(first.split()) >= 20


@pytest.mark.parametrize(("word", "page"), [
    ("limitations", "limitations"), ("Fairness", "limitations"), ("Install", "reproduce"), ("Colab", "reproduce"),
    ("container", "reproduce")])
def test_a_heading_has_the_word_that_a_reader_searches_for(word, page):
    headings = re.findall(r"^#+ .*", (BOOK / f"{page}.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert any(word in heading for heading in headings)


def glued(notebook):
    """The names that a notebook glues, and those of the texts and verdicts that its loops glue."""
    names = set(re.findall(r'glue\("(\w+)"', notebook))
    if "landing.sentences(" in notebook:
        source = (ROOT / "burst2vec" / "report" / "landing.py").read_text(encoding="utf-8")
        names |= set(re.findall(r'"(\w+)": \w+\(', source))
    if "for verdict in VERDICTS" in notebook:
        names |= {"_".join(["claims", *re.findall(r"\w+", verdict)]) for verdict in VERDICTS}
    return names


@pytest.mark.parametrize(("page", "notebook", "name"), [
    (page.name, *quoted) for page in sorted(BOOK.glob("*.md"))
    for quoted in re.findall(r"\{glue:\w*\}`notebooks/(\w+)\.ipynb::(\w+)", page.read_text(encoding="utf-8"))])
def test_what_a_page_quotes_of_a_notebook_is_glued_there(page, notebook, name):
    [file] = (ROOT / "notebooks").glob(f"[0-9][0-9]_{notebook}.py")
    assert name in glued(file.read_text(encoding="utf-8")), page


@pytest.mark.parametrize(("page", "name", "file"), [
    (page.name, *quoted) for page in sorted(BOOK.glob("*.md")) for quoted in re.findall(
        r"```\{glue:\} (\w+)\n:doc: notebooks/(\w+)\.ipynb", page.read_text(encoding="utf-8"))])
def test_a_table_that_a_page_quotes_is_glued_in_its_notebook(page, name, file):
    test_what_a_page_quotes_of_a_notebook_is_glued_there(page, file, name)


INCLUDED = re.compile(r"```\{include\} (\S+)\n((?::[\w-]+: .*\n)*)```")


@pytest.mark.parametrize("page", ["limitations", "records"])
def test_what_a_page_quotes_of_a_file_is_there_once(page):
    for path, options in INCLUDED.findall((BOOK / f"{page}.md").read_text(encoding="utf-8")):
        text = (BOOK / path).read_text(encoding="utf-8")
        for option, marker in re.findall(r":([\w-]+): (.*)", options):
            if option in ("start-after", "end-before"):
                assert text.count(marker.strip('"')) == 1, marker
                assert marker.startswith('"') or "#" not in marker, f"{marker}: read as a comment without quotes"


def test_the_shipped_model_recognises_some_emotions_in_half_of_their_bursts_and_others_hardly_ever():
    rows = re.findall(r"^\| [^|]+ \| [\d,]+ \| ([\d.]+) \(", CARD.read_text(encoding="utf-8"), re.MULTILINE)
    recalls = [float(row) for row in rows]
    assert max(recalls) > 0.45 and min(recalls) < 0.05 and sum(recalls) / len(recalls) < 0.5


def test_the_records_say_what_their_page_says_of_them():
    records = ROOT / "tests" / "faults" / "records"
    fuzzed = json.loads((records / "fuzz.json").read_text())["targets"].values()
    assert not any(target["findings"] for target in fuzzed)
    with (records / "faults.csv").open(encoding="utf-8", newline="") as file:
        lost = {row["fault"]: row["what is lost"] for row in csv.DictReader(file)}
    assert [fault for fault, what in lost.items() if not what.startswith("nothing")] == ["both checkpoints are damaged"]
    *_, disturbed, _, last = (ROOT / "tests" / "cluster" / "record.txt").read_text().strip().split("\n")
    assert "went on after iteration" in disturbed and last.endswith("index.html is there")


def test_an_image_takes_nothing_along_that_can_be_made_again():
    ignored, kept_out = ((ROOT / name).read_text().split() for name in (".gitignore", ".dockerignore"))
    for name in ("_build", "cache", "results", ".venv", "book/notebooks"):
        assert f"/{name}/" in ignored and name in kept_out


def test_the_image_makes_the_report_by_the_readmes_first_command_and_serves_where_it_lies():
    said = (ROOT / "Dockerfile").read_text()
    assert "RUN make report" in said and '"--directory", "_build/html", "8000"' in said
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    first = re.search(r"```sh\n(.*?)\n(.*?)\n```", readme)
    assert first and [line.split("#")[0].strip() for line in first.groups()] == ["make report", "make test"]
    config = yaml.safe_load((ROOT / "_config.yml").read_text())
    assert config["execute"]["execute_notebooks"] == "off"
