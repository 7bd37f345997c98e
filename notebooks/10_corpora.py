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
# No corpus has every label. ExVo has emotions, ages and countries of some 1,700 speakers; EmoGator has thirty emotions
# and nothing else; VocalSound has ages and countries, but no emotion. Because each batch belongs to one task, a task
# can draw its batches from whichever corpus has labels for it, and one model can learn from all. This page trains the
# variant V4 once more, on two corpora that share no burst, no speaker and no label.

# %% tags=["parameters"]
scale = "demo"  # which file of params/scales

# %%
from burst2vec.config import Params, project_root, read_yaml

params = Params.resolve(globals())
joined = read_yaml(project_root() / "params" / "joined.yaml") | {"run": f"{params.run_name}/joined"}
params_of_both = Params.resolve(globals() | joined)

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import Markdown, display

from burst2vec import description, predictions, report, tables
from burst2vec.corpus import open_corpus
from burst2vec.figures import results as figures

plt.rcParams.update(figures.STYLE)
corpus = open_corpus(params_of_both)
report.banner(corpus)

# %% [markdown]
# ## Two corpora
#
# The first is the corpus of the other pages, of which the emotions alone are used. The second stands for a corpus of
# one's own: a folder of raw recordings, a table, and a file `corpus.yaml` that says what is in the table. Its speakers
# are others, its recordings have any sample rate and level, and it knows nothing of emotions.

# %% tags=["hide-input"]
own = next((part for part in corpus.parts if (part.root / "corpus.yaml").is_file()), None)
Markdown(f"```yaml\n{(own.root / 'corpus.yaml').read_text()}```" if own else "Both have a layout that is known by name.")

# %% [markdown]
# Joined, the bursts of both stand in one table, and a burst takes part in the tasks for which its corpus has labels.
# The training bursts by corpus and task:

# %%
train = corpus.split("train")
taking_part = pd.DataFrame({task.name: task.labelled(train) for task in corpus.tasks}, index=train["corpus"])
taking_part.groupby(level=0, sort=False).sum()

# %%
description.task_table(corpus.tasks).style.hide(axis="index").set_properties(**{"text-align": "left"})

# %% [markdown]
# ## What is learnt
#
# Each task is scored where it has labels. *Constant* is the score of an answer that is the same for every burst.

# %%
found = predictions.read_predictions(params_of_both.folder / "predictions.csv")
tables.scores_by_corpus(corpus, found).style.hide(axis="index").format(precision=3)

# %% [markdown]
# (discriminator-two-corpora)=
# ## The discriminator has something to learn
#
# In a single corpus whose bursts carry every label, each task draws its batches from the same bursts, and nothing in
# the sound gives the task away: the discriminator's loss can only stay at $\ln 3$, a blind guess
# ([results](results.ipynb)). With two corpora the sound does give it away. Emotion comes from one set of speakers and
# microphones, age and country from another, so whoever can tell the corpora apart knows more than half of the answer.
# A discriminator that tells them apart perfectly, and guesses between the two tasks of the second, pays
# $\frac{2}{3} \ln 2 \approx 0.46$ nats. The shared extractor, in its turn, is rewarded for features that hide the corpus: here the
# adversary does what it was made for, and keeps the recording's origin out of the shared features. A loss between the two
# lines means that it succeeds in part.

# %% mystnb={"figure": {"name": "fig-discriminator-two", "caption": "The discriminator's loss when every burst carries every label (V4), and when the tasks come from two corpora. Upper dotted line: a blind guess. Lower line: the corpora told apart without error."}}
histories = {"V4": params.run_folder / "V4", "two corpora": params_of_both.folder}
history = pd.concat(pd.read_csv(folder / "history.csv").assign(code=code) for code, folder in histories.items())
_, axes = plt.subplots(figsize=(6.5, 3), layout="constrained")
figures.plot_discriminator(history, len(corpus.tasks), axes)
axes.axhline(2 / 3 * np.log(2), color="black", linestyle="--", linewidth=1);

# %%
late = figures.mean_discriminator_loss(history).groupby("code", sort=False)["value"].last()
said = "; ".join(f"{code}: {value:.3f}" for code, value in late.items())
display(Markdown(f"Nats at the end of training: {said}. A blind guess: {np.log(len(corpus.tasks)):.3f}."))

# %% [markdown]
# ## With corpora of your own
#
# The file `params/joined.yaml` names the corpora and the tasks; nothing else has to change. How a corpus is described,
# and how it is checked before it is used, stands on the page [Corpora](../corpora.md).
