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
# Every system has left one table of predictions. This page reads them all, scores them, and asks the paper's
# questions: what does pre-training bring, what the adversary, what undistorted audio, oversampling and
# ensembling?

# %% tags=["parameters"]
scale = "demo"  # which file of params/scales

# %%
import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Markdown, display
from myst_nb import glue

from burst2vec.config import Params
from burst2vec.corpora.opening import open_corpus
from burst2vec.evaluation import significance, trivial
from burst2vec.report import sentences, tables
from burst2vec.report.figures import results as figures
from burst2vec.report.figures import style
from burst2vec.report.page import banner, poses_kinds
from burst2vec.results import published, runs, scores

# %%
params = Params.resolve(globals())
plt.rcParams.update(style.STYLE)
corpus = open_corpus(params)
banner(corpus)

# %%
predictions, models = runs.read_systems(params.run_folder)
by_kind = {task.kind: task for task in corpus.tasks}
val = corpus.split("val")

# %% [markdown]
# ## Table 2
#
# Emotion is scored by the concordance correlation coefficient, country by the unweighted average recall, age
# by the mean absolute error in years, and the three together by
#
# $$S_\text{MTL} = \frac{3}{1/\text{CCC} + 1/\text{UAR} + \text{MAE}} .$$
#
# The last rows belong to predictors that hear nothing. *Constant* answers every burst alike, *Chance* copies
# the labels of random training bursts, and *Country median* is told the burst's true country and answers with
# that country's median age. A system has learnt something about a task when it is better than the first two;
# about age beyond the country's typical age, only when it is better than the third.

# %%
table = scores.table2(corpus, predictions, models)
scores.write_table(table, params.run_folder / "table2.csv")
paper = published.read_published() if "s_mtl" in table else None
tables.render(table, paper)

# %%
Markdown(sentences.verdict(table))

# %% [markdown]
# How many of the trained systems do better, on validation, than each trivial predictor?

# %%
tables.boxed(scores.beat_trivial(table).reset_index())

# %% [markdown]
# The paper's Table 2 shows no more than $S_\text{MTL}$ on the test set, because the challenge returned no
# more. Where the test labels are at hand, the test set can be read like the validation set:

# %%
metrics = scores.metric_names(table)
if table.loc[table["split"] == "test", metrics].notna().any(axis=None):
    display(tables.render(table, columns=[("test", metric) for metric in metrics]))

# %% tags=["remove-cell"]
for name, text in sentences.headline(table).items():
    glue(name, text, display=False)
glue("summary_table", tables.summary(table, published), display=False)
glue("environment_table", tables.environment_table(params.run_folder), display=False)

# %% [markdown]
# ## Significance
#
# A mark says that a system differs from a reference, V1, V4 or V6, by more than chance would explain at the
# level of 5 %: by Student's independent two-sample $t$-test on the bursts' absolute errors for emotion and
# age, by Cochran's $Q$ on which bursts are classified right for country. Two warnings belong to every such
# table. A speaker's bursts share their age and country, so they are less independent than the tests believe.
# And so many tests are made that one in twenty would be marked if all systems were equal.

# %%
comparisons = significance.compare_systems(corpus.tasks, val, predictions)
tables.p_values(comparisons)

# %% [markdown]
# The paper does not say which samples its $t$-tests compare. If they were the predictions themselves rather
# than their errors, a system that is shifted but no worse would be marked too. Counted over all comparisons
# by $t$-test:

# %%
said = []
for of in ("errors", "predictions"):
    found = significance.compare_systems(corpus.tasks, val, predictions, of=of)
    marks = found.loc[found["test"] == "Student's t", "significant"]
    said.append(f"comparing the {of}, {marks.sum()} of {len(marks)} are significant")
Markdown("; ".join(said).capitalize() + ".")

# %% [markdown]
# ## Learning curves
#
# Does training go on to the end, does it stall, does it overfit? Each line is a variant; its validation
# metrics are those by which the best weights were chosen, so the height of a curve's peak is a slightly
# favourable estimate. Training loss is the sum in Eq. 8 and larger for variants with an adversary, which have
# more terms.

# %% mystnb={"figure": {"name": "fig-learning", "caption": "Validation metrics and training loss."}}
history = runs.read_histories(params.run_folder)
variants = history[history["code"] != "Baseline"]
figures.draw_learning_curves(variants, list(scores.metric_columns(corpus.tasks).values()));

# %% [markdown]
# ## Emotions one by one
#
# The mean over the emotions hides how unequal they are. A rare emotion, or one that sounds like another, is
# harder to follow; a system that shrinks towards the mean loses concordance everywhere.

# %% mystnb={"figure": {"name": "fig-emotions", "caption": "Each system on each emotion, on validation."}}
if poses_kinds(corpus, "intensities"):
    of_each = scores.score_each_output(by_kind["intensities"], val, predictions)
    _, axes = plt.subplots(figsize=(6.5, 0.9 + 0.32 * len(of_each)), layout="constrained")
    figures.plot_output_scores(of_each, axes);

# %% [markdown]
# ## Confusion
#
# Which classes are taken for which? Every row sums to 100 %; a classifier that follows the training shares
# instead of the sound shows equal rows. Drawn for the system with the best UAR.

# %% mystnb={"figure": {"name": "fig-confusion", "caption": "True and predicted classes, on validation."}}
if poses_kinds(corpus, "classes"):
    classes, column = by_kind["classes"], next(metric for metric in metrics if metric.endswith("uar"))
    winner = tables.best(table[table["split"] == "val"], column)
    _, axes = plt.subplots(figsize=(5, 4), layout="constrained")
    figures.plot_confusion(scores.confusion(classes, val, predictions[winner]), axes, winner);

# %% [markdown]
# ## Age errors by country
#
# Age and country are associated in the training labels, so a model may answer with the typical age of the
# country it hears. It then does well where ages vary little, and gains nothing over the median of the true
# country, the dotted line. The dashed line is the constant. Intervals are bootstrapped over speakers: with
# few speakers they are wide, and differences well inside them mean nothing.

# %% mystnb={"figure": {"name": "fig-age", "caption": "Age error by country, with 95 % intervals."}}
if poses_kinds(corpus, "scalar", "classes"):
    group, lines = by_kind["classes"].columns[0], trivial.trivial_predictions(corpus, val)
    errors = scores.errors_by_group(by_kind["scalar"], group, val, predictions | lines)
    figures.draw_errors_by_group(errors, by_kind["scalar"].unit, list(lines));

# %% [markdown]
# ## The discriminator beside a blind guess
#
# The task discriminator has to tell from the shared features which task a batch belongs to. In this corpus
# every burst carries every label, and each task draws its batches from the same bursts: nothing in the sound
# tells the tasks apart. A discriminator that has understood this guesses all $T$ tasks with probability $1/T$
# and pays
# $\ln T$ nats. If the curves lie there, the term of Eq. 6 has little to teach the shared extractor, and what
# debiasing changes must come from the foreign heads of Eq. 7.

# %% mystnb={"figure": {"name": "fig-discriminator", "caption": "The discriminator and a blind guess."}}
if (history["term"] == "discriminator").any():
    _, axes = plt.subplots(figsize=(6.5, 3), layout="constrained")
    figures.plot_discriminator(history, len(corpus.tasks), axes);

# %%
if (history["term"] == "discriminator").any():
    late = runs.mean_discriminator_loss(history).groupby("code")["value"].last()
    said = ", ".join(f"{code} {value:.3f}" for code, value in late.items())
    blind = f"ln {len(corpus.tasks)} is {np.log(len(corpus.tasks)):.3f}"
    display(Markdown(f"At the end of training: {said} nats; {blind}."))
