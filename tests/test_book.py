"""The book: its sources keep their promises, and its pages are sound in a real browser without a network."""

from __future__ import annotations

import base64
import hashlib
import html
import importlib.util
import io
import pkgutil
import re
import tomllib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import yaml
from docutils import nodes
from docutils.utils import new_document

import burst2vec
from burst2vec.config import Params, parse

pytest.importorskip("selenium")
from tests.support import browser  # noqa: E402  (it imports selenium)

in_browser = pytest.mark.skipif(browser.MISSING is not None, reason=str(browser.MISSING))
ROOT = Path(__file__).parents[1]
BOOK = ROOT / "book"


# The sources ------------------------------------------------------------------------------------------------

def chapters() -> list[str]:
    toc = yaml.safe_load((BOOK / "_toc.yml").read_text(encoding="utf-8"))
    return [toc["root"], *(chapter["file"] for part in toc["parts"] for chapter in part["chapters"])]


def test_every_prose_page_is_in_the_table_of_contents_and_the_other_way_round():
    listed = {name for name in chapters() if not name.startswith("book/notebooks/")}
    assert listed == {page.relative_to(ROOT).with_suffix("").as_posix() for page in BOOK.rglob("*.md")}


def test_the_api_reference_has_a_page_for_each_room_from_the_ground_up():
    [contract] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = [name for layer in reversed(contract["layers"]) for name in layer.split(" | ")]
    pages = [name.removeprefix("book/api/") for name in chapters() if name.startswith("book/api/")]
    assert pages == ["overview", *(layer for layer in layers if not layer.startswith("_"))]


def test_every_variant_has_a_page():
    variants = {path.stem for path in (ROOT / "params" / "variants").glob("V*.yaml")}
    assert {f"book/notebooks/{code}" for code in variants} <= set(chapters())


@pytest.mark.parametrize("page", ["silent.md", "notation.md", "reproduce.md", "corpora.md"])
def test_parameters_that_a_page_names_exist(page):
    text = (BOOK / page).read_text(encoding="utf-8")
    settings = re.findall(r"`(\w+): (\w+)`", text)
    for setting in settings:
        Params.resolve(parse([setting]))
    last_column = re.findall(r"\| ([^|]*) \|$", text, re.MULTILINE) if page == "silent.md" else []
    named = re.findall(r"`(\w+)`", " ".join(last_column)) + re.findall(r"-p (\w+) ", text)
    assert set(named) <= set(Params.names())


def test_every_reference_is_cited_and_every_citation_has_its_reference():
    sources = [*BOOK.glob("*.md"), *(ROOT / "notebooks").glob("*.py")]
    cited = {key.strip() for source in sources for keys in
             re.findall(r"\{cite:\w+\}`([^`]*)`", source.read_text(encoding="utf-8"))
             for key in keys.split(",")}
    bibliography = (BOOK / "references.bib").read_text(encoding="utf-8")
    assert cited == set(re.findall(r"^@\w+\{(\w+),", bibliography, re.MULTILINE))


def test_the_method_numbers_its_equations_as_the_paper_does():
    method = (BOOK / "method.md").read_text(encoding="utf-8")
    assert re.findall(r"^\$\$ \(([\w-]+)\)$", method, re.MULTILINE) == [
        "ccc", "ccc-loss", "mae-loss", "ce-loss",
        "output-loss", "discriminator-loss", "adversarial-loss", "objective"]


def test_mathjax_is_the_file_that_its_notice_names():
    notice = (BOOK / "assets" / "NOTICE.txt").read_text(encoding="utf-8")
    assert hashlib.sha256((BOOK / "assets" / "tex-svg-full.js").read_bytes()).hexdigest() in notice


# The extension of pages -------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def pages():
    """The module `book/_ext/pages.py`, which is no part of a package."""
    spec = importlib.util.spec_from_file_location("pages", BOOK / "_ext" / "pages.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def section(*children: nodes.Node) -> nodes.document:
    document = new_document("page")
    document += nodes.section("", nodes.title("", "Results"), *children)
    return document


def test_a_page_is_described_by_its_answer_or_else_its_first_paragraph(pages):
    banner = nodes.container("", nodes.paragraph("", "Synthetic corpus."), classes=["banner"])
    answer = nodes.admonition("", nodes.title("", "In short"), nodes.paragraph("", r"V4 has the best S_\text{MTL}."),
                              classes=["in-short"])
    text = nodes.paragraph("", "Every system has left a table. " + "word " * 60)
    assert pages.describe(section(banner, text, answer)) == "V4 has the best S_MTL."
    said = pages.describe(section(banner, text))
    assert said.startswith("Every system has left a table. word") and said.endswith(" …") and len(said) <= 200
    assert pages.describe(section()) == ""


def test_a_sound_in_a_page_becomes_one_file_however_often_it_is_there(pages, tmp_path):
    player = f'<audio src="{data_uri("audio/wav", wav())}"></audio>'
    context = {"body": player + player, "pathto": lambda name, _: f"../{name}"}
    pages.write_sounds(SimpleNamespace(outdir=tmp_path), "book/page", "page.html", context, None)
    [file] = (tmp_path / "_sounds").iterdir()
    assert file.read_bytes() == wav() and file.suffix == ".wav"
    assert context["body"] == f'<audio src="../_sounds/{file.name}"></audio>' * 2


# The checker ------------------------------------------------------------------------------------------------

def data_uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def wav() -> bytes:
    """A tenth of a second of silence."""
    content = io.BytesIO()
    soundfile.write(content, np.zeros(1600), 16_000, format="WAV")
    return content.getvalue()


DOT = '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'
SOUND = f"""
<h1>A page</h1>
<span class="math"><mjx-container><svg width="9" height="9"></svg></mjx-container></span>
<img alt="a dot alone" src="{data_uri('image/svg+xml', DOT.encode())}">
<div class="in-short">V4 is best.</div>
<table><tr><th>code</th></tr><tr><td>V1</td></tr></table>
<audio controls src="{data_uri('audio/wav', wav())}"></audio>
<div style="overflow-x: auto"><div style="width: 2000px">wide, in a box of its own</div></div>
<p>See <a href="https://example.org/home/page">a page elsewhere</a>.</p>
"""
FAULTS = {
    "remote": ('<img src="https://example.org/figure.png">', "remote request: https://example.org"),
    "figure": ('<img src="figure.png">', "figure missing: figure.png"),
    "unsaid": (f'<img alt="Figure 3" src="{data_uri("image/svg+xml", DOT.encode())}">', "no phrase stands for figure"),
    "scrollbar": ('<mjx-container style="overflow: auto">x</mjx-container>', "maths in a line scrolls: x"),
    "audio": ('<audio src="data:audio/wav;base64,AAAA"></audio>', "audio does not play"),
    "maths": (r'<span class="math">\(x^2\)</span>', r"maths not rendered: \(x^2\)"),
    "undefined": (r"<mjx-container><mjx-merror>\oops</mjx-merror></mjx-container>", r"maths error: \oops"),
    "table": ("<table><tr><th>code</th></tr></table>", "table empty"),
    "console": ("<script>throw new Error('oh')</script>", "Uncaught Error: oh"),
    "path": ("<p>read /home/someone/wav/00001.wav</p>", "local path: /home/someone/wav/00001.wav"),
    "here": (f"<p>{Path.cwd() / 'params'}</p>", f"local path: {Path.cwd() / 'params'}"),
    "error": ('<div class="cell_output"><p class="output traceback">ValueError</p></div>', "error output"),
    "stderr": ('<div class="cell_output"><div class="output stderr">3 of 4</div></div>', "output on stderr"),
    "warning": ('<div class="cell_output"><pre>x.py:3: UserWarning: beware</pre></div>', "warning in a cell"),
    "builder": ('<div class="system-message">unknown</div>', "error of the book builder"),
    "wide": ('<div class="banner" style="width: 500px">wide</div>', 'px wide, by <div class="banner">'),
}


@pytest.fixture(scope="module")
def small_site(tmp_path_factory):
    """The visits to a site of two pages, one sound and one with every fault."""
    folder = tmp_path_factory.mktemp("site")
    faults = "".join(fault for fault, _ in FAULTS.values())
    for name, content in {"sound": SOUND, "faulty": SOUND + faults}.items():
        page = f'<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">{content}'
        (folder / f"{name}.html").write_text(page, encoding="utf-8")
    return browser.visit_site(folder)


@in_browser
def test_a_sound_page_passes(small_site):
    assert small_site["sound.html"].problems == []
    assert small_site["sound.html"].counts == {"maths": 1, "figures": 1, "tables": 1, "players": 1}


@in_browser
def test_a_page_is_weighed_and_its_answer_is_found(small_site):
    sound = small_site["sound.html"]
    assert sound.weight >= len(SOUND) and 50 < sound.answer_at < 300


@in_browser
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found(small_site, name):
    assert any(FAULTS[name][1] in problem for problem in small_site["faulty.html"].problems)


def test_base64_that_looks_like_a_path_is_none():
    assert browser.local_paths('<img src="data:image/png;base64,AA/home/AA">') == []


def test_a_site_without_pages_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no page"):
        browser.check_site(tmp_path)


# The API reference ------------------------------------------------------------------------------------------

def api_page(built_book: Path, room: str) -> str:
    """Returns the HTML of what a page of the API reference says, without menus."""
    page = (built_book / f"book/api/{room}.html").read_text(encoding="utf-8")
    return page[page.index("<article"):page.index("</article>")]


def test_every_name_that_the_package_offers_leads_from_the_overview_to_its_room(built_book):
    overview = api_page(built_book, "overview")
    for name in burst2vec.__all__:
        home = f"{burst2vec._HOMES[name]}.{name}"
        room = home.split(".")[0]
        assert f'href="{room}.html#burst2vec.{home}"' in overview, name
        assert f'id="burst2vec.{home}"' in api_page(built_book, room), name


def test_every_module_has_a_section_on_the_page_of_its_room(built_book):
    modules = [module.name for module in pkgutil.walk_packages(burst2vec.__path__, "burst2vec.")]
    for module in modules:
        room = module.split(".")[1]
        assert room.startswith("_") or f'id="module-{module}"' in api_page(built_book, room), module


def test_no_markup_of_a_docstring_reaches_the_reader(built_book):
    for page in (built_book / "book" / "api").glob("*.html"):
        text = html.unescape(re.sub(r"<[^>]+>", "", api_page(built_book, page.stem)))
        assert re.findall(r".*(?:`|\|-|~[a-z]+\.).*", text) == [], page.name


def test_a_function_leads_to_its_source(built_book):
    assert 'href="../../_modules/burst2vec/evaluation/metrics.html#ccc"' in api_page(built_book, "evaluation")


# The pages --------------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def visits(built_book):
    """What Chromium saw of the whole book, built at the smallest scale."""
    return browser.visit_site(built_book)


@in_browser
def test_the_book_has_no_problem(visits):
    assert [f"{page}: {problem}" for page, visit in visits.items() for problem in visit.problems] == []


@in_browser
def test_every_chapter_is_a_page(visits):
    assert {f"{name}.html" for name in chapters()} <= set(visits)


@in_browser
def test_a_page_made_of_a_notebook_begins_with_its_answer(visits):
    """On its first screen at 1280 pixels, below the title and the line that says what is synthetic."""
    late = {page: visit.answer_at for page, visit in visits.items()
            if page.startswith("book/notebooks/") and not (visit.answer_at and visit.answer_at < 600)}
    assert late == {}


@in_browser
def test_a_page_without_mathematics_loads_less_than_two_megabytes(visits):
    heavy = {page: visit.weight for page, visit in visits.items()
             if not visit.counts.get("maths") and visit.weight > 2_000_000}
    assert heavy == {}


def test_sounds_are_files_that_are_loaded_when_played(built_book):
    page = (built_book / "book/notebooks/dataset.html").read_text(encoding="utf-8")
    sources = re.findall(r'<audio controls preload="none"[^>]* src="([^"]*)"', page)
    assert sources and page.count("<audio") == len(sources)
    assert all((built_book / "book/notebooks" / source).resolve().is_file() for source in sources)


def test_what_a_reader_can_look_into_is_a_figure_with_a_number(built_book):
    page = (built_book / "book/notebooks/look.html").read_text(encoding="utf-8")
    figures = re.findall(r'<figure [^>]*id="(fig-look-\w+)">(.*?)</figure>', page, re.DOTALL)
    assert [name for name, _ in figures] == ["fig-look-intensities", "fig-look-maps"]
    assert all('class="bursts"' in content and 'class="caption-number">Fig. ' in content for _, content in figures)


# The head of a page -----------------------------------------------------------------------------------------

def head(built_book: Path, page: str) -> str:
    return (built_book / f"{page}.html").read_text(encoding="utf-8").partition("</head>")[0]


@pytest.mark.parametrize("page", ["book/intro", "book/method", "book/notebooks/results"])
def test_the_head_describes_the_page_and_has_a_card_for_links(built_book, page):
    found = dict(re.findall(r'<meta (?:name|property)="([\w:]+)" content="([^"]*)" />', head(built_book, page)))
    assert 40 < len(found["description"]) <= 200 and found["og:description"] == found["description"]
    assert found["og:site_name"] == "Burst2Vec" and found["og:title"]
    assert (built_book / page).parent.joinpath(found["og:image"]).resolve().read_bytes().startswith(b"\x89PNG")


def test_a_page_made_of_a_notebook_is_described_by_its_answer(built_book):
    body = (built_book / "book/notebooks/results.html").read_text(encoding="utf-8")
    description = re.search(r'<meta name="description" content="([^"]{30})', body)[1]
    answer = body[body.index('<div class="in-short admonition">'):]
    assert description in html.escape(html.unescape(re.sub(r"<[^>]+>", "", answer)))


def test_the_project_is_named_once_in_a_title(built_book):
    titles = {page: re.search("<title>(.*?)</title>", head(built_book, page))[1]
              for page in ("book/intro", "book/method")}
    assert {page: title.count("Burst2Vec") for page, title in titles.items()} == {"book/intro": 1, "book/method": 1}


def test_a_listing_names_its_file_and_object(built_book):
    page = html.unescape(re.sub(r"<[^>]+>", "", (built_book / "book/method.html").read_text(encoding="utf-8")))
    assert "burst2vec/models/losses.py: ccc_loss" in page


HOLDS = {
    "intro": "figures tables", "introduction": "maths tables", "method": "maths figures tables",
    "corpora": "tables", "silent": "tables", "notation": "maths tables", "reproduce": "tables", "predict": "tables",
    "notebooks/pretraining": "maths tables figures",
    "notebooks/experiments": "tables figures", "notebooks/dataset": "tables figures players",
    "notebooks/preprocessing": "figures", "notebooks/baseline": "figures", "notebooks/V1": "figures",
    "notebooks/ensembles": "tables maths", "notebooks/results": "maths tables figures",
    "notebooks/audit": "maths tables figures", "notebooks/speed": "tables figures",
    "notebooks/choices": "tables figures", "notebooks/multitask": "maths tables figures",
    "api/overview": "tables", "api/corpora": "tables", "api/report": "tables",
}


@in_browser
@pytest.mark.parametrize("page", HOLDS)
def test_a_page_holds_what_it_is_for(visits, page):
    counts = visits[f"book/{page}.html"].counts
    assert [kind for kind in HOLDS[page].split() if not counts[kind]] == []
