"""The report's figures: each function draws on axes, or makes a figure of them, and computes nothing.

They use every room below. Read `style` first.
"""
