"""Trained models as folders: saved, loaded, described by a card, predicting recordings, submitted to the challenge.

It uses `training`, `results` and what lies below them. Read `saved` first, then `recordings`.
"""
