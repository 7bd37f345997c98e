"""What debiasing did: what can be read from the representations, and who gains or loses.

It uses `systems` and what lies below them. Read `probes` first, then `twins`.
"""
