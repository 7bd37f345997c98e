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
# The paper's section 5 reads its Table 2 aloud: this is better than that, these are on par, that one is best.
# A table always has a best row, so such sentences can be written about any table. This page asks of each of
# them what a sceptical reader would: on this corpus, would it survive other speakers? How much of it is the age
# error alone? Would it survive another seed?

# %% tags=["parameters"]
scale = "demo"  # which file of params/scales

# %%
import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import Markdown, display
from myst_nb import glue

from burst2vec.config import Params
from burst2vec.corpora.opening import open_corpus
from burst2vec.evaluation import bootstrap
from burst2vec.report import tables
from burst2vec.report.figures import claims as figures
from burst2vec.report.figures import style as pages
from burst2vec.report.page import banner
from burst2vec.results import claims, published, runs, scores, seeds, sensitivity

# %%
params = Params.resolve(globals())
plt.rcParams.update(pages.STYLE)
corpus = open_corpus(params)
banner(corpus)

# %%
predictions, models = runs.read_systems(params.run_folder)
table = scores.table2(corpus, predictions, models)

# %% [markdown]
# ## From a sentence to a number
#
# Each sentence becomes pairs of systems and a metric. *V6 is the best single system* is six pairs: V6 and each
# of the other variants, by $S_\text{MTL}$. The statistic of a pair is its difference, turned so that above 0
# supports the claim. A claim holds when all its pairs do, so the pair that holds least decides. *On par* is the
# same with a margin: each of two systems is better than the other minus the margin. The paper names none, so it
# is a parameter:

# %%
stated = claims.paper_claims(margin=claims.MARGIN)
random = runs.random_backbones(params.run_folder)
print(f"{len(stated)} claims, {sum(claim.about_pretraining for claim in stated)} of them about pre-training; "
      f"systems on par differ by no more than {claims.MARGIN}")
print(f"backbones that started from random weights: {', '.join(random) or 'none'}")
stated[1]

# %% [markdown]
# Which systems are compared stands in the paper's sentence and is never chosen by the scores at hand. That
# matters twice. Whoever asks whether *the best* system is better will find that it is, among equals too. And
# the paper says that debiasing helps a variant where it is weak; take its weakest tasks of this very table,
# and retraining alone would improve them, because part of being worst is bad luck.
#
# Six claims are about pre-training itself, or about which pre-trained backbone is best. Where backbones start from
# random weights, as the tiny ones of the scale `demo` do, such a claim is *not tested*: estimate and interval are
# shown, and say something about these networks, but nothing about the claim.
#
# Taking the smallest of several differences is a choice by the scores, too, and the table below allows for it.
# Let $d_1, \dots, d_k$ be the true differences and $m$ the smallest. Speakers are drawn with replacement, and
# every pair gets its bootstrap interval $[\ell_i, u_i]$. The lower bound of $m$ is the smallest $\ell_i$: the
# truly weakest pair has a bound at or above it, so nothing needs correcting before saying that *all* pairs
# hold. The upper bound is the smallest $u_i$ after widening each to $1 - 0.05/k$, for to say that *some* pair fails
# is to have looked for the worst of $k$. Above 0 the claim is supported, below 0 contradicted, and otherwise this
# corpus cannot tell.

# %%
resampled = {split: bootstrap.bootstrap(corpus.tasks, corpus.split(split), predictions)
             for split in bootstrap.scored_splits(corpus)}
ledgers = {split: claims.ledger(stated, drawn, random) for split, drawn in resampled.items()}
for split, drawn in resampled.items():
    print(f"{split}: {len(drawn.replicates)} resamples of {drawn.speakers} {drawn.clusters}")

# %%
ledger = pd.concat([found.assign(split=split) for split, found in ledgers.items()], ignore_index=True)
scores.write_table(ledger, params.run_folder / "claims.csv")
paper = claims.ledger(stated, claims.estimates_of(published.read_published()))
tables.ledger(ledgers["val"], paper)

# %% mystnb={"figure": {"name": "fig-ledger", "caption": "The claims on validation, in three panels by unit: the difference of the pair that holds least, with its 95 % interval over speakers. Right of 0 the numbers agree with the paper, left of it they disagree. A claim is decided only where the whole interval is clear of 0: a filled circle or a cross. An open square has 0 within its interval. Grey: not tested, whatever the interval, since the claim is about pre-training and these backbones had none."}}
figures.draw_ledger(ledgers["val"]);

# %%
counts = {split: found["verdict"].value_counts() for split, found in ledgers.items()}
said = [f"on {split} " + ", ".join(f"{n} {verdict}" for verdict, n in found.items())
        for split, found in counts.items()]
untested = ledgers["val"].query("verdict == 'not tested'")["note"].value_counts()
why = "; ".join(f"{n} for “{note}”" for note, n in untested.items())
Markdown(f"Of {len(stated)} claims: {'; '.join(said)}. " + (f"Not tested on val: {why}. " if why else "")
         + f"They are judged one by one: of {len(stated)} claims that are neither true nor false, each would be called "
         "supported in at most one sample of forty, but some one of them more often.")

# %% tags=["remove-cell"]
for verdict in figures.VERDICTS:
    glue(f"claims_{verdict.replace(' ', '_')}", int(counts["val"].get(verdict, 0)), display=False)

# %% [markdown]
# Three things to know before believing a verdict.
#
# - *Undecided* is no verdict of "no effect". It says that the sample cannot tell: other speakers like these could
#   turn the difference either way.
# - The interval is of these trained systems on other speakers. Another seed would train others; the last
#   section asks about that.
# - Validation chose each system's best weights. Every system had the same favour, and the test set, where its labels
#   are at hand, had no part in it. Where the two sets disagree, the claim hangs on the sample:

# %%
verdicts = ledger.pivot(index="claim", columns="split", values="verdict").loc[[claim.name for claim in stated]]
unlike = verdicts[verdicts.nunique(axis=1) > 1].reset_index()
tables.boxed(unlike, align="left") if len(unlike) else Markdown("No verdict differs between the sets.")

# %% [markdown]
# The paper's numbers, fed to the same claims, give the paper's conclusions, but only as points: without
# predictions there is nothing to resample. How firm they are can be guessed from their size beside the
# intervals above. The smallest is hardly more than the rounding of the printed numbers can make:

# %%
tables.boxed(paper.nsmallest(3, "estimate")[["claim", "weakest", "estimate"]].assign(
    estimate=lambda rows: rows["estimate"].map("{:+.4f}".format)))

# %% [markdown]
# The margin of *on par* is ours, and another reader may want another. The claim is supported at any margin above
# the largest difference that the intervals leave possible:

# %%
par = ledgers["val"][ledgers["val"]["claim"].isin([claim.name for claim in stated if claim.slack])]
Markdown(" ".join(f"*{row.claim}*: at any margin above {claims.MARGIN - row.low:.4f}." for row in par.itertuples()
                  if row.verdict != "not tested") or "No claim of being on par was tested.")

# %% [markdown]
# ## Where the score comes from
#
# $S_\text{MTL} = 3 / (1/\text{CCC} + 1/\text{UAR} + \text{MAE})$ adds up unlike things. CCC and UAR cannot exceed 1,
# so that a perfect system still pays 2 for them, while the age error enters in years. Its slopes are
#
# $$\frac{\partial S}{\partial\,\text{CCC}} = \frac{S^2}{3\,\text{CCC}^2}, \qquad
# \frac{\partial S}{\partial\,\text{UAR}} = \frac{S^2}{3\,\text{UAR}^2}, \qquad
# \frac{\partial S}{\partial\,\text{MAE}} = -\frac{S^2}{3} ,$$
#
# so that a year of age error weighs as much as $\text{CCC}^2$ of CCC: little for a system that is poor at emotion,
# which gains more by mending that. The table gives, for each row of Table 2, what a small step of each part
# is worth, then two other scores: the *ceiling*, with a perfect CCC and UAR at that age error, and *constant age*,
# the row's own CCC and UAR with the age error of the predictor that always answers the training median. What a row has
# above that, hearing age has brought.

# %%
shown = ["code", "s_mtl", "+ 0.01 CCC", "+ 0.01 UAR", "− 0.1 years", "ceiling", "constant age"]
if "s_mtl" in table:
    every = sensitivity.sensitivity(table)
    scores.write_table(every, params.run_folder / "sensitivity.csv")
    sources = every.query("split == 'val'")
    steps = {"+ 0.01 CCC": 0.01 * sources["by_ccc"], "+ 0.01 UAR": 0.01 * sources["by_uar"],
             "− 0.1 years": -0.1 * sources["by_mae"], "constant age": sources["constant_age"]}
    display(tables.boxed(sources.assign(**steps)[shown].map(
        lambda cell: cell if isinstance(cell, str) else "–" if pd.isna(cell) else f"{cell:.4f}")))

# %%
if "s_mtl" in table:
    rows = sources.set_index("code")
    systems = rows.loc[list(predictions)]
    moved = (systems["s_mtl"] - systems["constant_age"]).abs()
    trivial = [f"{rows.loc[code, 's_mtl']:.3f} (*{code}*, with a CCC of {rows.loc[code, 'ccc']:.3f})"
               for code in ("Constant", "Chance")]
    display(Markdown(
        f"The trivial rows score {' and '.join(trivial)}: the harmonic mean lies below three times a positive CCC, and "
        "is 0 where there is none, whatever the age error is. But at the constant's age error even a perfect CCC and UAR give no more than "
        f"{rows.loc['Constant', 'ceiling']:.3f}. With the constant's age error in place of its own no system's score "
        f"would move by more than {moved.max():.4f} ({moved.idxmax()}); the systems lie "
        f"{systems['s_mtl'].max() - systems['s_mtl'].min():.4f} apart."))

# %% [markdown]
# ### How much of a difference is age?
#
# What a better CCC brings depends on the other two parts. Changing them one after the other from the one system's
# to the other's gives three numbers that sum to the difference, but other ones in another order; Shapley's
# value is their mean over all six orders. It is the one additive rule that treats the parts alike, gives a part
# that does not differ nothing, and leaves no remainder. Below, the pair that holds least in each claim about
# $S_\text{MTL}$, tested or not.

# %% mystnb={"figure": {"name": "fig-parts", "caption": "What each part of the score contributes to the difference between two systems, for the pair that holds least in each claim. What lies right of 0 favours the first system, what lies left the second; the diamond is their sum, the difference itself. Where long bars lie on both sides of a diamond near 0, the systems are good at different tasks and the score hides it. Striped is emotion, dotted country, plain age."}}
if "s_mtl" in table:
    deciding = ledgers["val"].query("metric == 's_mtl' and weakest != ''")["weakest"]
    pairs = [tuple(pair.split(" over ")) for pair in dict.fromkeys(deciding)]
    parts = sensitivity.decompose(table, pairs)
    figures.draw_decomposition(parts)

# %%
if "s_mtl" in table:
    shares = parts.pivot(index=["a", "b"], columns="part", values="contribution")
    of_paper = sensitivity.decompose(published.read_published(), [("V4", "V5")]).set_index("part")["contribution"]
    largest = shares.abs().idxmax(axis=1).map(figures.NAMES).value_counts()
    display(Markdown(
        "The part that moves most is " + ", ".join(f"{name} in {n}" for name, n in largest.items())
        + f" of {len(shares)} pairs. In the paper's own numbers, of what V4 gains over V5 by debiasing "
        f"({of_paper.sum():+.4f}), age alone is {of_paper['mae']:+.4f}, "
        f"{100 * of_paper['mae'] / of_paper.sum():.0f} %."))

# %% [markdown]
# ## Seeds
#
# Training draws weights, batches and dropout from a seed. Two runs of one variant therefore differ, and a
# difference between variants means something only beyond that. The model is the plainest that three or so seeds
# can carry: a score is its variant's mean plus a normal error of the seed, of one variance for all variants.
# Differences of means get Tukey's simultaneous 95 % intervals. Bursts and speakers are the same for every seed, so
# this says nothing of other speakers; that was the ledger's part.
#
# Seeds are found by folder: every `seeds/<seed>/<code>/` of the run is read, those of an earlier `params/seeds.yaml`
# too.

# %%
of_seeds = seeds.read_seeds(corpus, params.run_folder)
scores.write_table(of_seeds, params.run_folder / "seeds.csv")
Markdown(seeds.summary(of_seeds))

# %% mystnb={"figure": {"name": "fig-seeds", "caption": "Each system's scores on validation, one panel for each metric; age is an error, so less is better. Filled dots in one row are the same variant trained with several seeds, the bar is their mean: their distance is chance alone. Compare it with the distance between rows. Where the dots of two variants mingle, or an open diamond (a variant with its only seed) lies no further from them than they lie from each other, retraining could change the order."}}
figures.draw_seeds(of_seeds);

# %%
several = seeds.spread(of_seeds).query("seeds > 1 and split == 'val'").drop(columns="split")
if len(several):
    display(tables.boxed(several, "Over seeds: mean, standard deviation (n − 1), least, greatest; age in years."))

# %%
compared = seeds.compare_seeds(of_seeds).query("split == 'val'").drop(columns="split")
if len(compared):
    display(tables.boxed(compared, "Above 0: a is better than b. Intervals hold for all pairs of a metric at once."))

# %% [markdown]
# The spread lends the ledger a yardstick: the difference that two single runs of one and the same variant
# stay below in 95 % of cases. A claim of $k$ pairs rests on the least of $k$ differences, and its yardstick is what all
# $k$ stay below at once, Student's $t$ at $1 - 0.05/2k$ in place of 0.975. Where a claim that one variant is better than
# another rests on less, retraining could turn it.

# %%
least = seeds.pooled_spread(of_seeds).query("split == 'val'").set_index("metric")
if len(least):
    of_variants = [claim.name for claim in stated
                   if not claim.slack and set(claim.systems) <= set(runs.VARIANTS)]
    single = ledgers["val"].set_index("claim").loc[of_variants].query("verdict != 'not tested'")
    pairs = pd.Series({claim.name: len(claim.pairs) for claim in stated})[single.index]
    spreads = least.loc[single["metric"]].set_index(single.index)
    single["yardstick"] = seeds.least_difference(spreads["sd"], spreads["df"], pairs)
    beyond = single["estimate"].abs() > single["yardstick"]
    display(tables.boxed(least.reset_index().drop(columns="split"), "Pooled over the variants; least: of one pair."))
    display(tables.boxed(single.assign(pairs=pairs).reset_index()[["claim", "pairs", "estimate", "yardstick"]]))
    display(Markdown(
        f"Of {len(single)} such claims that were tested, {beyond.sum()} rest on more than their yardstick. The spread "
        f"comes from {least['variants'].iloc[0]} alone; that the other variants vary as much is assumed."))
