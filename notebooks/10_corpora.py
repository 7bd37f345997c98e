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
from burst2vec.config import Params, project_root

params = Params.resolve(globals())

# %%
from burst2vec.corpora.opening import EMBEDDED, open_corpus
from burst2vec.results.runs import VARIANTS
from burst2vec.running.workflow import joined_training

path = project_root() / "params" / "joined.yaml"
joined = joined_training(path, globals(), VARIANTS, EMBEDDED)
params_of_both = Params.resolve(joined)

# %% tags=["banner"]
import numpy as np
import pandas as pd
from IPython.display import Markdown

from burst2vec.report.page import banner
from burst2vec.report.tables.frames import boxed

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
boxed(taking_part.groupby(level=0, sort=False).sum().reset_index(names="corpus"),
      "Training bursts with a label, by task.")

# %%
from burst2vec.inspection.description import task_table

boxed(task_table(corpus.tasks))

# %%
replaced = params_of_both.backbone_size != params.backbone_size
why = "" if not replaced else (
    ": embedded corpora are not worth a large one, and are learnt with the parameters "
    "of the scale `demo` unless `params/joined.yaml` names a `backbone_size`")
Markdown(f"{params_of_both.variant} was trained on them with "
         f"`backbone_size: {params_of_both.backbone_size}`{why}.")

# %% [markdown]
# ## What is learnt
#
# Each task is scored where it has labels. *Constant* is the score of an answer that is
# the same for every burst.

# %%
from burst2vec.evaluation.predictions import read_predictions
from burst2vec.results.scores import scores_by_corpus

found = read_predictions(params_of_both.folder / "predictions.csv")
scores = scores_by_corpus(corpus, found)
boxed(scores)

# %% [markdown]
# (discriminator-two-corpora)=
# ## Can the corpus be heard in the features?
#
# In a single corpus whose bursts carry every label, each task draws its batches from
# the same bursts, and nothing in the sound gives the task away ([the
# audit](audit.ipynb)). With several corpora it does: whoever tells the corpora apart,
# by their speakers and microphones, has only the tasks of one of them left to guess
# between. The shared extractor, in its turn, is rewarded for features that hide the
# corpus: here the adversary can do what it was made for.
#
# Whether the features hide it, the discriminator's running loss does not say: it learns
# while they change, and where it is surer than it is right, its loss exceeds that of a
# blind guess. So a linear classifier is trained afresh on features that stay as they
# are (a *probe*): which corpus is a validation burst from? Speakers are left out in
# turn, and beside each score stands its *floor*, what the same classifier reaches where
# the speakers have exchanged their corpora, so that there is nothing to find. The first
# row is asked of one number of the sound alone, the *crest factor*, which is the peak
# over the root mean square.

# %%
from burst2vec.audio.store import open_store
from burst2vec.audit import origins
from burst2vec.audit.representations import represent_saved
from burst2vec.inspection.acoustics import crest_factors

store = open_store(corpus, params_of_both.audio, params.path(params.cache))
rows = np.flatnonzero(corpus.table["split"] == "val")
features = {origins.CREST: crest_factors(store[row] for row in rows)}
represented = represent_saved(corpus, params_of_both)
features |= {name: of_bursts for name, of_bursts in represented.items()
             if not name.startswith("combined")}

# %%
from burst2vec.report import audit
from burst2vec.results.scores import write_table

told = origins.tell_corpora(features, corpus.split("val"))
write_table(told, params.output("joined", "origins.csv"))
boxed(told.drop(columns="told").rename(columns=audit.TOLD),
      "The UAR of the classifier; its floor, the mean after exchanges of the corpora, "
      "with the lowest and the highest in small type; and a blind guess.")

# %%
reversal = params_of_both.reversal if params_of_both.adversarial else "none"
Markdown(origins.describe_corpora(told, reversal))

# %% [markdown]
# A linear classifier sees what a weighted sum sees; what it does not find may be there
# in another form. For comparison, the discriminator's own loss, the mean over the last
# steps:

# %%
from burst2vec.results.runs import mean_discriminator_loss

history = pd.read_csv(params_of_both.folder / "history.csv").assign(code="joined")
late = mean_discriminator_loss(history)["value"]
blind = f"a blind guess costs {np.log(len(corpus.tasks)):.3f}"
Markdown(f"{late.iloc[-1]:.3f} nats; {blind}." if len(late) else
         "This variant has no discriminator.")

# %% [markdown]
# ## With corpora of your own
#
# Name your corpora and their tasks in `params/joined.yaml`, and this page is made of
# them. How a corpus is described, and how it is checked before it is used, stands on
# the page [Corpora](../corpora.md).

# %% tags=["in-short"]
Markdown(audit.in_short_corpora(corpus, scores, told))
