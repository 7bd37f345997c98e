"""A Sphinx extension for what each page's HTML says and weighs.

A page's head has a description, which is its *In short* or else its first paragraph, and a card for sites that show
links. Sounds that a notebook holds become files, which a browser loads when they are played. Each listing names its
file.
"""

from __future__ import annotations

import base64
import hashlib
import re
import textwrap
from html import escape
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.directives.code import LiteralInclude

LONGEST_DESCRIPTION = 200
"""Characters; search engines cut off what is longer."""

SOUND = re.compile(r"data:audio/([\w.+-]+);base64,([A-Za-z0-9+/=]+)")
CARD = "_static/card.png"


class Listing(LiteralInclude):
    """Code from a file, with the file's path and the object's name above it."""

    def run(self) -> list[nodes.Node]:
        path, _ = self.env.relfn2path(self.arguments[0])
        thing = f": `{self.options['pyobject']}`" if "pyobject" in self.options else ""
        self.options.setdefault("caption", f"`{path}`{thing}")
        return super().run()


def complete_head(app: Sphinx, page: str, template: str, context: dict, doctree: nodes.document | None) -> None:
    """Adds a description and a card to a page's head, and does not name the project twice in its title."""
    site, title = app.config.project, re.sub(r"<[^>]+>", "", context.get("title", ""))
    if title.startswith(site):
        context["docstitle"] = ""  # what the theme would put behind the title
    said = describe(doctree) if doctree else ""
    if not said:
        return
    image = app.config.html_baseurl + CARD if app.config.html_baseurl else context["pathto"](CARD, 1)
    tags = {"name": {"description": said, "twitter:card": "summary_large_image"},
            "property": {"og:title": title, "og:description": said, "og:type": "article", "og:site_name": site,
                         "og:image": image}}
    context["metatags"] += "".join(f'\n    <meta {kind}="{name}" content="{escape(text)}" />'
                                   for kind, values in tags.items() for name, text in values.items())


def describe(doctree: nodes.document) -> str:
    """A page's *In short*, or else its first paragraph, without markup and not too long."""
    boxes = [node for node in doctree.findall(nodes.admonition) if "in-short" in node["classes"]]
    paragraphs = [node for node in doctree.findall(nodes.paragraph)
                  if node.parent in boxes or isinstance(node.parent, nodes.section)]
    first = next((node for node in paragraphs if node.parent in boxes), paragraphs[0] if paragraphs else nodes.Text(""))
    text = re.sub(r"\\\w+\{([^}]*)\}", r"\1", first.astext())  # \text{MTL}
    text = re.sub(r"<[^>]+>", "", text)  # <sub>
    return textwrap.shorten(text, LONGEST_DESCRIPTION, placeholder=" …")


def write_sounds(app: Sphinx, page: str, template: str, context: dict, doctree: nodes.document | None) -> None:
    """Puts addresses of files in place of the sounds in a page, and writes those files, named by their content."""
    def written(found: re.Match[str]) -> str:
        content = base64.b64decode(found[2])
        name = f"_sounds/{hashlib.sha256(content).hexdigest()[:20]}.{'mp3' if found[1] == 'mpeg' else found[1]}"
        path = Path(app.outdir) / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        return context["pathto"](name, 1)

    if "body" in context:
        context["body"] = SOUND.sub(written, context["body"])


def drop_mathjax(app: Sphinx, page: str, template: str, context: dict, doctree: nodes.document | None) -> None:
    """Takes MathJax, 2.3 MB, from a page without mathematics: Sphinx gives it to every page above one that has some."""
    if 'class="math' not in context.get("body", ""):
        context["script_files"][:] = [script for script in context["script_files"]
                                      if app.config.mathjax_path not in str(getattr(script, "filename", script))]


def lighten(app: Sphinx, error: Exception | None) -> None:
    """Empties the theme's script of icons, 1.5 MB: its style sheet shows the same icons from a font."""
    script = Path(app.outdir) / "_static" / "scripts" / "fontawesome.js"
    if script.is_file():
        script.write_text("", encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Connects the extension to Sphinx."""
    app.add_directive("literalinclude", Listing, override=True)
    app.connect("html-page-context", complete_head)
    app.connect("html-page-context", write_sounds)
    app.connect("html-page-context", drop_mathjax, priority=900)  # after Sphinx has added it
    app.connect("build-finished", lighten)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
