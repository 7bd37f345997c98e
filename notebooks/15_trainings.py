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
# # Trainings
#
# Each variant was trained by one notebook, `notebooks/04_train_variant.py`, with
# parameters of its own, and once more for each further seed. This page sets these
# trainings side by side: how long they took, whether their curves had come to an end,
# and what each of them scores. It trains nothing. Trainings from random weights are not
# here, but with [the claims](claims.ipynb). The executed notebooks stand at the end of
# the report: [V1](V1.ipynb), [V2](V2.ipynb), [V3](V3.ipynb), [V4](V4.ipynb),
# [V5](V5.ipynb), [V6](V6.ipynb), [V7](V7.ipynb).

# %% tags=["parameters"]
scale = "demo"  # which file of params/scales

# %%
from burst2vec.config import Params, project_root

params = Params.resolve(globals())
files = (project_root() / "params" / "variants").glob("V*.yaml")
by_code = {code: Params.resolve({**globals(), "variant": code})
           for code in sorted(path.stem for path in files)}

# %%
from burst2vec.corpora.opening import EMBEDDED
from burst2vec.running.workflow import joined_training

path = project_root() / "params" / "joined.yaml"
both = Params.resolve(joined_training(path, globals(), by_code, EMBEDDED))

# %%
from IPython.display import Markdown, display

from burst2vec.corpora.corpus import deciding_task
from burst2vec.corpora.opening import open_corpus
from burst2vec.report import trainings as told
from burst2vec.report.figures.style import use_style
from burst2vec.report.figures.training import draw_curves
from burst2vec.report.tables.frames import boxed
from burst2vec.results.trainings import JOINED, read_trainings, score_trainings

use_style()

# %% tags=["banner"]
from burst2vec.report.page import banner

corpus = open_corpus(params)
banner(corpus)

# %%
trainings = read_trainings(params.run_folder)
joined = [training for training in trainings if training.kind == JOINED]
alone = [training for training in trainings if training.kind != JOINED]
deciding = deciding_task(corpus.tasks, params.early_stopping_task)

# %% [markdown]
# ## How they were trained
#
# Training validates every so many steps (`validate_every`), and keeps the weights of
# the step whose validation looked best by one task's metric (`early_stopping_task`).
# Where that is the last step, the training might have gone on with profit. Seeds of a
# variant differ in nothing but the draw of weights, batches and dropout. Trainings that
# differ in more are named by it: `reversal` says how far the adversary's gradients
# reach ([the audit](audit.ipynb) compares both), and a training on several corpora has
# [a page of its own](corpora.ipynb).

# %%
boxed(told.facts_table(trainings, corpus.tasks),
      "Still improving: the tasks whose metric on validation is best at the last step.",
      caption="The trainings of this run, without those from random weights")

# %% [markdown]
# ## Curves

# %%
constant = told.constant_scores(corpus)
draw_curves(alone, corpus.tasks, constant);

# %% tags=["caption"] name="fig-curves"
Markdown(f"{told.describe_end(alone, deciding)} Each panel shows one task's metric on "
         "validation over the steps of one variant's trainings, a line for each seed, "
         "dashed where the reach of the adversary is another. Panels of a row share "
         "their scale; dotted is what a constant answer scores. Of an error, lower is "
         "better.")

# %% [markdown]
# ## Scores
#
# The score of each task, with its 95 % interval over speakers. The validation bursts
# also chose the weights, so that their scores flatter a little; those of test chose
# nothing. Whether one variant is better than another is no question of two rows here:
# [the claims](claims.ipynb) are judged over all seeds and speakers at once.

# %%
scores = score_trainings(corpus, alone)
boxed(told.scores_table(alone, corpus.tasks, scores),
      "Small: what tells a training from the others of its variant, and below the "
      "scores their 95 % intervals over speakers. "
      + told.describe_floors(corpus.tasks, constant),
      caption="What each training scores")

# %%
if joined:
    several = open_corpus(both)
    of_joined = score_trainings(several, joined)
    display(Markdown("The training on several corpora, scored on their bursts:"))
    display(boxed(told.scores_table(joined, several.tasks, of_joined)))

# %% [markdown]
# ## Variant by variant

# %%
told.variant_tabs(by_code, trainings, corpus.tasks)

# %% tags=["in-short"]
Markdown(told.describe_trainings(trainings, corpus.tasks, deciding, scores))
