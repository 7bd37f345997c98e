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
# # Training one variant
#
# One row of Table 2: a Burst2Vec trained on the corpus, its history, and its
# predictions for validation and test. A variant says only what it changes; everything
# else is the scale's and, below that, the paper's.

# %% tags=["parameters"]
scale = "demo"  # which file of params/scales
variant = "V4"  # which file of params/variants

# %%
from IPython.display import Markdown, display

from burst2vec.config import Params

params = Params.resolve(globals())
Markdown(f"**{params.title}**: {params.question}")

# %% tags=["banner"]
from burst2vec.audio.store import open_store
from burst2vec.corpora.opening import open_corpus
from burst2vec.report.page import banner

corpus = open_corpus(params)
store = open_store(corpus, params.audio, params.path(params.cache))
banner(corpus)

# %% [markdown]
# ## Training
#
# Each batch belongs to one task. Training stops when the validation metric of one task,
# the CCC of emotion in the paper (`early_stopping_task`), has not risen for `patience`
# validations, or after `max_steps`; then the best weights come back. Each validation
# leaves a line.

# %% tags=["hide-output"]
from burst2vec.training.checkpoints import checkpoints_beside
from burst2vec.training.trainer import train

folder = params.output(params.folder.name)
trained = train(corpus, store, params, checkpoints_beside(folder))

# %%
from burst2vec.report import trainings
from burst2vec.report.tables.frames import boxed

boxed(trainings.summary_table(trained.summary), align="left",
      caption="The training in numbers")

# %% [markdown]
# ## The model
#
# The backbone's hidden states are averaged over time and projected; a shared extractor
# and one for each task follow, and their combination feeds the task's head (Figure 2).
# Its parameters, part by part:

# %%
import pandas as pd

parts = trained.model.named_children()
counts = [(name.replace("_", " "), sum(p.numel() for p in part.parameters()))
          for name, part in parts]
boxed(pd.DataFrame(counts, columns=["Part", "Parameters"]),
      caption="Parameters of the model")

# %%
from burst2vec.report.figures.style import use_style
from burst2vec.report.figures.training import draw_terms, draw_validation

use_style()
draw_terms(trained.history, corpus.tasks);

# %% tags=["caption"]
said = trainings.describe_loss(trained.history, corpus.tasks)
Markdown(f"{said} Shown are the terms of each task's loss, as means between "
         "validations. Shared, specific and combined add up to Eq. 5; an adversary "
         "adds the discriminator's loss and the losses on foreign features (Eq. 8), "
         "which are those of the other tasks' extractors.")

# %%
kept = trained.summary["best_iteration"]
draw_validation(trained.history, corpus.tasks, kept);

# %% tags=["caption"]
from burst2vec.corpora.corpus import deciding_task
from burst2vec.report.sentences import describe_rise

deciding = deciding_task(corpus.tasks, params.early_stopping_task)
Markdown(f"{describe_rise(trained.history, deciding)} Shown is each task's metric on "
         "validation. The dotted line marks the weights that were kept.")

# %% [markdown]
# ## Scores
#
# Each task's metric on the predictions for validation and test, above those of
# audio-free baselines. The predictions are computed in float32, whatever the precision
# of the training, so that `burst2vec predict` gives the same numbers.

# %%
from burst2vec.models.inference import predict

size = params.inference_batch_size
predictions = predict(trained.model, corpus, store, batch_size=size)

# %%
from burst2vec.report.tables.table2 import render_table2
from burst2vec.results import scores

code, title = params.variant, params.title
table = scores.table2(corpus, {code: predictions}, {code: title}, references=[])
metrics = scores.metric_names(table)
render_table2(table, columns=[(s, m) for s in ("val", "test") for m in metrics])

# %% [markdown]
# Where several corpora were trained on together, each task in each of them that has
# labels for it, beside what a constant scores there:

# %%
if corpus.parts:
    by_corpus = scores.scores_by_corpus(corpus, predictions)
    display(boxed(by_corpus))

# %% [markdown]
# Tasks of classes once more, with macro-F1, which also minds how often a class is named
# in vain:

# %%
classes = scores.class_scores(corpus, predictions)
if len(classes):
    named = classes.rename_axis(["task", "split"]).reset_index()
    display(boxed(named, caption="Tasks of classes"))

# %% [markdown]
# ## The system
#
# One row of predictions for each burst of validation and test goes to the run's folder,
# with the weights and the history. Once all of it is there, the training's checkpoints
# are deleted.

# %%
from burst2vec.systems.folders import write_system

write_system(folder, params, predictions, trained, corpus)
boxed(predictions.head(3).T.rename_axis("column").reset_index(),
      caption="The predictions for the first three bursts")

# %% tags=["in-short"]
from burst2vec.results.trainings import finished, score_trainings

training = finished(params, trained.summary, trained.history, predictions)
Markdown(trainings.describe_training(
    training, corpus.tasks, score_trainings(corpus, [training]),
    trainings.constant_scores(corpus)))
