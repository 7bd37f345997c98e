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
# # The dataset
#
# A vocal burst is a laugh, a cry, a gasp: a sound that says something without a word.
# ExVo 2022 collected such bursts from speakers in four countries, who recorded
# themselves and rated their own emotions. This page looks at the corpus before any
# model does (section 2 of the paper): how much there is, who speaks, how the labels are
# distributed, and above all how they hang together, because a model that learns several
# tasks at once can learn one label from another instead of from the sound.

# %% tags=["parameters"]
scale = "demo"  # which file of params/scales

# %%
from burst2vec.config import Params

params = Params.resolve(globals())

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import Markdown, display

from burst2vec.report.figures.style import use_style

use_style()

# %% tags=["banner"]
from burst2vec.corpora.opening import open_corpus
from burst2vec.report import dataset
from burst2vec.report.page import banner, players, poses_kinds
from burst2vec.report.tables.frames import boxed

corpus = open_corpus(params)
banner(corpus)

# %% [markdown]
# ## A table and its tasks
#
# Whatever its layout on disk, a corpus is read into one table with a row for each
# burst. What is asked of a burst is a list of tasks, each with the columns it wants
# predicted. A task is of one of three kinds: intensities between 0 and 1, a scalar with
# a unit, or classes.

# %%
from burst2vec.inspection import description

boxed(description.task_table(corpus.tasks))

# %% [markdown]
# Durations come from the waveform store, which holds every burst decoded once, at 16
# kHz.

# %%
from burst2vec.audio.store import open_store
from burst2vec.audio.waveform import SAMPLE_RATE

store = open_store(corpus, params.audio, params.path(params.cache))
seconds = store.lengths / SAMPLE_RATE

# %%
by_kind = {task.kind: task for task in corpus.tasks}
intensities, scalar = by_kind.get("intensities"), by_kind.get("scalar")
classes = by_kind.get("classes")

# %% [markdown]
# ## Table 1
#
# Duration, bursts, speakers, their sex, and how many speakers come from each country. A
# dash stands for what a corpus does not tell, as ExVo keeps the labels of its test
# bursts to itself. For a corpus with ExVo's rows, the numbers of the paper's Table 1
# stand below in small type. No speaker is in two splits.

# %%
from burst2vec.results.published import published_table1

table1, legend = description.table1(corpus, seconds), ""
paper = published_table1()
if set(paper.index) <= set(table1.index):
    table1 += "<small>" + paper.reindex(table1.index) + "</small>"
    legend = "Small: as published, of ExVo 2022."
boxed(table1.reset_index(names=""), legend)

# %% [markdown]
# ## Age and country
#
# Figure 1 of the paper counts the bursts of training and validation by the age of the
# speaker, in bands of 2.5 years, and by country. Read from it whether the colours keep
# the same proportions from band to band. Where they do not, the age tells something
# about the country before a sound is heard.

# %%
from burst2vec.report.figures.dataset import draw_labels

labelled = corpus.table[corpus.table["split"].isin(["train", "val"])]
both_kinds = poses_kinds(corpus, "scalar", "classes")
if both_kinds:
    draw_labels(labelled, scalar, classes);

# %% tags=["caption"] name="fig-labels"
if both_kinds:
    display(Markdown(dataset.caption_labels(scalar, classes, labelled)))

# %% [markdown]
# The same in numbers:

# %%
if both_kinds:
    spread = description.scalar_by_class(scalar, classes, labelled).reset_index()
    display(boxed(spread, f"{scalar.name.capitalize()} of the bursts, in "
                          f"{scalar.unit or 'its own unit'}."))
    bands = description.categories(scalar, labelled)
    counts = pd.crosstab(labelled[classes.columns[0]], bands).reset_index()
    counts.columns = [str(name) for name in counts]
    display(boxed(counts, f"Bursts in each band of {scalar.name}."))

# %% [markdown]
# (cross-label-bias)=
# ## The bias between labels
#
# How strong is the association? Two measures answer, both between 0 and 1. The
# *correlation ratio* is the share of a scalar's variance that lies between classes,
#
# $$\eta^2 = \frac{\sum_c n_c (\bar{a}_c - \bar{a})^2}{\sum_i (a_i - \bar{a})^2},$$
#
# with $\bar{a}_c$ the mean age of the $n_c$ bursts from country $c$. *Cramér's V*
# compares two lists of categories, here bands of age, countries, and each burst's
# strongest emotion,
#
# $$V = \sqrt{\frac{\chi^2 / n}{\min(r, k) - 1}},$$
#
# where $\chi^2$ is Pearson's statistic of their table of $r$ rows and $k$ columns.
# Neither is 0 in a small corpus, even if nothing is associated. So each is set beside
# what it comes to by chance: its mean and 95th percentile over 200 repeats in which the
# labels are exchanged at random, between speakers where they are a speaker's.

# %%
from burst2vec.inspection.association import associations

by_chance = {"by_chance": "by chance, mean", "at_most": "by chance, 95th percentile"}
associated = associations(corpus, labelled)
if len(corpus.tasks) > 1:
    display(boxed(associated.reset_index().rename(columns=by_chance)))
else:
    display(Markdown("This corpus poses one task: there is no second label to be "
                     "associated with."))

# %% [markdown]
# In ExVo itself the counts of bursts by band of age and country, measured off a
# published figure, give:

# %%
from burst2vec.corpora.synthetic.population import AGE_BY_COUNTRY, AGE_EDGES
from burst2vec.inspection.association import correlation_ratio, cramers_v

cells = np.indices(AGE_BY_COUNTRY.shape).reshape(2, -1)
country, band = np.repeat(cells, AGE_BY_COUNTRY.ravel(), axis=1)
eta = correlation_ratio((AGE_EDGES[:-1] + AGE_EDGES[1:])[band] / 2, country)
v = cramers_v(country, band)
Markdown(f"η² = {eta:.3f} and V = {v:.3f} between age and country.")

# %% [markdown]
# ## What can be had without listening
#
# The other way to put it: how well do *audio-free baselines* do, which hear nothing?
# They are the yardstick of everything that listens.
# *Constant* answers every burst with the mean intensities, the median age and the most
# frequent country of training; *Chance* with the labels of a random training burst. A
# predictor that is told the true country and answers with that country's median age
# shows what the bias alone is worth to an age predictor. Every system in the
# [results](results.ipynb) has to be compared with these rows, and an age error that
# looks small may well be no better than theirs.

# %%
from burst2vec.report.tables.table2 import render_table2
from burst2vec.results.scores import table2

render_table2(table2(corpus, {}, {}))

# %%
if both_kinds:
    guessed = description.uar_from_scalar(corpus, scalar, classes, "val")
    display(Markdown(
        f"And the reverse: from the true {scalar.name} alone, the {classes.name} is "
        f"guessed with a UAR of {guessed:.3f} on validation, where chance gives "
        f"{1 / classes.outputs:.3f}."))

# %% [markdown]
# ## How long bursts are
#
# Most bursts are short, a few are long. A random batch that is padded to its longest
# burst is therefore mostly padding. So the bursts of a batch are computed in groups of
# similar length ([how](speed.ipynb)).

# %%
from burst2vec.report.figures.dataset import plot_durations

_, axes = plt.subplots(figsize=(6.5, 2.8), layout="constrained")
plot_durations(seconds, corpus.table["split"], axes);

# %% tags=["caption"] name="fig-durations"
Markdown(dataset.caption_durations(seconds, corpus.table["split"]))

# %% [markdown]
# ## Emotions
#
# In ExVo, speakers rate how strongly a burst shows each of ten emotions, and the
# ratings of a burst are scaled so that its strongest is exactly 1. Which emotion is the
# strongest is far from balanced:

# %%
from burst2vec.report.figures.dataset import plot_frequencies

rated = intensities or classes or scalar
height = 1.0 + 0.24 * description.categories(rated, labelled).nunique()
_, axes = plt.subplots(figsize=(6.5, height), layout="constrained")
plot_frequencies(rated, labelled, axes);

# %% tags=["caption"] name="fig-frequencies"
Markdown(dataset.caption_frequencies(rated, labelled))

# %% [markdown]
# Most intensities are near 0. A predictor that says little about everything is
# therefore seldom far off, but it follows nothing: its concordance correlation is 0.
# That is why the loss is built on concordance rather than on the squared error.

# %%
from burst2vec.report.figures.dataset import plot_intensities

if poses_kinds(corpus, "intensities"):
    _, axes = plt.subplots(figsize=(6.5, 3.6), layout="constrained")
    plot_intensities(intensities, labelled, axes);

# %% tags=["caption"] name="fig-intensities"
if intensities:
    display(Markdown(dataset.caption_intensities(intensities, labelled)))

# %% [markdown]
# ## Do they sound like bursts?
#
# {cite:t}`anikin2017` measured 260 real bursts whose pitch they had corrected by hand.
# Their categories do not coincide with ExVo's emotions, but a laugh goes with amusement
# and a scream with fear. The same measures are taken here of a sample of bursts, sorted
# by strongest emotion and by the speaker's sex. Pitch is tracked by autocorrelation,
# without correction, so single bursts may be off by an octave; medians are robust
# against that.

# %%
comparable = poses_kinds(corpus, "intensities")
if comparable and corpus.table["sex"].isna().all():
    comparable = False
    display(Markdown("The speakers' sex is not known, and pitch depends on it: no "
                     "comparison."))

# %%
from burst2vec.inspection.acoustics import PUBLISHED, measure_corpus
from burst2vec.report.figures.acoustics import draw_against_published

if comparable:
    names = PUBLISHED["emotion"].unique()
    sample = description.sample_of_each(intensities, labelled, names, size=15)
    rows = corpus.table.index.get_indexer(sample.index)
    measured = measure_corpus((store[row] for row in rows), sample)
    draw_against_published(measured);

# %% tags=["caption"] name="fig-acoustics"
if comparable:
    display(Markdown(dataset.caption_acoustics(measured)))

# %% [markdown]
# ## Listen
#
# One burst for each emotion, the one that shows it most purely by its labels.

# %%
from burst2vec.report.sounds import may_be_heard

audible = may_be_heard(corpus, params.play_recordings)
chosen = description.examples(rated, labelled) if audible else {}
place = dict(zip(corpus.table.index, range(len(store)), strict=True))
heard = {f"{name} ({file})": store[place[file]] for name, file in chosen.items()}
players(heard)

# %% [markdown]
# How the models hear the bursts, one by one, can be [looked at and
# heard](look.ipynb), too.

# %% tags=["in-short"]
Markdown(dataset.in_short(corpus, seconds, associated))
