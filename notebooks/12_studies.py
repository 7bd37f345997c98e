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

# %% tags=["parameters"]
scale = "demo"  # which file of params/scales

# %%
from burst2vec.config import Params, project_root

Params.resolve(globals())  # refuses a scale that does not exist
folder = project_root() / "studies"

# %%
from IPython.display import Markdown, display

from burst2vec.report import studies
from burst2vec.report.figures.studies import draw_batches
from burst2vec.report.figures.style import use_style
from burst2vec.report.tables.frames import boxed

use_style()

# %% tags=["banner"]
found = studies.read_study(folder, "batches")
Markdown(studies.describe_making(found) if found else "")

# %% [markdown]
# (batches-measured)=
# ## Which bursts meet in a batch
#
# The concordance loss is a function of a batch, not a mean over bursts. Sorting bursts
# by length into batches saves padding, and is common; but then a batch holds one
# stratum of the corpus, and where emotion varies with duration the loss asks for less.
# The same variant was trained three ways, with the same seeds for as many steps: on
# random batches, on bursts sorted within windows of five batches, and sorted wholly.

# %%
if found:
    draw_batches(found);

# %% tags=["caption"] name="fig-batches"
Markdown(f"{studies.summarise_batches(found)} Each panel shows one task's metric on "
         "validation, by how bursts were dealt into batches; a line joins the "
         "trainings of one seed. For age, an error in years, lower is better."
         if found else "")

# %%
if found:
    display(boxed(studies.batches_cells(found),
                  "Small: 95 % intervals over seeds, which hold together for the two "
                  f"comparisons of a task. {studies.made_by(found)}",
                  caption="Scores by how bursts are dealt into batches"))

# %% [markdown]
# With pre-trained backbones that stay as they are, the same was asked once more, [among
# other choices](choices.ipynb).

# %% tags=["in-short"]
Markdown("Does it matter which bursts meet in a batch? " + (
    studies.describe_batches(found) if found else "Not measured yet: `make studies`."))
