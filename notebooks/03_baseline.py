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
# # Baseline: ComParE features
#
# How far does one get without a pre-trained model? The challenge's baseline describes
# each burst by the 6373 functionals of the set ComParE 2016: means, slopes, percentiles
# and the like of pitch, loudness, spectrum and voice quality over the whole burst. A
# small network learns all tasks from them at once {cite:p}`baird2022`. It is
# implemented anew here after its published description.

# %% tags=["parameters"]
scale = "demo"  # which file of params/scales
variant = "Baseline"  # which file of params/variants

# %%
from burst2vec.config import Params

params = Params.resolve(globals())

# %%
from IPython.display import Markdown

from burst2vec.report.figures.style import use_style

use_style()

# %% tags=["banner"]
from burst2vec.corpora.opening import open_corpus
from burst2vec.report.page import banner

corpus = open_corpus(params)
banner(corpus)

# %% [markdown]
# ## Features
#
# The corpus's own feature files are used where it has them, as ExVo does. Otherwise
# openSMILE {cite:p}`eyben2010` computes the features, which takes a tenth of a second
# for each burst, and they are kept. Loudness is among them, and so is every trace of
# clipping: this system hears the audio's level, which Burst2Vec does not.

# %%
from burst2vec.baseline.functionals import compare_features

features = compare_features(corpus, params.audio, params.path(params.cache))
Markdown(f"{len(features):,} bursts, {features.shape[1]:,} features each.")

# %% [markdown]
# ## Network and loss
#
# Features are standardised with the mean and deviation of the training bursts. Two
# layers, of 128 and 64 units with layer norm and leaky ReLU, are shared by all tasks; a
# head of 32 hidden units for each task follows. The loss of the emotions is the sum of
# their mean squared errors, that of age the squared error in years, that of country the
# cross-entropy. As their sizes have nothing in common, each is weighted by a learnt
# uncertainty (Kendall, Gal and Cipolla, 2018),
#
# $$\mathcal{L} = \sum_t \frac{\mathcal{L}_t}{2 \exp(s_t)} + \frac{s_t}{2},$$
#
# with a parameter $s_t$ for each task $t$. Training stops when $S_\text{MTL}$ on
# validation, or the metric of `early_stopping_task` where a corpus does not pose all
# three kinds of task, has not risen for `baseline_patience` epochs.

# %%
from burst2vec.baseline import network

trained = network.train(corpus, features, params)

# %%
from burst2vec.report import trainings
from burst2vec.report.tables.frames import boxed

boxed(trainings.summary_table(trained.summary), align="left",
      caption="The training in numbers")

# %% [markdown]
# Where the training loss falls on and the validation metric does not, the network
# learns its speakers by heart. Age invites this most: it is the same in all bursts of a
# speaker, and training has few speakers compared with features.

# %%
from burst2vec.report.figures.training import draw_terms, draw_validation

losses = trained.history[trained.history["term"] != "log_variance"]
draw_terms(losses, corpus.tasks);

# %% tags=["caption"]
Markdown(f"{trainings.describe_loss(losses, corpus.tasks)} Shown is each task's "
         "training loss, the mean over an epoch.")

# %%
kept = trained.summary["best_iteration"]
draw_validation(trained.history, corpus.tasks, kept);

# %% tags=["caption"]
Markdown(f"The weights that were kept are those of step {kept:,}, at the dotted line. "
         "Shown is each task's metric on validation over the steps.")

# %% [markdown]
# The learnt weights $1 / (2 \exp(s_t))$ of the tasks' losses in the last epoch:

# %%
weights = network.loss_weights(trained.history).rename_axis("task")
boxed(weights.reset_index(name="weight"), caption="Learnt weights of the losses")

# %% [markdown]
# ## Predictions and scores
#
# One row for each burst of validation and test, in the same form as every other
# system's.

# %%
from burst2vec.systems.folders import write_system

predictions = network.predict(trained.model, corpus, features)
folder = params.output(params.folder.name)
write_system(folder, params, predictions, trained, corpus)
boxed(predictions.head(3).T.rename_axis("column").reset_index(),
      caption="The predictions for the first three bursts")

# %%
from burst2vec.report.tables.table2 import render_table2
from burst2vec.results.published import read_published
from burst2vec.results.scores import table2

code, title = params.variant, params.title
table = table2(corpus, {code: predictions}, {code: title}, references=[])
paper = read_published() if "s_mtl" in table else None
render_table2(table, paper)

# %% tags=["in-short"]
from burst2vec.results.trainings import finished, score_trainings

training = finished(params, trained.summary, trained.history, predictions)
Markdown(trainings.describe_training(
    training, corpus.tasks, score_trainings(corpus, [training]),
    trainings.constant_scores(corpus)))
