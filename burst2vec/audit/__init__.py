"""What debiasing changed: what can be read from the representations, and for whom the predictions improve or worsen.

This room uses `models`, `inspection` and the rooms below them. Read `probes` first, then `twins`.
"""
