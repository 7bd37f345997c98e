"""Bursts and tasks as one table, whatever the corpus's layout on disk.

The room uses `machine` and `config`. Read `corpus` first, then `opening`; `readers` has a module for each layout,
`synthetic` makes the embedded corpora, and `conversion` makes recordings readable.
"""
