"""What the benchmark files say about speed, as tables and sentences. Nothing is measured here.

It uses the rooms below `report`. Read `measured` first, then `tables` and `sentences`.
"""
