"""Corpora that the project synthesises itself, with a bias between age and country that is known.

They use the room's `corpus` and `readers.exvo`. Read `population` (who speaks), `expression` (what an emotion sounds
like), `sourcefilter` (the voice) and `synthesis`, which puts them together, in this order.
"""
