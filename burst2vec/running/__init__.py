"""Notebooks as jobs: executed with parameters, given GPUs, interrupted, published, and what they ran on.

It uses `machine` and `config`. Read `notebooks` first, then `engine`, which papermill calls.
"""
