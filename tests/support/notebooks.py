"""Notebooks that tests run."""

from __future__ import annotations

from pathlib import Path

import nbformat


def notebook(path: Path, *sources: str) -> Path:
    """Writes a notebook with a cell of parameters, `scale` alone, and cells of these sources."""
    cells = [nbformat.v4.new_code_cell('scale = ""', metadata={"tags": ["parameters"]})]
    page = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# A page\n\nText"), *cells,
                                           *map(nbformat.v4.new_code_cell, sources)],
                                    metadata={"kernelspec": {"name": "python3", "display_name": "Python 3",
                                                             "language": "python"}})
    nbformat.write(page, path)
    return path
