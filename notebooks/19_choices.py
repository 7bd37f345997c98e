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
# # What the silent choices cost
#
# Whoever builds Burst2Vec decides a good deal that [the paper does not
# say](../silent.md). Does it matter? Here each choice is made otherwise, one at a time,
# and everything else stays as it is. The page trains nothing: it reads the file that
# `python -m studies.choices` wrote, which is a part of `make studies`.

# %% tags=["parameters"]
scale = "demo"  # which file of params/scales

# %%
from burst2vec.config import Params, project_root

Params.resolve(globals())  # refuses a scale that does not exist
folder = project_root() / "studies"

# %%
from IPython.display import Markdown, display

from burst2vec.report import choices, effects
from burst2vec.report.figures.effects import draw_effects
from burst2vec.report.figures.style import use_style
from burst2vec.report.studies import made_by, read_study, summarise_batches
from burst2vec.report.tables.frames import boxed

use_style()
found = read_study(folder, "choices")

# %% tags=["banner"]
Markdown(effects.describe_trainings(found) if found else "")

# %% [markdown]
# ## What was asked
#
# The default is variant V4 as [the scale `demo`](trainings.ipynb) trains it: a small
# pre-trained backbone that stays as it is, and 600 steps of what follows it, on random
# batches, with the adversary. One thing differs: all are scored with the weights of the
# last step, since with the best ones of validation, chance would choose as well. Each
# way differs from the default in one choice, has the same seeds and as many steps, and
# is scored on the same speakers, whom no training chose by.
#
# - **Padding** has an effect on an embedding that depends on its batch. Since backbones
#   are frozen here, each burst is embedded once for each seed, in a random batch. As
#   published, padding has none where a backbone has layer norm and gets its mask, as
#   V4's does; so that way has the backbone of V3, and is compared with the same one
#   under exact padding.
# - **A learnt mix of layers** weighs the statistics of the layers and adds them up, as
#   SUPERB does {cite:p}`yang2021`, in place of all side by side. Its few weights learn
#   fifty times as fast as others, or 600 steps would leave them near where they began.
# - **Steps of all weights** cost as much as ten or more others, so they are left out
#   unless the study is told to have them (`--few`, with a number of seeds). The last 60
#   of 600 are such steps then, at a learning rate of 0.0001 for the backbone.

# %%
if found:
    display(boxed(effects.means_cells(found, ["default", "HuBERT base"], "Way"),
                  "Mean ± standard deviation of the seeds.",
                  caption="What the choices are compared with"))
    display(Markdown(effects.describe_floor(found, "default")))

# %% [markdown]
# (choices-measured)=
# ## What came out
#
# A difference above 0 means that the choice does better than the default; for age it is
# counted in years of error less. The 95 % intervals are over speakers and seeds at once
# ([how](claims.ipynb)), and all those of one metric hold together: with so many
# questions some would look decided by chance. *Undecided* is not *equal*: the last
# column has the differences that would have been found with a power of 80 %.

# %%
if found:
    display(boxed(choices.choices_cells(found, open=True),
                  f"{effects.LEGEND} {made_by(found)}", kind="effects",
                  caption="Choices that the paper leaves open, made otherwise, "
                          "the clearest first"))

# %%
if found:
    draw_effects(effects.read_effects(found), choices.pairs(found));

# %% tags=["caption"] name="fig-choices"
Markdown(f"{choices.summarise_choices(found)} Each row is a way, with its "
         "difference from the default and the 95 % interval over speakers and seeds; "
         "filled where 0 is outside. Right of 0 the way is better than the default."
         if found else "")

# %% [markdown]
# Four ways are the paper's own. It averages over time, where this default takes
# deviations, too, and all layers; it stops by emotion; and it has variants without the
# adversary. What that costs is of use beside the others.

# %%
if found:
    display(boxed(choices.choices_cells(found, open=False), effects.LEGEND,
                  kind="effects", caption="The paper's own ways, against the default"))

# %%
Markdown(choices.describe_mix(found) if found else "")

# %% [markdown]
# ## What it means
#
# These are effects on a small model whose backbone does not learn, on synthetic bursts.
# Where the backbone learns, its norms and its padding have more to say, and a hundred
# epochs forgive what 600 steps do not. [The scale `demo`](trainings.ipynb) pools all
# layers, with deviations and standardised: that was found on another synthetic corpus,
# before this study, and no default was changed by it.

# %%
before = read_study(folder, "batches")
Markdown("[Which bursts meet in a batch](studies.ipynb) was asked before as well, of "
         f"tiny backbones that learn. There: {summarise_batches(before)}"
         if before else "")

# %% tags=["remove-cell"]
from myst_nb import glue

said = choices.conclude_choices(found) if found else "not measured yet"
glue("choices_in_words", said, display=False)

# %% tags=["in-short"]
Markdown("What do the choices cost that the paper leaves open? " + (
    choices.describe_choices(found) if found else "Not measured yet: `make studies`."))
