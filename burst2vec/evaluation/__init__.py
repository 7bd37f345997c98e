"""Scores of predictions and how sure they are: metrics, intervals over speakers, tests. No torch.

It uses `corpora`. Read `metrics` first, then `bootstrap`, on which every interval rests.
"""
