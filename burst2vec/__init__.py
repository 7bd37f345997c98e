"""Burst2Vec: emotion, age and origin from vocal bursts, after Anuchitanukul and Specia (2022).

One module per stage, in the order of the data: `corpus` and `readers`, `audio` and `store`, `batches`, `backbone`
and `checkpoints`, `model`, `losses` and `adversarial`, `training`, `inference`, `predictions`, then `metrics`,
`ensembles`, `significance`, `tables` and `figures`. What was trained goes on in `pretrained`, with a `card`, to hear
`recordings`, and in `submission`. Importing the package alone loads none of them.
"""

import warnings

# Progress bars are meant to be text: a report has no widgets.
warnings.filterwarnings("ignore", message="IProgress not found")

__version__ = "0.1.0"
