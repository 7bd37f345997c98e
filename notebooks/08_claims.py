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
# # Which claims hold
#
# The paper's section 5 reads its Table 2 aloud: this is better than that, these are on
# par, that one is best. A table always has a best row, so such sentences can be written
# about any table. This page asks of each of them what a sceptical reader would: on this
# corpus, would it survive other speakers? How much of it is the age error alone? Would
# it survive another seed? The answers stand in a *ledger*, a table with a row and a
# verdict for each claim.

# %% tags=["parameters"]
scale = "demo"  # which file of params/scales

# %%
from burst2vec.config import Params

params = Params.resolve(globals())

# %%
import pandas as pd
from IPython.display import Markdown, display
from myst_nb import glue

from burst2vec.report import captions, in_short
from burst2vec.report.figures.style import use_style

use_style()

# %% tags=["banner"]
from burst2vec.corpora.opening import open_corpus
from burst2vec.report.page import banner

corpus = open_corpus(params)
banner(corpus)

# %%
from burst2vec.report.sentences import describe_left_out
from burst2vec.results import runs, scores

predictions, models = runs.read_systems(params.run_folder)
if left_out := describe_left_out(corpus, predictions):
    display(Markdown(left_out))
table = scores.table2(corpus, predictions, models)

# %% [markdown]
# ## From a sentence to a number
#
# Each sentence becomes pairs of systems and a metric. *V6 is the best single system* is
# six pairs: V6 and each of the other variants, by $S_\text{MTL}$. The statistic of a
# pair is its difference, turned so that above 0 supports the claim. A claim holds when
# all its pairs do, so the pair that holds least decides. *On par* is the same with a
# margin: each of two systems is better than the other minus the margin. The paper names
# none, so it is a parameter:

# %%
from burst2vec.results import claims

stated = claims.paper_claims(margin=claims.MARGIN)
random = runs.random_backbones(params.run_folder)
small = runs.small_backbones(params.run_folder)
about = sum(claim.about_pretraining for claim in stated)
Markdown(f"There are {len(stated)} claims, {about} of them about pre-training. Systems "
         f"on par differ by no more than {claims.MARGIN}. Backbones that started from "
         f"random weights are in {', '.join(random) or 'no system'}, and small "
         f"pre-trained ones in {', '.join(small) or 'none'}.")

# %% [markdown]
# Which systems are compared stands in the paper's sentence and is never chosen by the
# scores at hand. That matters twice. Whoever asks whether *the best* system is better
# will find that it is, among equals too. And the paper says that debiasing helps a
# variant where it is weak; take its weakest tasks of this very table, and retraining
# alone would improve them, because part of being worst is bad luck.
#
# Some claims are about pre-training itself, or about which pre-trained backbone is
# best. Where backbones start from random weights, as tiny ones do, such a claim is *not
# tested*: estimate and interval are shown, and say something about these networks, but
# nothing about the claim.
#
# The small backbones that come with the package are pre-trained, but unlike each other:
# for other numbers of steps, and one of them on units that another had found. Which of
# them is best says nothing of the paper's three. With them, claims that compare
# backbones with each other are *not tested* either. Those that set pre-trained systems
# beside the baseline are.
#
# Taking the smallest of several differences is a choice by the scores, too, and the
# table below allows for it. Let $d_1, \dots, d_k$ be the true differences and $m$ the
# smallest. Every pair gets an interval $[\ell_i, u_i]$ over speakers *and* seeds:
# speakers are drawn with replacement, and to their part of the variance is added that
# of the seeds, each variant's own, with Student's $t$ for as few seeds as there are
# {cite:p}`banerjee1960,zou2008`. Of a variant that was trained with one seed it is not
# known how much retraining changes, so a claim about it is at most *undecided (one
# seed)*. The lower bound of $m$ is the smallest $\ell_i$: the truly weakest pair has a
# bound at or above it, so nothing needs correcting before saying that *all* pairs hold.
# The upper bound is the smallest $u_i$ after widening each to $1 - 0.05/k$, for to say
# that *some* pair fails is to have looked for the worst of $k$. Above 0 the claim is
# supported, below 0 contradicted, and otherwise this corpus cannot tell.

# %%
from burst2vec.results import seeds
from burst2vec.results.ensembles import read_ensembles

found = seeds.read_seed_predictions(params.run_folder)
by_seed = seeds.combine_seeds(found, corpus.tasks, read_ensembles())

# %%
from burst2vec.evaluation.bootstrap import scored_splits
from burst2vec.evaluation.crossed import cross
from burst2vec.evaluation.trivial import trivial_predictions

both = {}
for split in scored_splits(corpus):
    truth = corpus.split(split)
    audio_free = trivial_predictions(corpus, truth).items()
    systems = by_seed | {code: {0: answers} for code, answers in audio_free}
    both[split] = cross(corpus.tasks, truth, systems)

# %%
from burst2vec.corpora.corpus import SPLIT_WORDS

said = [f"{len(found.means.replicates):,} resamples of {found.means.speakers} "
        f"{found.means.clusters} on {SPLIT_WORDS[split]}"
        for split, found in both.items()]
Markdown(f"Drawn are {' and '.join(said)}.")

# %%
from burst2vec.report.tables.claims import render_ledger
from burst2vec.report.tables.frames import boxed

steps = runs.read_steps(params.run_folder)
ledgers = {split: claims.ledger(stated, found, random, steps, small)
           for split, found in both.items()}
of_splits = [found.assign(split=split) for split, found in ledgers.items()]
ledger = pd.concat(of_splits, ignore_index=True)
scores.write_table(ledger, params.output("claims.csv"))
paper = claims.published_ledger(stated)
render_ledger(ledgers["val"], paper)

# %%
from burst2vec.report.figures.claims import draw_ledger

draw_ledger(ledgers["val"]);

# %% tags=["caption"] name="fig-ledger"
Markdown(captions.ledger(ledgers["val"]))

# %%
untested = ledgers["val"].query("verdict == 'not tested'")["note"].value_counts()
why = "; ".join(f"{n} for “{note}”" for note, n in untested.items())
Markdown(f"Not tested on validation: {why or 'none'}.")

# %% [markdown]
# They are judged one by one. Of claims that are neither true nor false, each would be
# called supported in at most one sample of forty, but some one of them more often.

# %% tags=["remove-cell"]
import re

from burst2vec.report.figures.claims import VERDICTS
from burst2vec.report.in_short import verdicts_in_words

counts = ledgers["val"]["verdict"].value_counts()
for verdict in VERDICTS:
    name = "_".join(["claims", *re.findall(r"\w+", verdict)])
    glue(name, int(counts.get(verdict, 0)), display=False)
glue("claims_in_words", verdicts_in_words(ledgers["val"]), display=False)
glue("claims_stated", len(stated), display=False)

# %% [markdown]
# Three things to know before believing a verdict.
#
# - *Undecided* is no verdict of "no effect". It says that the sample cannot tell: other
#   speakers like these could turn the difference either way.
# - The interval is of each variant, retrained, on other speakers of the same kind; it
#   knows nothing of another corpus. The last section shows the seeds by themselves.
# - Validation chose each system's best weights. Every system had the same favour, and
#   the test set, where its labels are at hand, had no part in it. Where the two sets
#   disagree, the claim hangs on the sample:

# %%
verdicts = ledger.pivot(index="claim", columns="split", values="verdict")
verdicts = verdicts.loc[[claim.name for claim in stated]]
unlike = verdicts[verdicts.nunique(axis=1) > 1].reset_index()
alike = Markdown("No verdict differs between the sets.")
caption = "Claims with another verdict on test"
boxed(unlike, caption=caption) if len(unlike) else alike

# %% [markdown]
# The paper's numbers, fed to the same claims, are only points: without predictions
# there is nothing to resample. How firm they are can be guessed from their size beside
# the intervals above. The smallest are hardly more than the rounding of the printed
# numbers can make:

# %%
smallest = paper.nsmallest(3, "estimate")[["claim", "weakest", "estimate"]]
boxed(smallest, caption="The paper's smallest effects")

# %% [markdown]
# The margin of *on par* is ours, and another reader may want another. The claim is
# supported at any margin above the largest difference that the intervals leave
# possible:

# %%
with_margin = [claim.name for claim in stated if claim.slack]
par = ledgers["val"].query("claim in @with_margin and verdict != 'not tested'")
said = [f"*{row.claim}*: at any margin above {claims.MARGIN - row.low:.4f}."
        for row in par.itertuples()]
Markdown(" ".join(said) or "No claim of being on par was tested.")

# %% [markdown]
# ## What pre-training alone is worth
#
# The paper compares pre-trained backbones with a baseline that is none. Small backbones
# allow a nearer comparison: the same variants, with the same seeds and for the same
# number of steps, whose Transformer starts from random weights behind the same feature
# encoder (`pretrained: false`). Means over the seeds, and the difference with its
# interval over speakers and seeds:

# %%
from burst2vec.report.sentences import describe_heads_first, describe_worth

if heads_first := describe_heads_first(params):
    display(Markdown(heads_first))

# %%
from burst2vec.report.words import metric_name
from burst2vec.results import random_weights

random_too = random_weights.read_random(params.run_folder)
worth = random_weights.worth_of_pretraining(corpus, by_seed, random_too)
scores.write_table(worth, params.output("pretraining_worth.csv"))
display(Markdown(describe_worth(worth)))
if len(worth):
    display(boxed(worth.assign(metric=worth["metric"].map(metric_name))))

# %% [markdown]
# ## What could have been shown
#
# *Undecided* may mean that there is nothing to find, or that a corpus of this size
# could not have found it. The smallest effect that a claim's weakest pair could have
# shown here in four samples of five follows from its interval, speakers and seeds
# included. Beside it stands the paper's own effect, and what ExVo's 568 validation
# speakers could have shown with as much variance from speaker to speaker, had seeds
# changed nothing:

# %%
from burst2vec.results.power import detectable_differences

power = detectable_differences(stated, both["val"])
scores.write_table(power, params.output("power.csv"))
legend = ("In the unit of the metric; age in years. A dash: a variant of the pair has "
          "one seed, or is not in this run.")
boxed(power, legend, caption="The smallest effects that could have been shown")

# %% tags=["remove-cell"]
out_of_reach, known = in_short.out_of_reach(power)
glue("effects_known", known, display=False)
glue("effects_out_of_reach", out_of_reach, display=False)

# %%
within = int((power["paper"] >= power["exvo_speakers"]).sum())
Markdown(f"Of {len(power)} claims the paper reports an effect that its own speakers "
         f"could have shown, even if seeds changed nothing, in {within}.")

# %% [markdown]
# ## Like with like
#
# The abstract's gain of 30 % over the baseline is that of the test set; on validation
# the same numbers give 33 %:

# %%
from burst2vec.results import published

boxed(scores.relative_gains(published.read_published(), "ABC"),
      caption="The paper's gains over its baseline")

# %% [markdown]
# On age, the paper's systems lie between 3.58 and 3.71 years. Without any sound, who
# knows a speaker's country can answer with that country's median, and whoever knows
# nothing with the median of all:

# %%
boxed(published.read_audio_free(), "Age-MAE in years, estimated from the published "
      "distribution of ages.", caption="The audio-free baselines on ExVo")

# %% [markdown]
# And the challenge's leaderboard, on the test set:

# %%
boxed(published.read_leaderboard(), caption="The challenge's leaderboard")

# %% [markdown]
# ## Where the score comes from
#
# $S_\text{MTL} = 3 / (1/\text{CCC} + 1/\text{UAR} + \text{MAE})$ adds up unlike things.
# CCC and UAR cannot exceed 1, so that a perfect system still pays 2 for them, while the
# age error enters in years. Its slopes are
#
# $$\frac{\partial S}{\partial\,\text{CCC}} = \frac{S^2}{3\,\text{CCC}^2}, \qquad
# \frac{\partial S}{\partial\,\text{UAR}} = \frac{S^2}{3\,\text{UAR}^2}, \qquad
# \frac{\partial S}{\partial\,\text{MAE}} = -\frac{S^2}{3} ,$$
#
# so that a year of age error weighs as much as $\text{CCC}^2$ of CCC: little for a
# system that is poor at emotion, which gains more by mending that. The table gives, for
# each row of Table 2, what a small step of each part is worth, then two other scores:
# the *ceiling*, with a perfect CCC and UAR at that age error, and *constant age*, the
# row's own CCC and UAR with the age error of the predictor that always answers the
# training median. What a row has above that, hearing age has brought.

# %%
from burst2vec.results.sensitivity import decompose, sensitivity

if "s_mtl" in table:
    every = sensitivity(table)
    scores.write_table(every, params.output("sensitivity.csv"))
    sources = every.query("split == 'val'")

# %%
if "s_mtl" in table:
    steps = pd.DataFrame({
        "s_mtl": sources["s_mtl"], "+ 0.01 CCC": 0.01 * sources["by_ccc"],
        "+ 0.01 UAR": 0.01 * sources["by_uar"], "− 0.1 years": -0.1 * sources["by_mae"],
        "ceiling": sources["ceiling"], "constant age": sources["constant_age"]})
    shown = steps.map("{:.4f}".format).replace("nan", "–")
    shown.insert(0, "code", sources["code"])
    display(boxed(shown, "On validation. Small steps: what each adds to the score.",
                  caption="What the score is made of"))

# %%
if "s_mtl" in table:
    rows = sources.set_index("code")
    systems = rows.loc[list(predictions)]
    moved = (systems["s_mtl"] - systems["constant_age"]).abs()
    apart = systems["s_mtl"].max() - systems["s_mtl"].min()
    said = " and ".join(
        f"{row['s_mtl']:.3f} (*{code}*, with a CCC of {row['ccc']:.3f})"
        for code, row in rows.loc[["Constant", "Chance"]].iterrows())

# %%
if "s_mtl" in table:
    display(Markdown(
        f"The audio-free baselines score {said}: the harmonic mean lies below three "
        "times a positive CCC, and is 0 where there is none, whatever the age error "
        "is. But at the constant's age error even a perfect CCC and UAR give no more "
        f"than {rows.loc['Constant', 'ceiling']:.3f}. With the constant's age error in "
        "place of its own no system's score would move by more than "
        f"{moved.max():.4f} ({moved.idxmax()}); the systems lie {apart:.4f} apart."))

# %% [markdown]
# ### How much of a difference is age?
#
# What a better CCC brings depends on the other two parts. Changing them one after the
# other from the one system's to the other's gives three numbers that sum to the
# difference, but other ones in another order; Shapley's value is their mean over all
# six orders. It is the one additive rule that treats the parts alike, gives a part that
# does not differ nothing, and leaves no remainder. Below, the pair that holds least in
# each claim about $S_\text{MTL}$, tested or not.

# %%
from burst2vec.report.figures.claims import draw_decomposition

if "s_mtl" in table:
    deciding = ledgers["val"].query("metric == 's_mtl' and weakest != ''")["weakest"]
    pairs = [tuple(pair.split(" over ")) for pair in dict.fromkeys(deciding)]
    parts = decompose(table, pairs)
    if len(parts):
        draw_decomposition(parts)

# %% tags=["caption"] name="fig-parts"
if "s_mtl" in table and len(parts):
    display(Markdown(captions.parts(parts)))

# %%
of_paper = decompose(published.read_published(), [("V4", "V5")])
gain = of_paper.set_index("part")["contribution"]
Markdown(f"In the paper's own numbers, of what V4 gains over V5 by debiasing "
         f"({gain.sum():+.4f}), age alone is {gain['mae']:+.4f}, "
         f"{100 * gain['mae'] / gain.sum():.0f} %.")

# %% [markdown]
# ## Seeds
#
# Training draws weights, batches and dropout from a seed. Two runs of one variant
# therefore differ, and a difference between variants means something only beyond that.
# A score is its variant's mean plus a normal error of the seed, with a variance of the
# variant's own, since unlike variants need not vary alike. Differences of means get
# Welch's intervals, widened for the number of pairs (Bonferroni). Bursts and speakers
# are the same for every seed, so this says nothing of other speakers; the ledger has
# both.
#
# Seeds are found by folder: every `seeds/<seed>/<code>/` of the run is read, those of
# an earlier `params/seeds.yaml` too.

# %%
of_seeds = seeds.score_seeds(corpus, by_seed)
scores.write_table(of_seeds, params.output("seeds.csv"))
Markdown(seeds.summary(of_seeds))

# %%
from burst2vec.report.figures.claims import draw_seeds

draw_seeds(of_seeds);

# %% tags=["caption"] name="fig-seeds"
Markdown(captions.seeds(of_seeds))

# %%
several = seeds.spread(of_seeds).query("seeds > 1 and split == 'val'")
legend = ("Over seeds: mean, standard deviation (n − 1), lowest and highest; two "
          "single runs lie <i>within</i> that distance in 95 % of cases.")
if len(several):
    words = {"low": "lowest", "high": "highest", "least": "two runs within"}
    display(boxed(several.drop(columns="split").rename(columns=words), legend,
                  caption="How scores spread over seeds, on validation"))

# %%
compared = seeds.compare_seeds(of_seeds).query("split == 'val'").drop(columns="split")
apart = compared[compared["verdict"].str.startswith("exceeds")]
legend = ("Above 0 the first is better. Intervals and <i>p</i>-values hold for all "
          "pairs of a metric at once.")
if len(compared):
    words = {"a": "first", "b": "second"}
    display(boxed(apart.drop(columns="verdict").rename(columns=words), legend,
                  caption="Pairs that differ by more than their seeds do, "
                          f"{len(apart)} of {len(compared)}"))

# %% tags=["in-short"]
Markdown(f"{in_short.claims(ledgers, power)} {heads_first}")
