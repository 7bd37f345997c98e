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
# # What multi-task learning brings
#
# The paper learns emotion, age and country with one model, and compares it with no
# model of one task. Another entry of [the challenge](claims.ipynb), Google's, did: its
# best models were of one task {cite:p}`belanich2022`. Here one model of all tasks meets
# three models of one task each, on the same backbone. The page trains nothing: it reads
# the file that `python -m studies.multitask` wrote, which is a part of `make studies`.

# %% tags=["parameters"]
scale = "demo"  # which file of params/scales

# %%
from burst2vec.config import Params, project_root

Params.resolve(globals())  # refuses a scale that does not exist
folder = project_root() / "studies"

# %%
from IPython.display import Markdown, display

from burst2vec.report import effects, multitask
from burst2vec.report.figures.effects import draw_effects
from burst2vec.report.figures.style import use_style
from burst2vec.report.studies import made_by, read_study
from burst2vec.report.tables.frames import boxed

use_style()
found = read_study(folder, "multitask")

# %% tags=["banner"]
Markdown(effects.describe_trainings(found) if found else "")

# %% [markdown]
# ## What was asked
#
# All systems stand on the small pre-trained backbone of V4, which stays as it is.
# *All tasks* is variant V5 and *all tasks, adversary* is V4; *three models* are three
# trainings of one task each, which answer together and have one $S_\text{MTL}$.
#
# What is a fair comparison? A batch is of one task. In 600 steps a model of all tasks
# has 200 of each; three models of 600 steps have three times as many. Both are asked
# for: as many steps of every *model*, and as many of every *task*. And where emotion
# decides when to stop, as in the paper, the other tasks of a joint model pay for it,
# while each single model would stop at its own best. So nobody stops early: all are
# scored with the weights of the last step, when the learning rate has fallen to zero.
# The price is that whatever has more steps learns more by heart. One thing is never
# equal: three models have three projections and three shared extractors, and so more
# weights than one.

# %%
if found:
    systems = dict.fromkeys(row["way"] for row in found["scores"])
    display(boxed(effects.means_cells(found, list(systems), "System"),
                  "Mean ± standard deviation of the seeds.",
                  caption="Scores on test speakers"))
    display(Markdown(effects.describe_floor(found, "all tasks")))

# %% [markdown]
# (one-or-three)=
# ## One model or three
#
# A difference above 0 means that three models are better; for age it is counted in
# years of error less. The 95 % intervals are over speakers and seeds at once
# ([how](claims.ipynb)), and those of this section hold together in each metric.

# %%
if found:
    display(boxed(multitask.question_cells(found, "one or three"),
                  f"{effects.LEGEND} {made_by(found)}", kind="effects",
                  caption="Three models against one"))

# %%
if found:
    pairs = (multitask.pairs(found, "one or three")
             | multitask.pairs(found, "learnt or fixed"))
    draw_effects(effects.read_effects(found), pairs);

# %% tags=["caption"] name="fig-multitask"
Markdown(f"{multitask.summarise_sharing(found)} Each row is a pair of systems, with "
         "the difference between them and its 95 % interval over speakers and seeds; "
         "filled where 0 is outside. Right of 0 the first of the two is better."
         if found else "")

# %%
Markdown(multitask.describe_sharing(found) if found else "")

# %% [markdown]
# (learnt-weights)=
# ## Learnt or fixed weights of the tasks
#
# Burst2Vec counts every task alike. The challenge's baseline learns how much each
# counts {cite:p}`baird2022`: the loss $L$ of a task becomes
# $L / (2 e^{s}) + s / 2$ with an $s$ of its own, which begins at −0.33. That belongs to
# a sum over tasks, while a batch of Burst2Vec is of one task; so here each batch's
# whole loss is weighed by the $s$ of its task. Left to itself $s$ comes to rest at
# $\ln L$: what is hard to learn counts less. It learns fifty times as fast as the
# weights of the model, or 200 steps would leave it near its beginning.

# %%
if found:
    display(boxed(multitask.question_cells(found, "learnt or fixed"), effects.LEGEND,
                  kind="effects", caption="Learnt weights against equal ones"))

# %%
Markdown(multitask.describe_weights(found) if found else "")

# %% tags=["remove-cell"]
from myst_nb import glue

said = multitask.conclude_multitask(found) if found else "not measured yet"
glue("multitask_in_words", said, display=False)

# %% tags=["in-short"]
Markdown("Does one model of three tasks answer better than three models? " + (
    f"{multitask.answer(found)} {effects.describe_floor(found, 'all tasks')}"
    if found else "Not measured yet: `make studies`."))
