"""Training: from batches to the best weights, in steps that survive interruption and that several processes can share.

This room uses `models` and the rooms below it. Read `trainer` first, which has the whole loop, then `step`.
"""
