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
# # Pre-training
#
# The paper takes its backbones ready-made, and its appendices A and B say in a
# paragraph each how they came to be: they listened to recordings without labels, parts
# of which were masked, and learnt to guess what lay behind the mask. This page says how
# that is done, does it in miniature, and shows how the backbones that come with the
# library were made. From folders of recordings to a backbone that the rest of the
# report can use like a published one leads a command:
#
# ```sh
# burst2vec pretrain CORPUS... --family hubert --steps 8000 --out backbones/hubert
# ```
#
# It hears only the training split of each corpus, and looks at no label. A tenth of
# the training speakers are held out for the curves below.

# %% tags=["parameters"]
scale = "demo"  # which file of params/scales
corpora = ["synthetic"]  # folders of corpora, or synthetic: what is heard
families = ["wav2vec2", "hubert"]
size = "tiny"  # of the backbones: tiny or small
steps = 60  # of each pre-training
units = 25  # clusters, or entries of each codebook
highest_rate = 0.003  # of learning

# %%
from burst2vec.config import Params

# The parameters of this page alone:
own = {"corpora", "families", "size", "steps", "units", "highest_rate"}
given = {name: value for name, value in globals().items() if name not in own}
params = Params.resolve(given)

# %% tags=["banner"]
from IPython.display import Markdown, display

from burst2vec.models.shipped import shipped
from burst2vec.models.tiny import CHECKPOINTS
from burst2vec.pretraining.folder import read_description
from burst2vec.report import pretraining

folders = [shipped(family) for family in CHECKPOINTS]
made = [read_description(folder) for folder in folders if folder]
Markdown(pretraining.describe_data(corpora, made))

# %% [markdown]
# ## What both methods have in common
#
# The feature encoder turns a waveform into frames $z_1, \dots, z_T$. Here nothing
# changes it, so that every burst is encoded once; in the small backbones it is a fixed
# bank of filters. Some frames are *masked*: one learnt vector, the same for all, takes
# their place in the Transformer's input. From what is left it makes *contexts*
# $c_1, \dots, c_T$, and only those of the masked frames $M \subset \{1, \dots, T\}$
# are asked for anything:
#
# ```{literalinclude} ../../burst2vec/pretraining/objectives.py
# :pyobject: hear_masked
# ```
#
# Masks are spans of a fifth of a second, for the neighbours of a single frame give it
# away. They lie within the real frames of a burst, never on its padding, and some
# frames always stay to guess from:
#
# ```{literalinclude} ../../burst2vec/pretraining/masking.py
# :pyobject: mask_spans
# ```
#
# Both methods compare contexts to candidates by their cosine, divided by a temperature
# $\kappa = 0.1$, and ask for the right one by a softmax:
#
# $$s(a, b) = \frac{1}{\kappa}\, \frac{a^\top b}{\lVert a \rVert\, \lVert b \rVert}$$
#
# ```{literalinclude} ../../burst2vec/pretraining/objectives.py
# :pyobject: cosine_logits
# ```
#
# What the candidates are is where they differ.
#
# ## Appendix A: wav2vec 2.0
#
# wav2vec 2.0 {cite:p}`baevski2020` asks which of several frames is the one that was
# masked. It compares not to the frames themselves, in which every detail of a recording
# lies, but to what a *quantiser* makes of them. The quantiser has $G = 2$ codebooks of
# $V$ entries each. It maps a frame to logits $l \in \mathbb{R}^{G \times V}$, takes
# from each codebook the entry with the largest, and joins the entries to a quantised
# frame $q$. In training the choice is drawn by a Gumbel softmax {cite:p}`jang2017`,
# through which gradients pass as if the probabilities
#
# $$
# p_{g,v} = \frac{\exp\left((l_{g,v} + n_{g,v}) / \tau\right)}
#   {\sum_{k=1}^{V} \exp\left((l_{g,k} + n_{g,k}) / \tau\right)} ,
# \qquad n = -\log(-\log u), \quad u \sim \mathcal{U}(0, 1),
# $$
#
# had been used; the temperature $\tau$ falls from 2 to 0.5. The candidates for a masked
# frame $t$ are its own $q_t$ and a set $Q_t$ of 100 *negatives*: quantised frames at
# other masked places of the same burst, drawn at random. The *contrastive loss* is
#
# $$
# \mathcal{L}_m = -\frac{1}{|M|} \sum_{t \in M}
#   \log \frac{\exp s(c_t, q_t)}{\sum_{q \in \{q_t\} \cup Q_t} \exp s(c_t, q)} .
# $$
#
# ```{literalinclude} ../../burst2vec/pretraining/objectives.py
# :pyobject: contrastive_logits
# ```
#
# A quantiser that gives every frame the same entries would leave nothing to tell apart.
# So the *diversity loss* rewards the use of all entries, by the perplexity of each
# codebook's mean choice $\bar p_g$:
#
# $$
# \mathcal{L}_d = 1 - \frac{1}{G V} \sum_{g=1}^{G}
#   \exp\Bigl(-\sum_{v=1}^{V} \bar p_{g,v} \log \bar p_{g,v}\Bigr) ,
# \qquad \mathcal{L} = \mathcal{L}_m + 0.1\, \mathcal{L}_d .
# $$
#
# ```{literalinclude} ../../burst2vec/pretraining/objectives.py
# :pyobject: ContrastiveTask.forward
# :dedent: 4
# ```
#
# ## Appendix B: HuBERT
#
# HuBERT {cite:p}`hsu2021` asks to which of $C$ clusters a masked frame belongs, its
# *unit*. The clusters are found by k-means before the Transformer learns anything: in
# 13 mel-frequency cepstral coefficients, their differences in time, and the differences
# of these. They are computed over what one frame of the backbone sees, so that each
# frame has one description:
#
# ```{literalinclude} ../../burst2vec/pretraining/units.py
# :pyobject: mfcc
# ```
#
# ```{literalinclude} ../../burst2vec/pretraining/units.py
# :pyobject: cluster
# ```
#
# With an embedding $e_k$ of each unit $k$ and a linear map $A$, the loss of the units
# $u_t$ is
#
# $$
# \mathcal{L} = -\frac{1}{|M|} \sum_{t \in M}
#   \log \frac{\exp s(A c_t, e_{u_t})}{\sum_{k=1}^{C} \exp s(A c_t, e_k)} .
# $$
#
# ```{literalinclude} ../../burst2vec/pretraining/objectives.py
# :pyobject: MaskedPrediction.forward
# :dedent: 4
# ```
#
# Clusters of cepstra describe sound poorly, and teach well nevertheless: in a *second
# iteration* clusters are found anew, in what the middle layer of the model now makes of
# the frames. Here the weights go on from the first iteration. The published models
# began again from random ones; where there are hours and not weeks, no step is given
# away. The large HuBERT learnt from the units of a smaller one at once, as
# `--units-from FOLDER` has it.
#
# ## The recipe
#
# AdamW with $\beta = (0.9, 0.98)$ and a weight decay of 0.01; a learning rate that
# rises over the first 8 % of an iteration and then falls in a straight line to zero;
# gradients shortened to norm 1; random batches of 32 bursts, computed in packed groups
# of similar length. Every random choice follows from the seed and a count of steps. So
# a pre-training that was killed goes on from its last checkpoint to the same bytes,
# unless it was told to end after so many *minutes*, which no seed decides.
#
# It can also go on from a published checkpoint, as voc2vec {cite:p}`koudounas2025`
# does: `--from FOLDER`. Then HuBERT's units come from the middle layer of that model at
# once, and its feature encoder stays as it is.
#
# ## In miniature
#
# What follows ran for this page: unless its parameters say otherwise, tiny backbones
# heard the embedded synthetic corpus for a few steps. The same notebook with other
# parameters runs a full pre-training:
#
# ```sh
# papermill notebooks/13_pretraining.ipynb pretraining.ipynb --engine burst2vec \
#     -k python3 -p run mine -y 'corpora: [/data/emogator]' \
#     -p size small -p steps 8000 -p units 100 -p highest_rate 0.001
# ```

# %% tags=["hide-output"]
from dataclasses import replace

from burst2vec.pretraining.command import pretrain_folder
from burst2vec.pretraining.recipe import Recipe

again = replace(params, restart=True)  # what an earlier report left is replaced
places = {family: params.output("pretraining", family) for family in families}
for family, place in places.items():
    recipe = Recipe(family=family, size=size, steps=steps, units=units,
                    learning_rate=highest_rate, seed=params.seed)
    pretrain_folder(corpora, place, recipe, again)

# %%
from burst2vec.report.tables.frames import boxed

written = [read_description(place) for place in places.values()]
boxed(pretraining.facts_table(written), align="left",
      caption="The pre-trainings of this page")

# %% [markdown]
# Who listens to nothing can still guess: for HuBERT by how frequent each unit is, for
# wav2vec 2.0 among the candidates at random. What that costs is the dashed line, and
# only what lies below it has been learnt.

# %%
from burst2vec.report.figures.pretraining import draw_guesses
from burst2vec.report.figures.style import use_style

use_style()
draw_guesses({told.facts["name"]: told.history for told in written});

# %% tags=["caption"] name="fig-pretraining-miniature"
Markdown(f"{pretraining.describe_guesses(written)} Above is the loss of guesses about "
         "masked frames of the speakers held out, in nats, below it the share that is "
         "right, in the pre-trainings that ran for this page. Where HuBERT's curves "
         "break, a second iteration begins, on other units.")

# %% [markdown]
# (shipped-backbones)=
# ## What comes with the library
#
# What `backbone_size: small` takes lies in the package. It was made by the same
# command; this is what the run wrote:

# %%
boxed(pretraining.facts_table(made), align="left",
      caption="What comes with the library")

# %%
Markdown(pretraining.commands(made))

# %%
if made:
    draw_guesses({told.facts["name"]: told.history for told in made});

# %% tags=["caption"] name="fig-pretraining-shipped"
Markdown(f"{pretraining.describe_guesses(made)} Shown is the pre-training of what "
         "comes with the library: loss in nats and accuracy on the speakers held out. "
         "Losses of different units cannot be compared; each has its own constant "
         "guess.")

# %% [markdown]
# ## What it is worth
#
# A *linear probe* asks what a simple reader finds in the frozen features of a burst,
# which are the mean and the deviation over time of each output of each layer: ridge
# regression reads intensities, logistic regression classes. It is fitted to training
# speakers, who are none of those that it is scored on, and how strongly it is held back
# is chosen on folds of them. Beside the pre-trained backbones stand the same
# backbones with random weights behind the same filters, and the same statistics of a
# log-mel spectrogram. `burst2vec pretrain --probe CORPUS` makes such a table, or for
# folders that are there already
#
# ```sh
# python -m burst2vec.pretraining.probes CORPUS backbones/hubert --out probes.csv
# ```

# %%
scored = {told.facts["probed"] for told in made if told.probes is not None}
if scored:
    legend = f"Scores on {', '.join(sorted(scored))}. Higher is better, but for an MAE."
    display(boxed(pretraining.probes_table(made), legend, caption="Linear probes"))

# %% tags=["in-short"]
Markdown(pretraining.summarise(made))
