"""The systems of a run side by side: scores, ensembles, seeds, and the paper's claims and marks.

This room uses `evaluation`, `inspection` and the rooms below them; no module here imports torch.
Read `runs` first, then `scores` and `claims`.
"""
