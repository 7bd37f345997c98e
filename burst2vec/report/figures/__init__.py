"""The figures of the report. They draw what other rooms have computed; no result is computed here.

A function `plot_…` draws on the axes that it is given and returns them; a function `draw_…` makes a whole figure.
Read `style` first.
"""
