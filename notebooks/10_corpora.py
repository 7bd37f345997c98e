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
# # Several corpora in one model
#
# No corpus has every label. ExVo has emotions, ages and countries of some 1,700
# speakers; EmoGator has thirty emotions and nothing else; VocalSound has ages and
# countries, but no emotion. Because each batch belongs to one task, a task can draw its
# batches from whichever corpus has labels for it, and one model can learn from all.
# This page shows a variant that was trained once more, on the corpora that
# `params/joined.yaml` names.

# %% tags=["parameters"]
scale = "demo"  # which file of params/scales

# %%
from burst2vec.config import Params, project_root, read_yaml

params = Params.resolve(globals())
joined = read_yaml(project_root() / "params" / "joined.yaml")
joined["run"] = f"{params.run_name}/joined"
params_of_both = Params.resolve(globals() | joined)

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import Markdown

from burst2vec.report.figures.style import STYLE

plt.rcParams.update(STYLE)

# %%
from burst2vec.corpora.opening import open_corpus
from burst2vec.report.page import banner

corpus = open_corpus(params_of_both)
banner(corpus)

# %% [markdown]
# ## The corpora
#
# `synthetic` is the embedded corpus of the other pages, in ExVo's layout; here its
# emotions alone are used. `example`, embedded too, stands for a corpus of one's own: a
# folder of raw recordings of any sample rate and level, a table with ages and
# countries, and a file `corpus.yaml` that says what is in the table. Its speakers are
# others. Of the corpora here, these are described by such a file:

# %%
own = [part for part in corpus.parts if (part.root / "corpus.yaml").is_file()]
described = [f"`{part.name}`:\n```yaml\n{(part.root / 'corpus.yaml').read_text()}```"
             for part in own]
Markdown("\n\n".join(described) or "None.")

# %% [markdown]
# Joined, the bursts of all stand in one table, and a burst takes part in the tasks for
# which its corpus has labels. The training bursts by corpus and task:

# %%
train = corpus.split("train")
taking_part = pd.DataFrame({task.name: task.labelled(train) for task in corpus.tasks},
                           index=train["corpus"])
taking_part.groupby(level=0, sort=False).sum()

# %%
from burst2vec.inspection.description import task_table

shown = task_table(corpus.tasks).style.hide(axis="index")
shown.set_properties(**{"text-align": "left"})

# %% [markdown]
# ## What is learnt
#
# Each task is scored where it has labels. *Constant* is the score of an answer that is
# the same for every burst.

# %%
from burst2vec.evaluation.predictions import read_predictions
from burst2vec.results.scores import scores_by_corpus

found = read_predictions(params_of_both.folder / "predictions.csv")
scores_by_corpus(corpus, found).style.hide(axis="index").format(precision=3)

# %% [markdown]
# (discriminator-two-corpora)=
# ## The discriminator has something to learn
#
# In a single corpus whose bursts carry every label, each task draws its batches from
# the same bursts, and nothing in the sound gives the task away: the loss of a
# discriminator that has understood this is $\ln T$ for $T$ tasks, a blind guess
# ([results](results.ipynb)). With several corpora the sound does give it away: whoever
# can tell the corpora apart, by their speakers and microphones, has only the tasks of
# one of them left to guess between. Where a burst takes part in $n$ tasks that costs
# $\ln n$ nats; the mean over the tasks is the lower line of the figure. The shared
# extractor, in its turn, is rewarded for features that hide the corpus: here the
# adversary does what it was made for. (How often each task has its turn, the
# discriminator learns too; the mean over the tasks gives it nothing for that.) A loss
# well below the upper line says that the origin of a recording can be heard in the
# shared features; one at it or above, that they hide the origin.

# %%
tasks_of_burst = taking_part.sum(axis=1)
told_apart = np.mean([np.log(tasks_of_burst[taking_part[task.name]]).mean()
                      for task in corpus.tasks])

# %% mystnb={"figure": {"name": "fig-discriminator-two", "caption": "The discriminator's loss over training, on the single corpus of the other pages and on the joined corpora. Dotted: a blind guess. Dashed: the corpora told apart without error."}}
from burst2vec.report.figures.results import plot_discriminator

code = params_of_both.variant
folders = {code: params.run_folder / code, "joined": params_of_both.folder}
history = pd.concat(pd.read_csv(folder / "history.csv").assign(code=code)
                    for code, folder in folders.items())
_, axes = plt.subplots(figsize=(6.5, 3), layout="constrained")
plot_discriminator(history, len(corpus.tasks), axes)
axes.axhline(told_apart, color="black", linestyle="--", linewidth=1);

# %%
from burst2vec.results.runs import mean_discriminator_loss

late = mean_discriminator_loss(history).groupby("code", sort=False)["value"].last()
said = "; ".join(f"{code}: {value:.3f}" for code, value in late.items())
blind = np.log(len(corpus.tasks))
Markdown(f"Nats at the end of training: {said}. A blind guess: {blind:.3f}; corpora "
         f"told apart: {told_apart:.3f}.")

# %% [markdown]
# ## With corpora of your own
#
# Name your corpora and their tasks in `params/joined.yaml`, and this page is made of
# them. How a corpus is described, and how it is checked before it is used, stands on
# the page [Corpora](../corpora.md).
