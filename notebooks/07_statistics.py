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
# # How sure are these numbers?
#
# Table 2 prints a score for each system and task, and an interval below it. This page
# says how such intervals are made: how far a score would move if other people had been
# recorded, which differences between systems are larger than that, and whether the
# tests of the paper answer the question. It trains nothing: it reads the predictions,
# and takes less than a minute.

# %% tags=["parameters"]
scale = "demo"  # which file of params/scales

# %%
from burst2vec.config import Params

params = Params.resolve(globals())

# %%
import pandas as pd
from IPython.display import Markdown, display

from burst2vec.report import captions, in_short
from burst2vec.report.figures.style import use_style

use_style()

# %% tags=["banner"]
from burst2vec.corpora.opening import open_corpus
from burst2vec.report.page import banner

corpus = open_corpus(params)
banner(corpus)

# %%
from burst2vec.evaluation.metrics import metric_columns
from burst2vec.results.runs import read_systems

predictions, _ = read_systems(params.run_folder)
val = corpus.split("val")
of_metrics = metric_columns(corpus.tasks)
units = {metric: task.unit for metric, task in of_metrics.items() if task.unit}

# %% [markdown]
# ## A burst is not an observation
#
# A test over bursts takes each burst for a fresh piece of evidence. But the bursts of a
# speaker share a voice, an age and a country: who is guessed ten years too young once
# will be guessed too young again. How much of the errors' variance lies between
# speakers is their *intraclass correlation* {cite:p}`donner1986`: 0 where a speaker's
# bursts have no more in common than anyone's, 1 where knowing one error is knowing them
# all. With $m$ bursts of each speaker and a correlation $\rho$, the variance of a mean
# over bursts is
#
# $$1 + (m - 1)\,\rho$$
#
# times what a test over bursts believes: the *design effect*. Below it is measured on
# two systems of this run, for the absolute errors of the first (for classes: whether it
# is right), and for their differences from the second's, which are all that a paired
# test sees.

# %%
from burst2vec.evaluation.false_positives import speaker_effects
from burst2vec.report.tables.frames import boxed
from burst2vec.results.scores import write_table

both = {"V4", "V5"} <= set(predictions)
first, second = ("V4", "V5") if both else list(predictions)[:2]
a, b = predictions[first], predictions[second]
shared = speaker_effects(corpus.tasks, val, a, b)
write_table(shared, params.output("speaker_effects.csv"))

# %%
boxed(shared, f"Errors of {first}, and their differences from those of {second}, on "
              "validation.", caption="How much the bursts of a speaker share")

# %% [markdown]
# A speaker has one age, so where a system's guesses hardly vary, the errors of a
# speaker's bursts are nearly copies of one another. Two systems that guess alike share
# much of this, and their differences can then be less correlated than their errors.
# What remains is what a paired test over bursts overlooks.
#
# ## Intervals
#
# So speakers are the observations. Another sample of the population would be other
# speakers; its effect is imitated by drawing as many speakers as there are, with
# replacement and with all of their bursts, and computing every metric again
# {cite:p}`davison1997,bisani2004`. All systems share the 10,000 resamples. The interval
# is that of the middle 95 % of the resampled metrics, expanded a little because few
# speakers vary less than their population {cite:p}`hesterberg2015`. A test of the
# software draws fifty speakers at a time from thousands, and fails unless the interval
# of each metric holds the truth in 95 % of cases, up to chance; of far fewer speakers
# that is too much to ask.
#
# The validation bursts also chose the weights of each system, at the iteration where
# they looked best, so that all on validation is slightly favourable, its intervals
# included. The test bursts chose nothing.

# %%
from burst2vec.evaluation import bootstrap
from burst2vec.evaluation.trivial import is_trivial, trivial_predictions

boots = {}
for split in bootstrap.scored_splits(corpus):
    truth = corpus.split(split)
    systems = predictions | trivial_predictions(corpus, truth)
    boots[split] = bootstrap.bootstrap(corpus.tasks, truth, systems)

# %%
found = [bootstrap.intervals(boot, split) for split, boot in boots.items()]
intervals = pd.concat(found, ignore_index=True)
write_table(intervals, params.output("intervals.csv"))

# %%
drawn = {split: bootstrap.speakers_in_words(corpus.tasks, corpus.split(split))
         for split in boots}
from burst2vec.corpora.corpus import SPLIT_WORDS

said = [f"- {SPLIT_WORDS[split]}: {speakers}" for split, speakers in drawn.items()]
Markdown("\n".join(["What is drawn:\n", *said]))

# %%
from burst2vec.report.figures.statistics import draw_intervals

draw_intervals(intervals[intervals["split"] == "val"], units);

# %% tags=["caption"] name="fig-intervals"
Markdown(captions.intervals(intervals[intervals["split"] == "val"]))

# %% [markdown]
# How wide are they? The median width of an interval, over the trained systems:

# %%
trained = intervals[~intervals["code"].map(is_trivial)]
trained = trained.assign(width=trained["high"] - trained["low"])
widths = trained.groupby(["split", "metric"], sort=False)["width"].median()
boxed(widths.unstack("metric", sort=False).reset_index(),
      caption="Median width of a 95 % interval")

# %% [markdown]
# ## Differences
#
# Speakers who are hard for one system are hard for another, so a difference can be far
# more certain than either of its parts. Each system is compared with V1, V4 and V6, as
# in the paper, but on the metric itself and by speaker:
#
# - the *interval* of the difference takes both systems on the same resamples;
# - the *p-value* is that of a permutation test. If two systems score equally, the parts
#   that the speakers have in their difference are zero in the mean, and might as well
#   have the other sign; so a random half of them change it, 10,000 times, and $p$ is
#   the share of draws that take the mean as many standard errors from zero as it is
#   {cite:p}`phipson2010`. A speaker's part in a metric that is no mean is its jackknife
#   pseudo-value {cite:p}`miller1974`. (To exchange the two systems themselves would
#   test whether they are interchangeable. Two that score equally need not be: one may
#   shrink its predictions where the other overshoots.) With so many comparisons some
#   would look significant among equals, so the p-values of the paper's own comparisons
#   on validation, one for each task, are corrected together {cite:p}`holm1979`. The
#   family is named before looking, and $S_\text{MTL}$, a function of the three, is not
#   in it;
# - the *effect size* is the mean of the parts in units of how much they vary from
#   speaker to speaker, Cohen's $d$ for pairs {cite:p}`cohen1988`. With $n$ speakers a
#   difference of effect $d$ lies about $d\sqrt{n}$ standard errors from zero: an effect
#   of 0.2 takes some two hundred speakers to be found four times out of five.

# %%
from burst2vec.evaluation.differences import differences

compared = differences(corpus, predictions)
write_table(compared, params.output("differences.csv"))
on_val = compared[compared["split"] == "val"]

# %%
from burst2vec.report.figures.statistics import draw_differences

draw_differences(on_val, units);

# %% tags=["caption"] name="fig-differences"
Markdown(captions.differences(on_val))

# %% [markdown]
# How often do the two ways of testing come to different verdicts on the paper's own
# comparisons?

# %%
tested = compared[compared["verdicts"] != ""]
counts = pd.crosstab(tested["metric"], tested["verdicts"])
boxed(counts.reindex(index=tested["metric"].unique()).reset_index(),
      caption="Do the paper's test and the one by speaker agree?")

# %% [markdown]
# There are two reasons for a mark that holds only by the paper's test: the bursts that
# it takes for independent, and the number of comparisons that it does not count. And
# one for a mark that holds only here: its $t$-test is unpaired, so that the differences
# between bursts, which both systems share, hide the one between the systems.

# %%
from statsmodels.stats.multitest import multipletests

lost = tested[tested["verdicts"] == "paper only"]
gained = tested[tested["verdicts"] == "ours only"]
by_speaker = (lost["p_value"] > 0.05).sum()
corrected = tested["significant"]  # where there is nothing to correct
if len(tested):
    corrected = multipletests(tested["paper_p"], method="holm")[0]

# %%
Markdown(
    f"Of {len(lost)} marks that the paper's tests alone would set, {by_speaker} are "
    "gone as soon as speakers are counted instead of bursts (*p* > 0.05), and "
    f"{len(lost) - by_speaker} by the correction. {len(gained)} differences are "
    "significant by speaker alone. With the same correction, the paper's tests would "
    f"mark {sum(corrected)} of {len(tested)} comparisons; tested by speaker, "
    f"{tested['significant'].sum()} are.")

# %% [markdown]
# The main score $S_\text{MTL}$, for which the paper makes no test, with its effect
# sizes (nothing where a corpus does not pose one task of each kind):

# %%
score = on_val[on_val["metric"] == "s_mtl"]
shown = ["system", "reference", "difference", "low", "high", "p_value", "effect",
         "effect_low", "effect_high"]
boxed(score[shown], "Small: 95 % intervals over speakers. The <i>p</i>-values are not "
      "corrected.", caption="Differences in the main score, on validation")

# %% [markdown]
# ## Which tests keep their promise?
#
# A test at the level of 5 % promises to find a difference between equals in at most 5 %
# of cases. That can be tried on the speakers at hand, with systems that are equal by
# construction:
#
# - *swapped*: the two systems of the first table, swapped for a random half of the
#   speakers. Which of the two is which has become a matter of chance, so neither is
#   better; their errors are real, and so is what a speaker's share.
# - *guessed*: two systems that hear who speaks and no more. Each gives a speaker's
#   bursts the labels of a speaker drawn at random. This is the extreme case, in which
#   bursts of one speaker are right or wrong together.
# - *unlike*: two systems of equal score that get there in different ways. One shrinks
#   its answers towards the mean, the other overshoots, by as much as makes CCC and MAE
#   equal; one knows the class of half of the speakers, the other that of as many bursts
#   at random. The speakers at hand are the population, from which as many are drawn.

# %%
from burst2vec.evaluation.false_positives import false_positives, rates_in_words

by_speaker = boots["val"].clusters == "speakers"
if by_speaker:
    rates = false_positives(corpus.tasks, val, a, b, repeats=500)
    write_table(rates, params.output("false_positives.csv"))
else:
    display(Markdown("No speaker of this corpus is known: nothing can be simulated."))

# %%
from burst2vec.report.figures.statistics import draw_false_positives

if by_speaker:
    draw_false_positives(rates);

# %% tags=["caption"] name="fig-false-positives"
if by_speaker:
    display(Markdown(captions.false_positives(rates)))

# %%
if by_speaker:
    table = rates.pivot(index=["metric", "null"], columns="test", values="rate")
    table = table.reindex(rates[["metric", "null"]].drop_duplicates())
    table = (100 * table).map("{:.1f}".format).replace("nan", "–")
    display(boxed(table.reset_index(), "In percent; 5 is promised.",
                  caption="How often a test tells equal systems apart"))
    display(Markdown("\n".join(f"- {sentence}" for sentence in rates_in_words(rates))))

# %% [markdown]
# What theory leads one to expect, and the figure may or may not show for this corpus:
#
# 1. Tests over bursts find more differences than there are wherever the bursts of a
#    speaker share what is compared, and the more of them the more bursts a speaker has.
#    Pairing does not help: it removes what the systems share, and leaves what a
#    speaker's bursts share.
# 2. Student's test as the paper has it, for independent samples, errs in two directions
#    at once. It overlooks the speakers, which makes it find too much; and it overlooks
#    that both systems heard the same bursts, which makes it find too little. Where two
#    systems make nearly the same errors the second wins, and the test finds nothing,
#    whether or not there is something.
# 3. For emotion, the $t$-tests compare predictions or absolute errors, and the metric
#    is the CCC. The *unlike* systems have the same CCC and not the same errors; a test
#    of errors that tells them apart is right, but does not answer what was asked.
# 4. The sign flips and the bootstrap are both approximations that improve with the
#    number of speakers. With few the bootstrap finds slightly too much, which is why
#    the verdicts above rest on the sign flips. Where a CCC is about 0, as that of the
#    *guessed* systems, it is the other way round for $S_\text{MTL}$: it is 0 on one
#    side of that point and rises steeply on the other, and the sign flips find too
#    much. Compare such systems by their intervals.
#
# The intervals of the rates are Clopper and Pearson's {cite:p}`clopper1934`. What none
# of these tests covers is the luck of training: another seed is another system. That is
# what the claims on the next page are judged over as well.

# %% tags=["in-short"]
Markdown(in_short.statistics(intervals, compared, rates if by_speaker else None))
