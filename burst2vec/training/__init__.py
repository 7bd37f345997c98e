"""From batches to best weights, in steps that survive interruption and that several processes share.

It uses `models` and what lies below them. Read `trainer` first, the whole loop, then `step`.
"""
