"""Scores of predictions and their uncertainty: metrics, intervals over speakers and seeds, significance tests.

No module here imports torch. This room uses `corpora` and `machine`. Read `metrics` first, then `bootstrap`, on which
every interval rests, and `crossed`, which adds the seeds of a training to the speakers.
"""
