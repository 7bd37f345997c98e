"""What a corpus is like, and what is wrong in it.

The room uses `audio`, `corpora` and `evaluation`. Read `check` first, then `description`.
"""
