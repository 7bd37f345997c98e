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
# # What debiasing did
#
# In the training labels age and country hang together. A model that learns both tasks
# at once can answer one with what it heard of the other, and score well without having
# learnt the task. The paper sets [two opponents](../method.md) against this: a
# discriminator, which is to find nothing of the task in the shared features (Eq. 6),
# and the heads of the other tasks, which are to find nothing of use in the features
# that are specific to one (Eq. 7).
#
# The scores of [Table 2](results.ipynb) do not show whether that happened. A score can
# fall because a shortcut was closed, or because the opponents did damage; it can stay
# where it is because there was no shortcut. This page looks behind the scores with
# three questions. What do the representations hold, with and without the adversary?
# Whom do the systems serve well, and whom badly? And what is left of the scores on
# bursts whose age tells nothing of their country?

# %% tags=["parameters"]
scale = "demo"  # which file of params/scales

# %%
from burst2vec.config import Params

params = Params.resolve(globals())
codes = [f"V{number}" for number in range(1, 8)
         if (params.run_folder / f"V{number}" / "predictions.csv").is_file()]
params_of = {code: Params.resolve(globals() | {"variant": code}) for code in codes}

# %%
import pandas as pd
from IPython.display import Markdown, display

from burst2vec.report.figures.style import use_style

use_style()

# %% tags=["banner"]
from burst2vec.corpora.opening import open_corpus
from burst2vec.report import audit
from burst2vec.report.page import banner, poses_kinds
from burst2vec.report.tables.frames import boxed

corpus = open_corpus(params)
banner(corpus)

# %% [markdown]
# ## Systems that differ in one thing
#
# V5 is V4 without the adversary, and V2 is V1 without.

# %%
import dataclasses

pairs = [{"V4": "with adversary", "V5": "without"},
         {"V1": "with adversary", "V2": "without"}]
pairs = [pair for pair in pairs if set(pair) <= set(codes)]

# %%
settings = {code: dataclasses.asdict(p) for code, p in params_of.items()}
settings = pd.DataFrame(settings).astype(str).drop(["variant", "title", "question"])
of_pairs = [settings[list(pair)] for pair in pairs]
differ = [table[table.nunique(axis=1) > 1] for table in of_pairs]
if pairs:
    differ = pd.concat(differ, axis=1).fillna("alike").reset_index(names="parameter")
    display(boxed(differ, "Parameters in which the systems of a pair differ."))
else:
    display(Markdown("This run has no such pair: little is left to compare here."))

# %% [markdown]
# The intervals on this page are over speakers: would it look the same with others?
# Another seed would have given another V4, too, and how far two of them lie apart
# stands [with the claims](claims.ipynb).
#
# ## Who knows what
#
# A *linear probe* {cite:p}`alain2016` asks a trained model's features for a label: a
# ridge regression (a weighted sum of the features whose weights are kept small) on
# them, while the model stays as it is. Three precautions make the
# answer worth something. The probe is fitted and scored on validation alone: the model
# may hold labels of its training bursts by heart, and a probe fitted to those would
# look for what no other burst has. Speakers are left out in turn, so that no speaker is
# on both sides, neither here nor where the probe's penalty is chosen. And beside each
# probe stands its *floor* {cite:p}`hewitt2019`: the scores of the same procedure on
# labels that the speakers have exchanged, so that there is nothing to read. With few
# speakers the floor is wide, and a score inside it means nothing. (The floor of a
# scalar lies a little below 0: a regression answers with a mean, the constant with the
# median. That of classes lies a little below chance: a class that has many speakers
# among those left out has few among the others.)
#
# What a probe can show is that something is there, in a form as simple as a weighted
# sum. It cannot show that the model makes use of it. And what it does not find may be
# there all the same, in a form that takes more than a weighted sum to read: a probe's
# failure is not absence. *Pooled* are the backbone's features, averaged over time; from
# them follow the *shared* and the *specific* ones, and from these the *combined* ones
# that the heads read.

# %%
from burst2vec.audit import probes
from burst2vec.audit.representations import represent_saved
from burst2vec.results.scores import write_table

pair = pairs[0] if pairs else dict.fromkeys(codes[:1], "")
representations = {code: represent_saved(corpus, params_of[code]) for code in pair}
probed = probes.probe_all(representations, corpus)
write_table(probed.table, params.output("probes.csv"))

# %% [markdown]
# CCC, UAR and MAE do not compare, so the figure shows how far each probe comes from a
# constant answer, at 0, to a perfect one, at 1. That is the CCC itself,
# $(\text{UAR} - \text{chance}) / (1 - \text{chance})$, and
# $1 - \text{MAE} / \text{MAE of the constant}$.

# %%
from burst2vec.report.figures.audit import draw_probes

labels = {code: ", ".join(filter(None, (code, has))) for code, has in pair.items()}
draw_probes(probed.table, corpus.tasks, labels);

# %% tags=["caption"] name="fig-probes"
Markdown(audit.caption_probes(probed.table))

# %%
Markdown(audit.about_floor())

# %% [markdown]
# What the adversary changes, by the task that is asked for and the features that are
# asked. The opponents of Eq. 7 are *foreign heads*: the head of each other task tries
# to answer from a task's specific features, and the extractor learns to let it fail. So
# they are meant to lower the rows *specific, of another task*, and no others.

# %%
compared = probes.compare_skills(probed, *pair) if pairs else None
if pairs:
    legend = (f"Skill with the adversary ({list(pair)[0]}) and without it, the mean "
              "where several representations are of a kind, and the difference; small, "
              "its 95 % interval over speakers.")
    display(boxed(compared, legend))

# %%
if pairs:
    display(Markdown(f"{audit.clear_differences(compared)} "
                     f"{audit.changed_by_adversary(compared, *pair)}"))

# %% [markdown]
# ## What the discriminator could find
#
# The other opponent is the [discriminator](../method.md). Eq. 6 asks it, of the shared
# features, which task a batch belongs to. Its loss through training stands [on the page
# of results](results.ipynb), but does not say what the features hold: it learns while
# they change, and where it is surer than it is right, its loss exceeds that of a blind
# guess, whatever they hold. What there is to find is better asked afterwards, of
# features that stay as they are. First, what could be said at best by those who knew
# every validation burst by heart: a burst has the same shared features whichever task
# its batch belongs to.

# %%
from burst2vec.audit import origins

val = corpus.split("val")
best, blind = origins.best_guess(corpus, val, params.epoch), 1 / len(corpus.tasks)
nothing = ("there is nothing for the discriminator to find, and nothing for the shared "
           "extractor to hide")
Markdown(f"They would name the right task in {100 * best:.0f} % of cases, and a blind "
         f"guess does in {100 * blind:.0f} %"
         f"{': ' + nothing if best < blind + 1e-9 else ''}.")

# %% [markdown]
# The specific features are others for each task. A linear classifier, trained afresh
# and tried on speakers that it has not heard, is asked from which task's extractor they
# come, in the system with the adversary and in the one without:

# %%
several = len(corpus.tasks) > 1
told = origins.tell_extractors(representations, val) if several else pd.DataFrame()

# %%
shown = told.drop(columns="told", errors="ignore").rename(
    columns=audit.TOLD | {"features": "system"})
if several:
    legend = ("The UAR of the classifier; its floor, the mean after exchanges of "
              "extractors, with the lowest and the highest in small type; and a blind "
              "guess.")
    display(boxed(shown, legend))
Markdown(origins.describe_extractors(told) if several else
         "This corpus poses one task: there is one extractor.")

# %% [markdown]
# ## Age errors by country
#
# A system that answers with the typical age of the country it hears does well by those
# who are of that age, and badly by the others. So there is a yardstick, a baseline that
# needs no audio: the median age of the burst's *true* country. The dotted lines are
# what it scores, and a system below them has heard more of age than the country.

# %%
from burst2vec.results.runs import read_systems

by_kind = {task.kind: task for task in corpus.tasks}
scalar, classes = by_kind.get("scalar"), by_kind.get("classes")
predictions, _ = read_systems(params.run_folder)
of_pairs = {code: predictions[code] for pair in pairs for code in pair}

# %%
from burst2vec.audit import groups
from burst2vec.evaluation.trivial import predict_group_median

both_kinds = poses_kinds(corpus, "scalar", "classes")
if both_kinds:
    countries, ages = val[classes.columns[0]], val[scalar.columns[0]]
    told = predict_group_median(corpus, val, classes)[scalar.columns[0]]
    level = (told - ages).abs().groupby(countries).mean()
    errors = groups.draw_groups(scalar, countries, val, of_pairs)
    gaps = groups.contrast_groups(errors, map(tuple, pairs))
groupable = both_kinds and bool(pairs) and bool(errors)

# %%
from burst2vec.report.figures.audit import draw_pairs_by_group

if groupable:
    by_country = groups.score_groups(errors)
    figure = draw_pairs_by_group(by_country, pairs, level, "median of the true country")
    figure.supylabel(f"mean absolute error ({scalar.unit or scalar.name})", fontsize=9)

# %% tags=["caption"] name="fig-audit-age"
if groupable:
    display(Markdown(
        f"{audit.caption_groups(gaps, f'{scalar.name} error', 'groups')} Marks are the "
        f"{scalar.name} error on validation by {classes.name}, with 95 % intervals "
        "over the speakers, whose number stands below each group; the dotted line is "
        f"the median of the true {classes.name}."))

# %% [markdown]
# Two intervals that overlap do not say that the systems are alike, because both were
# tried on the same speakers. So the difference of each pair has an interval of its own:

# %%
if groupable:
    display(boxed(gaps, f"Differences of the error ({scalar.unit}); small, their 95 % "
                        "intervals. Below 0, the adversary helps."))

# %% [markdown]
# ## Recall of the country by age
#
# The other way round: is a speaker's country recognised as well when the age is one
# that is rare there? Within a band of age the UAR is the mean over the countries that
# occur in it; one band may have all countries and another only two, hence the dotted
# lines.

# %%
from burst2vec.inspection.description import band_width, bands

recalls = {}
if poses_kinds(corpus, "scalar", "classes") and pairs:
    of_age = bands(ages, 2 * band_width(scalar))
    recalls = groups.draw_groups(classes, of_age, val, of_pairs)
    recall_gaps = groups.contrast_groups(recalls, map(tuple, pairs))

# %%
if recalls:
    chance = 1 / countries.groupby(of_age, observed=True).nunique()
    by_age = groups.score_groups(recalls)
    figure = draw_pairs_by_group(by_age, pairs, chance, "blind guess")
    figure.supylabel("UAR", fontsize=9)

# %% tags=["caption"] name="fig-audit-recall"
if recalls:
    display(Markdown(
        f"{audit.caption_groups(recall_gaps, 'recall', 'bands')} Marks are the UAR of "
        f"the {classes.name} on validation within bands of {scalar.name}, with 95 % "
        "intervals over the speakers, whose number stands below each band. Dotted: a "
        "blind guess among those that occur in the band."))

# %%
if recalls:
    display(boxed(recall_gaps, "Differences of the UAR; small, their 95 % intervals. "
                               "Above 0, the adversary helps."))

# %% [markdown]
# ## The same bursts without the bias
#
# Everything so far was measured where age and country hang together, so a shortcut from
# one to the other pays. A synthetic corpus can do what no recorded one can: ask the
# same speakers again with other ages, drawn so that age and country are independent.
# Each validation burst then has a *twin* with the same speaker, country, emotions and
# random numbers, that differs in the speaker's age and in what little age does to the
# voice. The systems stay as they are, trained with the bias. How much worse do they do
# on the twins?

# %%
from burst2vec.audit import twins
from burst2vec.inspection.association import correlation_ratio

embedded = params.corpus == ["synthetic"]
if embedded:
    others = twins.unbiased_twins(params)
    shares = [100 * correlation_ratio(t["age"], t["country"]) for t in (val, others)]

# %%
said = ("Only speakers that the project synthesises can be asked again: on this corpus "
        "the test has to be left out.")
if embedded:
    said = (f"Of the variance of age, {shares[0]:.0f} % lie between countries in "
            f"validation, {shares[1]:.0f} % among the twins.")
Markdown(said)

# %% [markdown]
# Other ages may be easier or harder to guess without hearing anything. So what counts
# is how much more a system loses than a constant answer, which hears nothing. At the
# other end is the median of the true country, which *is* the shortcut and nothing else.
# Of emotion and country the twins have the same labels and nearly the same sound:
# there, a loss would mean that a system had listened for age.

# %%
from burst2vec.evaluation.trivial import trivial_predictions

if embedded:
    folders = {code: p.folder for code, p in params_of.items()}
    of_twins = twins.predict_twins(folders, others, params)
    of_twins |= trivial_predictions(corpus, others)
    of_bursts = {code: predictions[code] for code in params_of}
    of_bursts |= trivial_predictions(corpus, val)

# %%
losses = None
if embedded:
    losses, drawn = twins.bias_losses(corpus.tasks, val, others, of_bursts, of_twins)
    write_table(losses, params.output("bias0.csv"))

# %%
from burst2vec.evaluation.metrics import metric_columns

of_metrics = metric_columns(corpus.tasks)
if embedded:
    shown = losses[losses["metric"].isin(of_metrics) & (losses["code"] != "Constant")]

# %%
from burst2vec.report.figures.audit import draw_bias_losses

if embedded:
    kinds = {"with adversary": [code for code, p in params_of.items() if p.adversarial],
             "without": [code for code, p in params_of.items() if not p.adversarial],
             "told the country": list(set(shown["code"]) - set(params_of))}
    draw_bias_losses(shown, corpus.tasks, kinds);

# %% tags=["caption"] name="fig-bias0"
if embedded:
    display(Markdown(audit.caption_losses(losses, corpus.tasks, codes)))

# %%
if embedded:
    display(Markdown(audit.owed(losses, corpus.tasks, codes)))

# %% [markdown]
# Does the adversary make a system owe less? The loss with it, less the loss without:

# %%
if embedded and pairs:
    of_losses = pd.concat(groups.contrast(drawn, *of).assign(pair=" − ".join(of))
                          for of in pairs)
    of_losses["loss with adversary"] = of_losses.apply(groups.direction, axis=1)
    columns = ["pair", "metric", "difference", "low", "high", "loss with adversary"]
    display(boxed(of_losses[columns], "Small: the 95 % interval over speakers."))

# %% [markdown]
# (reach)=
# ## How far the reversed gradients reach
#
# The reversal layer turns the gradient of all that lies upstream of it, the backbone
# included: that is the paper's `reversal: upstream`. Its text speaks of the extractors
# alone, and there the reversed gradient ends with `reversal: extractors`.
# `params/reach.yaml` has a variant trained once more with the reach that the run's own
# does not have; all else is the same. Each task's metric on validation, beside that of
# the same system without an adversary:

# %%
from burst2vec.audit import reach

by_reach = reach.score_reaches(corpus, params.run_folder, map(tuple, pairs))
if len(by_reach):
    display(boxed(by_reach))
from burst2vec.report.sentences import describe_heads_first

Markdown(f"{reach.describe_reaches(by_reach)} {describe_heads_first(params)}")

# %% [markdown]
# ## What this page leaves open
#
# A linear probe sees what a weighted sum sees. Each system is one training with one
# seed. Many differences were looked at, and of those that are none about one in twenty
# has an interval that leaves out 0. Where the reversed gradients end at the extractors
# (`reversal: extractors`), or the backbone does not learn (`head_steps`), the adversary
# cannot reach the pooled features: in that row the two systems differ by what training
# made of the other gradients, or not at all. And what holds for voices from a
# synthesiser need not hold for people's. The features can be looked at, and their
# bursts heard, [on a map](look.ipynb).

# %% tags=["in-short"]
Markdown(audit.in_short(compared, pair, losses, corpus.tasks, codes))
