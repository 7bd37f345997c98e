"""Notebooks as jobs: executed with parameters, given GPUs, interrupted, published, and described by what they ran on.

The room uses `machine` and `config`. Read `notebooks` first, then `client`, which runs a notebook's cells,
`publishing`, which makes pages of executed notebooks, and `workflow`, which the Snakefile uses. `engine` is where
papermill finds the way to `client`.
"""
