"""Whatever a page of the report shows: tables, sentences, players, figures.

It uses every room below it, and nothing uses it but the notebooks and the command line. Read `tables` first.
"""
