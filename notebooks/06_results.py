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
# # Results
#
# Every system has left one table of predictions. This page reads them all and scores
# them. *WL* stands for wav2vec 2.0 large, *HB* and *HL* for HuBERT base and large: the
# backbones, pre-trained networks that turn sound into features. *Adv* is the
# [adversary](../method.md), ♠ our own preprocessing of the recordings. What the numbers
# say of the paper's questions is judged on the page about [claims](claims.ipynb).

# %% tags=["parameters"]
scale = "demo"  # which file of params/scales

# %%
from burst2vec.config import Params

params = Params.resolve(globals())

# %%
import matplotlib.pyplot as plt
from IPython.display import Markdown, display
from myst_nb import glue

from burst2vec.report import captions, in_short
from burst2vec.report.figures.style import use_style

use_style()

# %% tags=["banner"]
from burst2vec.corpora.opening import open_corpus
from burst2vec.report.page import banner, poses_kinds

corpus = open_corpus(params)
banner(corpus)

# %%
from burst2vec.report.sentences import describe_left_out
from burst2vec.results import runs

predictions, models = runs.read_systems(params.run_folder)
if left_out := describe_left_out(corpus, predictions):
    display(Markdown(left_out))
by_kind = {task.kind: task for task in corpus.tasks}
val = corpus.split("val")

# %% [markdown]
# ## Table 2
#
# Emotion is scored by the concordance correlation coefficient, country by the
# unweighted average recall, age by the mean absolute error in years, and the three
# together by
#
# $$S_\text{MTL} = \frac{3}{1/\text{CCC} + 1/\text{UAR} + \text{MAE}} ,$$
#
# the challenge's main score, which stands first. Below each score is its 95 % interval
# over speakers ([how it is made](statistics.ipynb)). A difference is *resolved* where
# the interval of the difference itself, both systems on the same resamples of the
# speakers, leaves out 0. A table always has a best row; bold is every row that may
# be the best.
#
# The last rows belong to audio-free baselines: they use no sound. *Constant* answers
# every burst alike, *Chance* copies the labels of random training bursts, and *Country
# median* is told the burst's true country and answers with that country's median age. A
# system has learnt something about a task when it is better than the first two; about
# age beyond the country's typical age, only when it is better than the third.

# %%
from burst2vec.report.tables.table2 import render_table2
from burst2vec.results import scores
from burst2vec.results.intervals import score_intervals
from burst2vec.results.published import read_published

table = scores.table2(corpus, predictions, models)
scores.write_table(table, params.output("table2.csv"))
intervals = score_intervals(corpus, predictions)

# %%
paper = read_published() if "s_mtl" in table else None
steps = runs.read_own_steps(params.run_folder)
render_table2(table, paper, intervals=intervals, steps=steps,
              caption="Table 2: every system and the audio-free baselines")

# %% [markdown]
# How many of the trained systems do better, on validation, than each audio-free
# baseline?

# %%
from burst2vec.report.tables.frames import boxed

boxed(scores.beat_trivial(table).reset_index(),
      caption="How many systems beat each audio-free baseline, on validation")

# %% [markdown]
# The paper's Table 2 shows no more than $S_\text{MTL}$ on the test set, because the
# challenge returned no more. Where the test labels are at hand, the test set can be
# read like the validation set:

# %%
metrics = scores.metric_names(table)
if table.loc[table["split"] == "test", metrics].notna().any(axis=None):
    columns = [("test", metric) for metric in sorted(metrics, key="s_mtl".__ne__)]
    display(render_table2(table, columns=columns, intervals=intervals,
                          caption="Every metric on test"))

# %% tags=["remove-cell"]
from burst2vec.report import landing
from burst2vec.report.tables.frames import render_environment
from burst2vec.report.tables.table2 import render_summary

for name, text in landing.sentences(corpus, params, table, intervals).items():
    glue(name, text, display=False)
glue("summary_table", render_summary(table, paper, intervals), display=False)
glue("environment_table", render_environment(params.run_folder), display=False)

# %% [markdown]
# ## Significance
#
# A mark says that a system differs from a reference, V1, V4 or V6, by more than chance
# would explain at the level of 5 %: by Student's independent two-sample $t$-test on the
# predictions for emotion and age, by Cochran's $Q$ on which bursts are classified right
# for country. With two systems Cochran's $Q$ is McNemar's test, and it tests accuracy,
# while the column shows UAR. Two warnings belong to every such table. A speaker's
# bursts share their age and country, so they are less independent than the tests
# believe. And so many tests are made that one in twenty would be marked if all systems
# were equal.

# %%
from burst2vec.evaluation.significance import compare_systems
from burst2vec.report.tables.table2 import render_p_values

render_p_values(compare_systems(corpus.tasks, val, predictions),
                "The paper's tests: t-tests compare predictions")

# %% [markdown]
# The paper does not say which samples its $t$-tests compare, but its marks do. Below
# are its age errors, with the $p$-value that a $t$-test of absolute errors could have
# given over the validation bursts: systems that differ by two thousandths of a year are
# marked, others that differ by more are not. So the tests are taken to compare the
# predictions themselves, which marks a system that is shifted but no worse:

# %%
from burst2vec.results.marks import age_marks

legend = ("Years. The standard deviation is that of the reference's absolute errors, "
          "if errors are normal.")
boxed(age_marks(), legend, caption="Would a test of age errors give the paper's marks?")

# %% [markdown]
# The same tests of absolute errors, for comparison:

# %%
render_p_values(compare_systems(corpus.tasks, val, predictions, of="errors"),
                "The same tests, of absolute errors")

# %% [markdown]
# Counted over all comparisons by $t$-test:

# %%
said = []
for of in ("errors", "predictions"):
    found = compare_systems(corpus.tasks, val, predictions, of=of)
    marks = found.loc[found["test"] == "Student's t", "significant"]
    said.append(f"comparing the {of}, {marks.sum()} of {len(marks)} are significant")
Markdown("; ".join(said).capitalize() + ".")

# %% [markdown]
# ## Emotions one by one
#
# The mean over the emotions hides how unequal they are. A rare emotion, or one that
# sounds like another, is harder to follow; a system that shrinks towards the mean loses
# concordance everywhere.

# %%
from burst2vec.report.figures.results import plot_output_scores

if poses_kinds(corpus, "intensities"):
    of_each = scores.score_each_output(by_kind["intensities"], val, predictions)
    height = 0.9 + 0.32 * len(of_each)
    _, axes = plt.subplots(figsize=(6.5, height), layout="constrained")
    plot_output_scores(of_each, axes);

# %% tags=["caption"] name="fig-emotions"
if "intensities" in by_kind:
    display(Markdown(captions.output_scores(of_each)))

# %% [markdown]
# ## Confusion
#
# Which classes are taken for which? Every row sums to 100 %; a classifier that follows
# the training shares instead of the sound shows equal rows. Drawn for the system with
# the best UAR.

# %%
from burst2vec.report.figures.results import plot_confusion
from burst2vec.report.tables.table2 import best_system

if poses_kinds(corpus, "classes"):
    column = next(metric for metric in metrics if metric.endswith("uar"))
    winner = best_system(table[table["split"] == "val"], column)
    shares = scores.confusion(by_kind["classes"], val, predictions[winner])
    _, axes = plt.subplots(figsize=(5, 4), layout="constrained")
    plot_confusion(shares, axes, winner);

# %% tags=["caption"] name="fig-confusion"
if "classes" in by_kind:
    display(Markdown(captions.confusion(shares, winner)))

# %% [markdown]
# ## Age errors by country
#
# Age and country are associated in the training labels, so a model may answer with the
# typical age of the country it hears. It then does well where ages vary little, and
# gains nothing over the median of the true country, the dotted line. The dashed line is
# the constant. Intervals are bootstrapped over speakers: with few speakers they are
# wide, and differences well inside them mean nothing.

# %%
from burst2vec.evaluation.trivial import trivial_predictions
from burst2vec.report.figures.results import draw_errors_by_group

if poses_kinds(corpus, "scalar", "classes"):
    scalar, group = by_kind["scalar"], by_kind["classes"].columns[0]
    lines = trivial_predictions(corpus, val)
    errors = scores.errors_by_group(scalar, group, val, predictions | lines)
    draw_errors_by_group(errors, scalar.unit, list(lines));

# %% tags=["caption"] name="fig-age"
if {"scalar", "classes"} <= set(by_kind):
    text = captions.errors_by_group(errors, scalar, group)
    display(Markdown(text))

# %% [markdown]
# ## The discriminator beside a blind guess
#
# The task discriminator has to tell from the shared features which task a batch belongs
# to. In this corpus every burst carries every label, and each task draws its batches
# from the same bursts: nothing in the sound tells the tasks apart. A discriminator that
# has understood this guesses all $T$ tasks with probability $1/T$ and pays $\ln T$
# nats. If the curves lie there, the term of Eq. 6 has little to teach the shared
# extractor, and what debiasing changes must come from the foreign heads of Eq. 7: the
# heads of the other tasks, which an extractor is trained to be of no use to.

# %%
from burst2vec.report.figures.results import plot_discriminator

history = runs.read_histories(params.run_folder)
adversarial = (history["term"] == "discriminator").any()
if adversarial:
    _, axes = plt.subplots(figsize=(6.5, 3), layout="constrained")
    plot_discriminator(history, len(corpus.tasks), axes);

# %% tags=["caption"] name="fig-discriminator"
if adversarial:
    display(Markdown(captions.discriminator(history, len(corpus.tasks))))

# %% tags=["in-short"]
from burst2vec.report.sentences import describe_heads_first

Markdown(f"{in_short.results(table, intervals)} {describe_heads_first(params)}")
