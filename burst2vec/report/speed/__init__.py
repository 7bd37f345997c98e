"""What the benchmarks' files say, as tables and sentences. Nothing is measured here.

It uses `config` and the report's own tables. Read `measured` first.
"""
