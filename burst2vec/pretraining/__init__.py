"""Backbones that learn from recordings without labels (appendices A and B), and what their frozen features tell.

It uses `training` and the rooms below it. Read `objectives` first, then `trainer`, which has the whole loop; `units`
and `masking` say what is to be guessed, and `probes` what it is good for.
"""
