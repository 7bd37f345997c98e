"""Figures of the book: each function draws on the axes it is given, from tables that others computed."""
