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
# # Studies
#
# What the paper leaves open was decided somehow, and a decision has a price. This page
# shows what was tried: it trains nothing, but reads the files that the commands under
# `studies/` wrote (`make studies`).
#
# **All of them were trained on the synthetic corpus, with tiny random backbones.** The
# numbers say nothing about people.

# %% tags=["parameters"]
scale = "demo"  # which file of params/scales

# %% tags=["hide-cell"]
from burst2vec.config import Params, project_root

Params.resolve(globals())  # refuses a scale that does not exist
folder = project_root() / "studies"

# %% tags=["hide-cell"]
import matplotlib.pyplot as plt
from IPython.display import Markdown, display

from burst2vec.report import studies
from burst2vec.report.figures.style import STYLE

plt.rcParams.update(STYLE)

# %% [markdown]
# (batches-measured)=
# ## Which bursts meet in a batch
#
# The concordance loss is a function of a batch, not a mean over bursts. Sorting bursts
# by length into batches saves padding, and is common; but then a batch holds one
# stratum of the corpus, and where emotion varies with duration the loss asks for less.
# The same variant was trained three ways, with the same seeds for as many steps: on
# random batches, on bursts sorted within windows of five batches, and sorted wholly.

# %% tags=["hide-input"]
found = studies.read_study(folder, "batches")
told = studies.describe_batches(found) if found else (
    "Not made yet: `make studies`.")
Markdown(told)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-batches", "caption": "Each task's metric on validation after a training on random batches, on batches sorted by length within windows of five, and on sorted ones. A line joins the trainings of one seed. For age, an error in years, lower is better."}}
from burst2vec.report.figures.studies import draw_batches

if found:
    draw_batches(found);

# %% tags=["hide-input"]
from burst2vec.report.tables import boxed

if found:
    table = studies.batches_table(found).drop(columns=["metric", "seeds"])
    where = found["environment"]
    legend = f"{found['command']}; {where['Processor']}, {where['Date']}."
    display(boxed(table.round(3), legend))
