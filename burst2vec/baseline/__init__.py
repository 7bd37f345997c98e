"""The challenge's baseline: openSMILE's ComParE functionals and a small network over them.

It uses `training` and what lies below it. Read `network` first.
"""
