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
# # Ten minutes with recordings of your own
#
# From a folder of recordings to predictions, features, a classifier and a trained
# model. All it takes is the package (`pip install .` in a copy of the project) and any
# empty folder; no GPU and no network. The commands were run as they stand while this
# page was made, each below its `$`, and so was the Python between them.
#
# Follow with a dozen recordings of yours, or with those that the first cells make.
# These are **synthetic**: they show how things are done, and say nothing about people.

# %% tags=["parameters"]
seed = 0  # of the training

# %% tags=["remove-cell", "alone"]
import os
import sys
import tempfile
import time
from pathlib import Path

from burst2vec.config import Params
from burst2vec.report.terminal import terminal

Params.resolve(globals())  # refuses a parameter that does not exist
started = time.perf_counter()

# %% tags=["remove-cell"]
scratch = tempfile.TemporaryDirectory()  # goes with the notebook's kernel
os.chdir(scratch.name)
here = Path(sys.executable).parent  # this Python's commands come first
os.environ["PATH"] = os.pathsep.join([str(here), os.environ.get("PATH", os.defpath)])

# %% [markdown]
# ## Twelve recordings
#
# Twelve speakers of the synthetic corpus lend one burst each, as recorded: at several
# sample rates, loud and soft. Six are meant as laughs, since their strongest emotion is
# amusement, and six as sobs, of sadness. With recordings of your own, skip this.

# %% tags=["show-input"]
from burst2vec import read_corpus, synthesise

made = read_corpus(synthesise("made", train=64, val=4, test=4)).table
names = {"Amusement": "laugh", "Sadness": "sob"}
made["label"] = made.loc[:, "Awe":"Surprise"].idxmax(axis=1).map(names)
one_each = made.dropna(subset="label").drop_duplicates("speaker")

# %% tags=["show-input"]
import shutil
from pathlib import Path

import pandas as pd

chosen = [one_each[one_each["label"] == label].head(6) for label in names.values()]
bursts = pd.concat(chosen)[["raw", "label", "speaker"]].reset_index(drop=True)
bursts["file"] = [f"{row.label}-{row.Index % 6 + 1}.wav" for row in bursts.itertuples()]
Path("recordings").mkdir()
for row in bursts.itertuples():
    shutil.copy(Path("made") / row.raw, Path("recordings") / row.file)

# %% [markdown]
# ## A table, and a file that explains it
#
# In the folder of the recordings lies a table, `bursts.csv`, with a row for each of
# them. Of the six speakers of each class three are for training, two for validation and
# one for test, so that nobody is in two parts.

# %% tags=["show-input"]
bursts["part"] = ["train", "train", "train", "val", "val", "test"] * 2
table = bursts[["file", "speaker", "part", "label"]]
table.to_csv("recordings/bursts.csv", index=False)
table.style.hide(axis="index")

# %% [markdown]
# Beside it, `corpus.yaml` says what its columns are ([all that it may
# say](../corpora.md)):

# %% tags=["show-input"]
described = """\
table: bursts.csv
file: file
speaker: speaker
split: part
synthetic: true        # without this line where people are heard
tasks:
  sound: {kind: classes, columns: [label]}
"""
Path("recordings/corpus.yaml").write_text(described);

# %% [markdown]
# Is anything wrong with the recordings or the table?

# %% tags=["remove-input"]
terminal("burst2vec check recordings")

# %% [markdown]
# Where a training would be refused or its results would be wrong, the exit code is 1.
#
# ## Predict
#
# A model comes with the package, so that nothing has to be trained. It has learnt from
# people who acted thirty emotions, and [is wrong more often than
# right](../predict.md); of what it says about synthetic bursts make nothing at all.

# %% tags=["remove-input"]
terminal("burst2vec predict recordings --out predictions.csv")

# %% [markdown]
# A row for each recording, with the most probable emotion and the probability of each:

# %% tags=["show-input"]
predictions = pd.read_csv("predictions.csv")
highest = predictions.filter(like="emotion_").max(axis=1).map("{:.2f}".format)
shown = predictions[["file", "emotion"]].assign(probability=highest)
shown.style.hide(axis="index")

# %% [markdown]
# The same in Python, where a recording is a path, or samples with their rate:

# %% tags=["show-input"]
from burst2vec import load

model = load("emogator")
files = [f"recordings/{name}" for name in bursts["file"]]
first = model.predict(files[:1])[["file", "start", "end", "emotion"]]
first.style.hide(axis="index").format(precision=2)

# %% [markdown]
# ## Embed
#
# What the model makes of a recording before it answers is to be had, too: a row of
# numbers for each recording, to which other questions can be put than the model's own.

# %% tags=["show-input"]
features = model.embed(files).pooled
features.shape

# %% [markdown]
# ## A classifier of your own
#
# Laugh or sob? scikit-learn fits a logistic regression to the features. Every speaker
# is answered by a classifier that has heard the others alone.

# %% tags=["show-input"]
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

classifier = make_pipeline(StandardScaler(), LogisticRegression(C=0.1))
speakers, truth = bursts["speaker"], bursts["label"]
answers = cross_val_predict(classifier, features, truth, groups=speakers,
                            cv=LeaveOneGroupOut())

# %% tags=["remove-input"]
from IPython.display import Markdown

from burst2vec.report.tutorial import describe_recognition, describe_tutorial

recognised = describe_recognition(truth, answers)
Markdown(recognised)

# %% [markdown]
# ## Train
#
# A Burst2Vec of your own begins with a backbone: here the small one that comes with the
# package. For 24 steps only what follows it learns, and for three all of it. So few
# steps on six recordings show how it is done; a training worth the name takes thousands
# of recordings, and is better started as [a run](../reproduce.md), which goes on where
# it was interrupted.

# %% tags=["show-input"]
from burst2vec import Params, open_corpus, open_store, train

params = Params(corpus=["recordings"], backbone="facebook/hubert-base-ls960",
                backbone_size="small", adversarial=False, learning_rate=5e-4,
                batch_size=4, head_steps=24, max_steps=27, validate_every=9)

# %% tags=["remove-cell"]
from dataclasses import replace

params = replace(params, seed=seed)

# %% tags=["show-input", "hide-output"]
corpus = open_corpus(params)
store = open_store(corpus, params.audio, "cache")
trained = train(corpus, store, params)

# %% [markdown]
# After every nine steps it was validated, on four recordings, and the weights of the
# first of the best validations were kept. (UAR is the share of a class that is
# recognised, averaged over the classes.)

# %% tags=["banner", "remove-cell"]
from burst2vec.report.page import banner

banner(corpus)

# %% tags=["show-input"]
validated = trained.history.query("stage == 'validation'")
columns = ["iteration", "task", "term", "value"]
validated[columns].style.hide(axis="index").format(precision=2)

# %% [markdown]
# ## Save, load, predict again
#
# The folder is all that a model takes: `load` reads it, and the command does, by
# `--model mine`. The line that this one says is for models that have learnt from
# synthetic bursts alone.

# %% tags=["show-input"]
trained.model.save_pretrained("mine")
mine = load("mine", note=print)
again = mine.predict(files[5::6])
again.round(2).style.hide(axis="index").format(precision=2)

# %% [markdown]
# ## Where to go from here
#
# - [Corpora](../corpora.md): other labels, intensities and scalars; several corpora.
# - [Use a trained model](../predict.md): long recordings, what cannot be used, what the
#   columns mean, and what a model must not be used for.
# - [Reproduce](../reproduce.md): all systems of the report on a corpus of your own.

# %% tags=["in-short"]
seconds = time.perf_counter() - started
Markdown(describe_tutorial(len(bursts), recognised, seconds))
