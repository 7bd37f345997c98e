"""Trained models as folders: written, loaded, described by a card, used on recordings, and submitted to the challenge.

It uses `training`, `results` and the rooms below them. Read `predictor` first, then `recordings`, which it rests on.
"""
