"""Readers of corpora: each module turns one layout on disk into a `Reading`. A new layout is one small module here.

They use the room's own `corpus`, `plausibility`, `recordings` and `spelling`. Read `reading` first, then `emogator`,
the shortest reader, and `layouts`, which lists them.
"""
