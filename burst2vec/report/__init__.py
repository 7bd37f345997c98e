"""Everything that a page of the report shows: tables, sentences, audio players and figures.

It uses every room below it; only the notebooks use it. Read `tables` first.
"""
