"""Networks, losses and the one inference loop.

It uses `corpora`, `audio` and `evaluation`. Read `burst2vec` beside the paper's Figure 2, then `losses` beside its
equations.
"""
