"""What a corpus is like, and what is wrong in it.

It uses `corpora`, `audio` and `evaluation`. Read `check` first, then `description`.
"""
