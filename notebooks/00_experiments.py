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
# # The experiments
#
# Seven variants of Burst2Vec, a baseline and three ensembles: every row of the paper's
# Table 2. A variant is described by what sets it apart from the base, which is
# Burst2Vec with HuBERT large, adversarial debiasing, the audio as provided and no
# oversampling. Two variants that differ in one parameter answer one question.

# %% tags=["parameters"]
scale = "demo"  # which file of params/scales

# %%
from burst2vec.config import Params, project_root

params = Params.resolve(globals())
files = (project_root() / "params" / "variants").glob("*.yaml")
codes = sorted(path.stem for path in files)
variants = {code: Params.resolve({**globals(), "variant": code}) for code in codes}

# %%
import dataclasses

import pandas as pd
from IPython.display import Markdown
from myst_nb import glue

from burst2vec.corpora.opening import open_corpus
from burst2vec.report import experiments
from burst2vec.results.ensembles import label, read_ensembles


# %%
def show(rows, *columns):
    """Shows rows as a table without an index, its last column wide enough to read."""
    wide = {"selector": "td:last-child", "props": "min-width: 9em"}
    styler = pd.DataFrame(rows, columns=columns).style.hide(axis="index")
    return styler.set_table_styles([wide]).set_properties(**{"text-align": "left"})


# %% tags=["remove-cell"]
corpus = open_corpus(params)
kind = "the synthetic corpus" if corpus.synthetic else f"the corpus {corpus.name}"
glue("corpus_kind", kind, display=False)

# %% [markdown]
# ## Variants
#
# The base is V4. *WL* stands for wav2vec 2.0 large, *HB* and *HL* for HuBERT base and
# large; *Adv* for adversarial debiasing, of which the [method](../method.md) explains
# the terms; *own* for our preprocessing of the raw recordings, which [avoids the
# distortion](preprocessing.ipynb) of the audio as provided. Backbones are named as on
# the Hugging Face hub. (All such words: [Notation](../notation.md).)

# %%
yes = {True: "yes", False: "no"}
trained = {code: p for code, p in variants.items() if code != "Baseline"}
rows = [(code, p.title, p.backbone.removeprefix("facebook/"), yes[p.adversarial],
         p.audio, yes[p.oversampling]) for code, p in trained.items()]
show(rows, "code", "model", "backbone", "adversarial debiasing", "audio",
     "oversampling")

# %% [markdown]
# What each of them is there to answer:

# %%
show([(code, p.question) for code, p in variants.items()], "code", "question")

# %% [markdown]
# At the scale `demo` each backbone is replaced by a small model of the same family that
# comes with the package: [pre-trained](pretraining) on some ten hours of vocal bursts,
# where the published ones heard a thousand hours of speech and more.
# [What stands in for them](../silent.md) says what else there is.
#
# ## Ensembles
#
# An ensemble is trained on nothing. It averages its members' emotion intensities and
# ages, and their probabilities of the countries, of which the most probable wins.

# %%
ensembles = read_ensembles().items()
show([(code, label(members)) for code, members in ensembles], "code", "members")

# %% [markdown]
# ## Hyper-parameters
#
# The paper's Table 3 and, beside it, the values of the run at hand. At the scale
# `paper` the two agree.

# %%
paper = Params()
rows = [(meaning, name, str(getattr(paper, name)), str(getattr(params, name)))
        for name, meaning in experiments.TABLE_3.items()]
show(rows, "hyper-parameter", "parameter", "paper", "this run")

# %% [markdown]
# ## Every parameter
#
# The rest of the parameters, with their defaults. Those that the paper does not settle
# are argued on the page [Where the paper is silent](../silent.md).

# %%
def value(name):
    """Returns a parameter's default, and its value in this run where that differs."""
    default, here = str(getattr(paper, name)), str(getattr(params, name))
    return default if here == default else f"{default} (here {here})"


shown = {*experiments.TABLE_3, "scale", "variant", "title", "question"}
others = [f for f in dataclasses.fields(Params) if f.name not in shown]
rows = [(f.name, value(f.name), f.metadata["help"]) for f in others]
show(rows, "parameter", "default", "meaning")

# %% [markdown]
# (padding-measured)=
# ## What padding does to a clip
#
# [Padding under group norm](padding) lets the neighbours in a batch change a clip's
# features. How much? One second of noise is embedded alone, then in rows of which it
# fills a smaller and smaller part, by a tiny model of each family.

# %%
import matplotlib.pyplot as plt
import torch

from burst2vec.models.burst2vec import masked_mean
from burst2vec.models.hub import load_backbone
from burst2vec.models.tiny import FAMILIES
from burst2vec.report.figures.style import PALETTE, use_style


# %%
def embed(backbone, clip, samples):
    """Embeds a clip (1, features) in a row of so many samples, zero beyond the clip."""
    row = torch.nn.functional.pad(clip, (0, samples - clip.shape[1]))
    return masked_mean(*backbone(row, torch.tensor([clip.shape[1]])))


# %%
@torch.no_grad()
def changes(name, padding, clip, shares):
    """Returns the relative change of a clip's embedding where it fills these shares."""
    torch.manual_seed(0)
    backbone = load_backbone(name, "tiny", padding).eval()
    alone = embed(backbone, clip, clip.shape[1])
    padded = [embed(backbone, clip, round(clip.shape[1] / share)) for share in shares]
    return [((other - alone).norm() / alone.norm()).item() for other in padded]


# %%
clip = torch.randn(1, 16_000, generator=torch.Generator().manual_seed(0))
shares = [0.95, 0.9, 0.75, 0.5, 0.25]
changed = {(name, padding): [100 * x for x in changes(name, padding, clip, shares)]
           for name in FAMILIES for padding in ("as_published", "exact")}
at_half = {key: each[shares.index(0.5)] for key, each in changed.items()}
of_base = at_half["facebook/hubert-base-ls960", "as_published"]
glue("padding_published", f"{of_base:.0f}", display=False)

# %%
use_style()
_, axes = plt.subplots(figsize=(6.5, 3), layout="constrained")
for name, marker, color in zip(FAMILIES, ("o-", "s--", "^:"), PALETTE, strict=False):
    short = name.removeprefix("facebook/")
    axes.plot(shares, changed[name, "as_published"], marker, color=color, label=short)
    axes.plot(shares, changed[name, "exact"], color="0.6", zorder=0)
axes.set(xlabel="share of the row that the clip fills",
         ylabel="change of the embedding, %")
axes.invert_xaxis()
axes.legend();

# %% tags=["caption"] name="fig-padding"
Markdown(experiments.describe_padding(at_half))

# %% tags=["in-short"]
number = len(trained), len(ensembles)
Markdown(experiments.describe_experiments(params, kind, *number))
