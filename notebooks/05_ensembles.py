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
# Systems that err in different ways err less together. The paper joins its variants in
# the plainest manner (section 4.2): the predicted intensities and ages are averaged,
# and the country is the one whose softmax probability, averaged over the members, is
# highest:
#
# $$\hat{y}_\text{emotion} = \frac{1}{M} \sum_{m=1}^{M} \hat{y}^{(m)}_\text{emotion},
# \qquad
# \hat{y}_\text{country} = \arg\max_c \frac{1}{M} \sum_{m=1}^{M} p^{(m)}_c .$$
#
# Nothing is trained here. The cells read the members' predictions and write those of
# the ensembles.

# %% tags=["parameters"]
scale = "demo"  # which file of params/scales

# %%
from burst2vec.config import Params

params = Params.resolve(globals())

# %% tags=["banner"]
from IPython.display import Markdown, display

from burst2vec.corpora.opening import open_corpus
from burst2vec.report.page import banner

corpus = open_corpus(params)
banner(corpus)

# %% [markdown]
# ## Members
#
# `params/ensembles.yaml` says which systems each ensemble joins. An ensemble is left
# out where a member of it could not be trained.

# %%
from burst2vec.results import ensembles
from burst2vec.results.runs import read_systems

trained, _ = read_systems(params.run_folder)
members = ensembles.complete(ensembles.read_ensembles(), trained)
members

# %% [markdown]
# `build` reads the members' predictions and joins them burst by burst. It refuses
# members that do not cover the same bursts.

# %%
from burst2vec.systems.folders import write_ensemble

beside = params.run_folder  # where the members are
built = ensembles.build(beside, corpus.tasks, members)
for code, predictions in built.items():
    write_ensemble(params.output(code), members[code], predictions, corpus, beside)
for predictions in list(built.values())[:1]:
    display(predictions.head().round(3))

# %% [markdown]
# ## What joining gains
#
# An average cannot be worse in absolute error than its members are on average: the
# error of the mean is at most the mean of the errors, and how much smaller it is
# depends on how little the members agree. No such promise holds against the *best*
# member, nor for CCC, UAR or $S_\text{MTL}$. Both comparisons are therefore made, on
# validation; a gain is positive where the ensemble is better, also in age error. Its
# interval says how far it would move with other speakers: both are scored on the same
# resamples, so a gain is surer than either score.

# %%
from burst2vec.report.tables.frames import boxed
from burst2vec.results.intervals import gain_intervals
from burst2vec.results.scores import metric_names, table2

predictions, models = read_systems(params.run_folder)
table = table2(corpus, predictions, models)
gains = gain_intervals(corpus, predictions, table, members)

# %%
words = {"value": "score", "best": "best member", "mean": "members' mean"}
legend = "Small: 95 % intervals over speakers. Above 0 the ensemble is better."
if members:
    display(boxed(gains.rename(columns=words), legend,
                  caption="Each ensemble beside its members, on validation"))

# %%
from burst2vec.report.figures.results import draw_ensembles
from burst2vec.report.figures.style import use_style

use_style()
if members:
    draw_ensembles(table, members, metric_names(table));

# %% tags=["caption"] name="fig-ensembles"
from burst2vec.report import captions, in_short

if members:
    display(Markdown(captions.ensembles(gains)))

# %% tags=["in-short"]
Markdown(in_short.ensembles(gains))
