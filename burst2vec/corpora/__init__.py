"""Bursts and tasks as one table, whatever the corpus's layout on disk.

It uses `machine` and `config`. Read `corpus` first, then `opening`; `readers` has a module for each layout and
`synthetic` makes the embedded corpora.
"""
