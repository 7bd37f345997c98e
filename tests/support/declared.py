"""The declaration of a corpus in the generic layout, as tests write it."""

from __future__ import annotations

HEAD = """
table: bursts.csv
file: file
speaker: speaker
split: split
tasks:
"""
"""A `corpus.yaml` up to its tasks, of which a line each follows: `  pitch: {kind: classes, columns: [pitch]}`."""
