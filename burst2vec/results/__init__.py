"""A run's systems side by side: scores, ensembles, seeds, and the paper's claims.

It uses `training` (the folder that a training writes) and what lies below it, torch-free modules only. Read `runs`
first, then `scores` and `claims`.
"""
