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
# # Does debiasing do what it is for?
#
# The paper says that its adversary debiases, and shows no test of it: in recordings of
# people nobody knows what a bias is worth. In a synthetic corpus it is planted, and can
# be taken away again. This page shows that experiment. It trains nothing, but reads the
# file that `make studies` wrote.

# %% tags=["parameters"]
scale = "demo"  # which file of params/scales

# %%
from burst2vec.config import Params, project_root

params = Params.resolve(globals())  # refuses a scale that does not exist

# %%
from IPython.display import Markdown, display

from burst2vec.report import debiasing
from burst2vec.report.figures import debiasing as figures
from burst2vec.report.figures.style import use_style
from burst2vec.report.studies import made_by, read_study
from burst2vec.report.tables.frames import boxed

use_style()

# %% tags=["banner"]
found = read_study(project_root() / "studies", "debiasing")
Markdown(debiasing.describe_making(found) if found else "")

# %% [markdown]
# ## What is planted, and what it is worth
#
# In the training labels of ExVo age and country hang together. The synthetic corpus has
# this association as it was measured, or none, or one of twice the size: the odds
# ratios of its table of ages by country are then squared, and the marginals stay. A
# *twin* of a burst is the same burst by the same speaker, whose age was drawn
# independently of the country; nothing else differs but what age does to a voice. Here
# are the errors of two who hear nothing: one gives the same answer always, the other is
# told the country and answers with its typical age.

# %%
if found:
    display(boxed(debiasing.planted_cells(found), caption="What is planted",
                  legend="Medians of the training speakers; errors are mean absolute "
                         "errors on the test speakers."))

# %%
Markdown(debiasing.describe_planted(found) if found else "")

# %% [markdown]
# ## It can be read
#
# An adversary can take away only what is there, and who cannot hear age has nothing but
# the country to answer with. Between 20 and 40 years age is hardly audible, in people
# and in the synthetic corpus alike. For this experiment it is made audible: with the
# years vowels are formed more openly and further back (`synthetic_ageing: 1`), which is
# also how the countries differ. Linear probes {cite:p}`alain2016,hewitt2019` read age
# and country from the embeddings of the pre-trained backbone, before any training of
# heads, in test bursts of speakers whom the probe has not heard
# ([how](audit.ipynb)).

# %%
if found:
    display(boxed(debiasing.pooled_cells(found), caption="What the embeddings tell",
                  legend="Small: 95 % intervals over speakers."))

# %%
Markdown(debiasing.describe_pooled(found) if found else "")

# %% [markdown]
# ## What was trained
#
# Every way begins with the same weights for the same seed, and takes as many steps.
#
# - **No adversary**: the sum of the task losses alone, as in the variants marked − Adv.
# - **Adversary, extractors**: the reversed gradients of the [two
#   opponents](../method.md) end at the extractors that they are aimed at.
# - **Adversary, upstream**: they reach all that lies before, which is how the paper may
#   be read, and the default.
# - **Adversary, both α doubled**: the same with twice the weight.
#
# Three rivals leave gradients as they are, and are trained where there is a bias:
#
# - **Reweighting** {cite:p}`kamiran2012`: a training burst of age band $a$ and country
#   $c$ is drawn with a chance in proportion to $p(a)\,p(c)\,/\,p(a, c)$, under which
#   age and country are independent. Combinations that no training speaker has cannot
#   be weighted, and leave some of the association.
# - **Entropy** {cite:p}`tzeng2015`: to ascend the loss of a reader is to mislead it,
#   and whom one can mislead one tells something. Here foreign heads and the
#   discriminator learn as before, and what is upstream of them makes their answers
#   uninformative: instead of ascending $\mathcal{L}_{\text{Adv}}$ it descends
#
#   $$
#   \mathcal{U} = \log K - \frac{1}{N} \sum_{n=1}^{N} H(p_n)
#   \qquad \text{or} \qquad
#   \mathcal{U} = \frac{\operatorname{var}(\hat{y})}{\operatorname{var}(y)}
#   $$ (uniformity)
#
#   where $H(p_n)$ is the entropy of the probabilities of $K$ classes for burst $n$ of
#   $N$, and the variances, over the batch, are of a head's answers and of the labels.
#   Both are 0 where all bursts get the same answer.
# - **Erasure** {cite:p}`belrose2023`: after a training without an adversary the head of
#   age reads features from which the country is erased, and that of country features
#   from which age is erased, by the affine map (LEACE) that moves the training bursts'
#   features least among those after which no linear reader of theirs finds anything.

# %%
Markdown(debiasing.describe_reach(found) if found else "")

# %% [markdown]
# (debiasing-twins)=
# ## On the twins
#
# Whether debiasing does what it is for is decided where the bias is gone: are the ages
# of the twins answered better than without an adversary? A way that has merely
# forgotten age loses nothing from bursts to twins either, so that the loss alone does
# not decide.

# %%
if found:
    figures.draw_twins(found);

# %% tags=["caption"] name="fig-debiasing-twins"
Markdown(f"{debiasing.summarise_effects(found)} Shown is by how much each way is "
         "better (right of the line) or worse on the twins than the training without an "
         "adversary: age in years of mean absolute error, country in UAR, emotion in "
         "CCC. Intervals of 95 % are over speakers and seeds, and hold together for "
         "the ways of a bias and metric." if found else "")

# %%
if found:
    display(Markdown(debiasing.describe_verdicts(found)))

# %%
if found:
    display(boxed(debiasing.effect_cells(found), caption="Effects on the twins",
                  legend="Against no adversary at the same bias, above 0 where the way "
                         "is better. Small: intervals over speakers and seeds."))

# %%
if found:
    display(boxed(debiasing.score_cells(found), caption="Scores by bias and way",
                  legend="Means and, small, standard deviations over "
                         f"{found['seeds']} seeds. {made_by(found)}"))

# %% [markdown]
# ## What the bias costs
#
# The loss from bursts to twins is what a system owes to the bias. Other ages may be
# easier or harder to guess by themselves; so the loss of a constant answer is taken
# off.

# %%
if found:
    figures.draw_losses(found);

# %% tags=["caption"] name="fig-debiasing-losses"
Markdown(f"{debiasing.summarise_losses(found)} Above: by how much worse each way is on "
         "the twins than on the bursts, beyond what a constant answer is; right of the "
         "line it owes part of its score to the bias. Below: by how much less it loses "
         "than the training without an adversary. Intervals of 95 % over speakers and "
         "seeds." if found else "")

# %%
Markdown(debiasing.describe_losses(found) if found else "")

# %% [markdown]
# The ages of the twins are others than those of the bursts, which moves the loss. More
# surely told is what training with the bias costs: the same twins, answered by systems
# that were trained with it and without it.

# %%
Markdown(debiasing.describe_costs(found) if found else "")

# %% [markdown]
# ## What is left to read
#
# The adversary of Eq. 7 is to leave nothing of country in the features of age, and the
# other way round. On the twins age says nothing of country, so whatever a probe reads
# there of one from the features of the other is the voice's.

# %%
if found:
    figures.draw_read(found);

# %% tags=["caption"] name="fig-debiasing-read"
Markdown(f"{debiasing.describe_read(found)} Left of the line a probe of the features "
         "reads less than of those that were trained without an adversary. Intervals "
         "of 95 % over speakers and seeds." if found else "")

# %% [markdown]
# ## What would have been seen
#
# Not to find an effect means little, unless one that matters would have been found.

# %%
Markdown(debiasing.describe_power(found) if found else "")

# %% tags=["remove-cell"]
from myst_nb import glue

said = debiasing.for_limitations(found) if found else "Not measured yet."
glue("debiasing_in_words", said, display=False)

# %% tags=["in-short"]
Markdown("Does debiasing do what it is for? " + (
    debiasing.summarise(found) if found else "Not measured yet: `make studies`."))
