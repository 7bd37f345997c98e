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
# Every system has left one table of predictions. This page reads them all, scores them,
# and asks the paper's questions: what does pre-training bring, what the adversary, what
# undistorted audio, oversampling and ensembling?

# %% tags=["parameters"]
scale = "demo"  # which file of params/scales

# %%
from burst2vec.config import Params

params = Params.resolve(globals())

# %%
import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Markdown, display
from myst_nb import glue

from burst2vec.report.figures.style import STYLE

plt.rcParams.update(STYLE)

# %%
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
# $$S_\text{MTL} = \frac{3}{1/\text{CCC} + 1/\text{UAR} + \text{MAE}} .$$
#
# The last rows belong to audio-free baselines, which hear nothing. *Constant* answers
# every burst alike, *Chance* copies the labels of random training bursts, and *Country
# median* is told the burst's true country and answers with that country's median age. A
# system has learnt something about a task when it is better than the first two; about
# age beyond the country's typical age, only when it is better than the third.

# %%
from burst2vec.report.tables import render_table2
from burst2vec.results import scores
from burst2vec.results.published import read_published

table = scores.table2(corpus, predictions, models)
scores.write_table(table, params.run_folder / "table2.csv")
paper = read_published() if "s_mtl" in table else None
render_table2(table, paper)

# %%
from burst2vec.report.sentences import describe_best, headline_numbers

Markdown(describe_best(table))

# %% [markdown]
# How many of the trained systems do better, on validation, than each audio-free
# baseline?

# %%
from burst2vec.report.tables import boxed

boxed(scores.beat_trivial(table).reset_index())

# %% [markdown]
# The paper's Table 2 shows no more than $S_\text{MTL}$ on the test set, because the
# challenge returned no more. Where the test labels are at hand, the test set can be
# read like the validation set:

# %%
metrics = scores.metric_names(table)
if table.loc[table["split"] == "test", metrics].notna().any(axis=None):
    display(render_table2(table, columns=[("test", metric) for metric in metrics]))

# %% tags=["remove-cell"]
from burst2vec.report.tables import render_environment, render_summary

for name, text in headline_numbers(table).items():
    glue(name, text, display=False)
glue("summary_table", render_summary(table, paper), display=False)
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
from burst2vec.report.tables import render_p_values

render_p_values(compare_systems(corpus.tasks, val, predictions))

# %% [markdown]
# The paper does not say which samples its $t$-tests compare, but its marks do. Below
# are its age errors, with the $p$-value that a $t$-test of absolute errors could have
# given over the validation bursts: systems that differ by two thousandths of a year are
# marked, others that differ by more are not. So the tests are taken to compare the
# predictions themselves, which marks a system that is shifted but no worse:

# %%
from burst2vec.results.marks import age_marks

boxed(age_marks())

# %% [markdown]
# The same tests of absolute errors, for comparison:

# %%
render_p_values(compare_systems(corpus.tasks, val, predictions, of="errors"))

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
# ## Learning curves
#
# Does training go on to the end, does it stall, does it overfit? Each line is a
# variant; its validation metrics are those by which the best weights were chosen, so
# the height of a curve's peak is a slightly favourable estimate. Training loss is the
# sum in Eq. 8 and larger for variants with an adversary, which have more terms.

# %% mystnb={"figure": {"name": "fig-learning", "caption": "Validation metrics and training loss."}}
from burst2vec.evaluation.metrics import metric_columns
from burst2vec.report.figures.results import draw_learning_curves

history = runs.read_histories(params.run_folder)
variants = history[history["code"] != "Baseline"]
draw_learning_curves(variants, list(metric_columns(corpus.tasks).values()));

# %% [markdown]
# ## Emotions one by one
#
# The mean over the emotions hides how unequal they are. A rare emotion, or one that
# sounds like another, is harder to follow; a system that shrinks towards the mean loses
# concordance everywhere.

# %% mystnb={"figure": {"name": "fig-emotions", "caption": "Each system on each emotion, on validation."}}
from burst2vec.report.figures.results import plot_output_scores

if poses_kinds(corpus, "intensities"):
    of_each = scores.score_each_output(by_kind["intensities"], val, predictions)
    height = 0.9 + 0.32 * len(of_each)
    _, axes = plt.subplots(figsize=(6.5, height), layout="constrained")
    plot_output_scores(of_each, axes);

# %% [markdown]
# ## Confusion
#
# Which classes are taken for which? Every row sums to 100 %; a classifier that follows
# the training shares instead of the sound shows equal rows. Drawn for the system with
# the best UAR.

# %% mystnb={"figure": {"name": "fig-confusion", "caption": "True and predicted classes, on validation."}}
from burst2vec.report.figures.results import plot_confusion
from burst2vec.report.tables import best_system

if poses_kinds(corpus, "classes"):
    column = next(metric for metric in metrics if metric.endswith("uar"))
    winner = best_system(table[table["split"] == "val"], column)
    shares = scores.confusion(by_kind["classes"], val, predictions[winner])
    _, axes = plt.subplots(figsize=(5, 4), layout="constrained")
    plot_confusion(shares, axes, winner);

# %% [markdown]
# ## Age errors by country
#
# Age and country are associated in the training labels, so a model may answer with the
# typical age of the country it hears. It then does well where ages vary little, and
# gains nothing over the median of the true country, the dotted line. The dashed line is
# the constant. Intervals are bootstrapped over speakers: with few speakers they are
# wide, and differences well inside them mean nothing.

# %% mystnb={"figure": {"name": "fig-age", "caption": "Age error by country, with 95 % intervals."}}
from burst2vec.evaluation.trivial import trivial_predictions
from burst2vec.report.figures.results import draw_errors_by_group

if poses_kinds(corpus, "scalar", "classes"):
    scalar, group = by_kind["scalar"], by_kind["classes"].columns[0]
    lines = trivial_predictions(corpus, val)
    errors = scores.errors_by_group(scalar, group, val, predictions | lines)
    draw_errors_by_group(errors, scalar.unit, list(lines));

# %% [markdown]
# ## The discriminator beside a blind guess
#
# The task discriminator has to tell from the shared features which task a batch belongs
# to. In this corpus every burst carries every label, and each task draws its batches
# from the same bursts: nothing in the sound tells the tasks apart. A discriminator that
# has understood this guesses all $T$ tasks with probability $1/T$ and pays $\ln T$
# nats. If the curves lie there, the term of Eq. 6 has little to teach the shared
# extractor, and what debiasing changes must come from the foreign heads of Eq. 7.

# %% mystnb={"figure": {"name": "fig-discriminator", "caption": "The discriminator and a blind guess."}}
from burst2vec.report.figures.results import plot_discriminator

if (history["term"] == "discriminator").any():
    _, axes = plt.subplots(figsize=(6.5, 3), layout="constrained")
    plot_discriminator(history, len(corpus.tasks), axes);

# %%
if (history["term"] == "discriminator").any():
    late = runs.mean_discriminator_loss(history).groupby("code")["value"].last()
    said = ", ".join(f"{code} {value:.3f}" for code, value in late.items())
    blind = f"ln {len(corpus.tasks)} is {np.log(len(corpus.tasks)):.3f}"
    display(Markdown(f"At the end of training: {said} nats; {blind}."))
