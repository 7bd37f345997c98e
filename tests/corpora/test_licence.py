"""What is said of a corpus's licence is what lies in its folder."""

from __future__ import annotations

import dataclasses

from burst2vec.corpora.licence import find_licence


def test_the_licence_is_the_first_line_of_its_file(tiny_corpus, tmp_path):
    there = dataclasses.replace(tiny_corpus, root=tmp_path)
    assert find_licence(there) == ""
    (tmp_path / "LICENSE.txt").write_text("\n   Apache License\n   Version 2.0\n")
    assert find_licence(there) == "Apache License"
