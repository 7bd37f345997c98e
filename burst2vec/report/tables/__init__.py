"""Tables as HTML for the pages of the report.

`boxed` makes a table of any data frame: readable names, numbers with a sensible number of digits, and a box of its own
that scrolls sideways, so that it can be read on a phone. The `render_` functions make the table of one kind of result,
and all of them go through `boxed`. Read `frames` first.
"""
