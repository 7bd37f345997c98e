# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Ensembles
#
# Systems that err in different ways err less together. The paper joins its variants in the plainest manner
# (section 4.2): the predicted intensities and ages are averaged, and the country is the one whose softmax
# probability, averaged over the members, is highest:
#
# $$\hat{y}_\text{emotion} = \frac{1}{M} \sum_{m=1}^{M} \hat{y}^{(m)}_\text{emotion}, \qquad
# \hat{y}_\text{country} = \arg\max_c \frac{1}{M} \sum_{m=1}^{M} p^{(m)}_c .$$
#
# Nothing is trained here. The cells read the members' predictions and write those of the ensembles.

# %% tags=["parameters"]
scale = "demo"  # which file of params/scales

# %%
import matplotlib.pyplot as plt

from burst2vec.config import Params
from burst2vec.corpora.opening import open_corpus
from burst2vec.report import tables
from burst2vec.report.figures import results as figures
from burst2vec.report.figures import style
from burst2vec.report.page import banner
from burst2vec.results import ensembles, runs, scores
from burst2vec.systems import folders

params = Params.resolve(globals())
plt.rcParams.update(style.STYLE)

# %%
corpus = open_corpus(params)
banner(corpus)

# %% [markdown]
# ## Members
#
# Which systems an ensemble joins stands in `params/ensembles.yaml`.

# %%
members = ensembles.read_ensembles()
members

# %% [markdown]
# `build` reads the members' predictions and joins them burst by burst. It refuses members that do not cover
# the same bursts.

# %%
built = ensembles.build(params.run_folder, corpus.tasks, members)
for code, predictions in built.items():
    folders.write_ensemble(params.run_folder / code, members[code], predictions, corpus)
next(iter(built.values())).head().round(3)

# %% [markdown]
# ## What joining gains
#
# An average cannot be worse in absolute error than its members are on average: the error of the mean is at
# most the mean of the errors, and how much smaller it is depends on how little the members agree. No such
# promise holds against the *best* member, nor for CCC, UAR or $S_\text{MTL}$. Both comparisons are therefore
# made, on validation; a gain is positive where the ensemble is better, also in age error.

# %%
predictions, models = runs.read_systems(params.run_folder)
table = scores.table2(corpus, predictions, models)
tables.boxed(scores.ensemble_gains(table, members))

# %% mystnb={"figure": {"name": "fig-ensembles", "caption": "Ensembles beside their members, on validation."}}
figures.draw_ensembles(table, members, scores.metric_names(table));
