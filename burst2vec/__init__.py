"""Burst2Vec: emotion, age and origin from vocal bursts, after Anuchitanukul and Specia (2022).

One module per stage, in the order of the data: `corpus` and `readers`, `audio` and `store`, `batches`, `backbone`,
`model`, `losses` and `adversarial`, `training`, `predictions`, then `metrics`, `ensembles`, `significance`,
`tables` and `figures`. Importing the package alone loads none of them.
"""

__version__ = "0.1.0"
