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
# # Real voices
#
# The corpus that this project carries was made by a synthesiser. How do the systems do
# on recordings of people? EmoGator {cite:p}`buhl2023` holds vocal bursts of thirty
# emotion categories, and may be had by everybody. Its recordings are not part of the
# project, so this page trains nothing: it reads the files that other commands wrote,
# each of which is told below. `make voices CORPUS=/data/emogator` writes one that this
# page shows in place of the record that comes with the project.
#
# That record is of `emogator-100`: a folder with those files of the published
# `data/mp3/` that are first takes of speakers 000001 to 000100, which are named
# `000001-01-1.mp3` to `000100-30-1.mp3`. `emogator-300` has all three takes of speakers
# 000001 to 000300, with splits of its own in the [layout](../corpora.md) of any corpus:
# the first hundred are in test, the next thirty in validation, and the others in train.

# %% tags=["parameters"]
scale = "demo"  # which file of params/scales

# %%
from burst2vec.config import Params, project_root

params = Params.resolve(globals())

# %%
from IPython.display import Markdown, display

from burst2vec.report import answers, curve, voices
from burst2vec.report.figures import voices as figures
from burst2vec.report.figures.curve import draw_curve
from burst2vec.report.figures.style import use_style
from burst2vec.report.studies import read_study
from burst2vec.report.tables.frames import boxed

use_style()

# %%
studies = project_root() / "studies"
found = read_study(studies, "voices") or read_study(studies, "voices-emogator-100")
recorded = answers.read_record(found) if found else None

# %%
Markdown(voices.describe_bursts(found) if recorded else
         "Nothing was recorded yet: `make voices CORPUS=/data/emogator`.")

# %%
if recorded and recorded.unfinished:
    display(Markdown(f"Not finished, and left out: {', '.join(recorded.unfinished)}."))

# %% [markdown]
# ## What was asked
#
# Which of the categories is a burst of? The speakers are dealt into folds, the same for
# all systems. Each fold is answered by a system that has heard the others alone, and
# all answers together are scored: nobody is recognised by whoever has heard them with
# labels. Speakers whom a backbone heard in its pre-training, as far as its folder says,
# are left out for all. What has to be chosen is chosen within the other folds: the
# penalty of a linear reader across their speakers, and the end of a training of
# Burst2Vec by some of them. How Burst2Vec is trained was chosen on other speakers of
# EmoGator, who are scored nowhere on this page.
#
# - *Constant* is the most frequent category of the other folds, and *Chance* one of
#   their labels at random: audio-free baselines.
# - *ComParE* is logistic regression on the main directions of the functionals that [the
#   challenge's baseline](baseline.ipynb) uses, *log-mel* on the mean and the deviation
#   of the bands of a spectrogram.
# - A backbone's name stands for the same reading of its embeddings, the mean and the
#   deviation over time of all its layers, with random weights and pre-trained, without
#   labels and without these speakers.
# - *Burst2Vec* on a backbone hears the same embeddings. From the model of the
#   [method](../method.md) it differs in three ways. It has a single task, and so
#   neither discriminator nor adversaries: only the losses of its outputs are left. Its
#   backbone is the one that it is named after, such as a small one that comes with the
#   package. And the backbone stays as it is: what learns is all that follows, in a
#   fixed number of steps, of which the best weights are kept, while rates fall to zero.
#
# The [model that comes with the package](../predict.md) is no row of these tables. It
# has learnt from more speakers, its backbone too; its card has its scores.
#
# **With speaker statistics** each system answers once more: features and embeddings are
# standardised by each speaker's own mean and deviation. That uses no label, but it does
# use the other bursts of the same speaker, so it holds for voices that were heard
# before. It also profits from the design of the corpus: everybody was asked for every
# category equally often, so that what is left of a speaker's mean is the voice. In a
# corpus where some laugh more than others, a part of the emotion would go with it.

# %% [markdown]
# (voices-scores)=
# ## How well bursts are recognised
#
# Macro-F1 and UAR, of which 1 is the highest. The bar is ComParE: what learns from the
# recordings should exceed acoustic functionals.

# %%
if recorded:
    display(boxed(voices.score_table(recorded),
                  f"Small: 95 % intervals {voices.covered(recorded)}.",
                  caption="Scores on speakers that were not heard"))

# %%
if recorded:
    figures.draw_scores(recorded.scores);

# %% tags=["caption"] name="fig-voices-scores"
Markdown(f"{voices.summarise_best(recorded)} Shown is the macro-F1 of each system on "
         f"speakers that it has not heard, with 95 % intervals {voices.covered(recorded)}."
         " Lines: ComParE, without and with speaker statistics. Hollow: audio-free "
         "baselines."
         if recorded else "")

# %%
if recorded:
    display(Markdown(voices.describe(recorded)))

# %% [markdown]
# An interval of one system says how far its score would move with other speakers. Two
# systems are compared on the same speakers, and their difference is surer than either:

# %%
if recorded:
    display(boxed(voices.contrast_cells(recorded),
                  "Differences in macro-F1, each comparison by itself; small: 95 % "
                  f"intervals {voices.covered(recorded)}.",
                  caption="By how much one system exceeds another"))

# %% [markdown]
# (which-backbone)=
# ## Which backbone?
#
# The same command reads any backbones, those that come with the package and folders of
# published ones, from any corpus with a task of classes, and trains Burst2Vec on those
# that `--train` names:
#
# ```sh
# python -m studies.voices /data/emogator --json backbones.json \
#     --backbone wav2vec2 hubert hubert-layer-norm /models/voc2vec --train hubert
# ```

# %%
if recorded:
    display(boxed(voices.backbone_cells(recorded),
                  "Macro-F1, each burst by itself. A dash: not trained. Small: 95 % "
                  f"intervals {voices.covered(recorded)}.", caption="What is had from "
                  "each backbone, with random weights and its own"))

# %%
Markdown(voices.summarise_backbones(recorded) if recorded else "")

# %% [markdown]
# (voices-takes)=
# ## More recordings of the same people
#
# `emogator-100` has the first takes alone. The same systems again, on all three takes of
# the same hundred speakers:

# %%
more = read_study(studies, "voices-300")
takes = answers.read_record(more) if more else None
Markdown(voices.describe_bursts(more) if takes else
         "Not measured yet: `python -m studies.voices /data/emogator-300 --split test "
         "--without ComParE --backbone hubert --json studies/voices-300.json`.")

# %%
if takes:
    display(boxed(voices.score_table(takes),
                  f"Small: 95 % intervals {voices.covered(takes)}.",
                  caption="Scores with three takes of each category"))

# %%
if takes:
    display(Markdown(voices.describe(takes)))

# %% [markdown]
# (voices-curve)=
# ## How much data?
#
# Where does pre-training pay? Systems learn from some of the training speakers of the
# 300, and all answer for the test speakers, each burst by itself. The speakers of a
# share are drawn three times. The pre-trained backbone has heard all training speakers
# without labels: what grows is the number of those with labels.
#
# The intervals are over test speakers and draws, and each is one by itself. They have
# limits:
#
# - All draws are of the same training speakers, so that larger shares overlap, and with
#   all speakers there is nothing left to draw. There a linear reading is the same in all
#   three draws, and its interval is over test speakers alone; Burst2Vec, of which each
#   draw has a seed of its own, differs by its seeds. So intervals are too narrow for
#   what other training speakers would change, the more so the larger the share.
# - A linear reading with random weights has the same ones in all draws, while Burst2Vec
#   has others in each. Its intervals leave out what other random weights would change.
# - The pre-trained weights are of a single pre-training throughout.

# %%
learnt = read_study(studies, "curve")
curves = curve.read_curve(learnt) if learnt else None
Markdown(voices.describe_bursts(learnt) if curves else
         "Not measured yet: `python -m studies.curve /data/emogator-300 --takes 1 "
         "--without ComParE --backbone hubert --json studies/curve.json`.")

# %%
if curves:
    draw_curve(curves.scores);

# %% tags=["caption"] name="fig-voices-curve"
Markdown(f"{curve.summarise_curve(curves)} Shown is the macro-F1 on test speakers by "
         "the number of training speakers, with 95 % intervals over test speakers and "
         "draws. Dashed: random weights." if curves else "")

# %%
if curves:
    display(boxed(curve.curve_cells(curves),
                  "Macro-F1; small: 95 % intervals over test speakers and draws.",
                  caption="Scores by the number of training speakers"))

# %% [markdown]
# ## What is taken for what
#
# The categories here stand in an order in which those that are taken for each other are
# neighbours, by a hierarchical clustering of how often either is answered for the
# other. Shown is the system with the highest macro-F1. It was picked by this score,
# which therefore flatters it a little; what it confuses is another matter.

# %%
if recorded:
    way = "centred" if any(w == "centred" for _, w in recorded.answers) else "plain"
    best = recorded.best(way)
    categories = voices.category_table(recorded, best)
    display(Markdown(f"**{best[0]}**, {answers.WAYS[way]}:"))

# %%
if recorded:
    figures.draw_confusion(voices.confusion_shares(recorded, best));

# %% tags=["caption"] name="fig-voices-confusion"
Markdown(f"{voices.summarise_confusion(categories)} Shown is how often bursts of each "
         "category (rows) got each answer (columns), in percent of the category's "
         "bursts. Blocks along the diagonal are categories that are taken for each "
         "other." if recorded else "")

# %%
if recorded:
    figures.draw_recalls(categories);

# %% tags=["caption"] name="fig-voices-recall"
Markdown(f"{voices.summarise_recalls(categories)} Shown is the share of each "
         "category's bursts that this system recognises, in percent, beside chance."
         if recorded else "")

# %% [markdown]
# The categories that are recognised best, and those that are recognised worst, with the
# answer that is given most often where it is wrong:

# %%
if recorded:
    shown = categories.rename(columns={"share": "share that is taken for it"})
    for end, part in (("best", shown.head(5)), ("worst", shown.tail(5))):
        display(boxed(part, caption=f"Recognised {end}"))

# %% [markdown]
# ## Listen
#
# Bursts of the two categories that are recognised best and of the two that are
# recognised worst, the first that is answered rightly and the first that is not. They
# can be heard where this notebook runs with the recordings at hand (`corpus:
# /data/emogator-100`) and with `play_recordings: true`: recordings of people become part
# of a page where that is asked for, since a page can be passed on.

# %%
from burst2vec.audio.store import open_store
from burst2vec.corpora.opening import open_corpus
from burst2vec.report.page import players
from burst2vec.report.sounds import may_be_heard

corpus = open_corpus(params)
rows = answers.rows_of(found, corpus) if recorded else None

# %%
if rows is None:
    display(Markdown("The recordings are not at hand."))
elif may_be_heard(corpus, params.play_recordings):
    store = open_store(corpus, params.audio, params.path(params.cache))
    chosen = categories["category"].iloc[[0, 1, -2, -1]].tolist()
    heard = voices.examples(recorded, best, chosen).itertuples()
    display(players({f"{each.category}, taken for {each.answer} (burst {each.burst})":
                     store[rows[each.burst]] for each in heard}))

# %% [markdown]
# ## What it means

# %%
if recorded:
    for question, heading in voices.QUESTIONS.items():
        lines = voices.describe_contrasts(recorded, question)
        display(Markdown(f"**{heading}**, in macro-F1:\n\n{lines or '- not recorded'}"))
    display(Markdown(voices.describe_recipe(recorded)))

# %% [markdown]
# All of these people were asked to act, one category after the other, and labels are
# what they were asked for, not what anybody heard. With thirty names, several of them
# for one kind of sound, nobody would reach a score near 1.
#
# ## Several tasks on real voices
#
# The paper learns emotion, age and origin at once. EmoGator has neither age nor origin,
# but a model can take each task from the corpus that has it ([several
# corpora](corpora.ipynb)). With VocalSound, or any corpus that states ages or origins:
#
# ```sh
# papermill notebooks/04_train_variant.ipynb voices.ipynb --engine burst2vec \
#     -k python3 -f params/scales/emogator.yaml -p run several \
#     -y "corpus: [/data/emogator, /data/vocalsound]" \
#     -y "tasks: [emotion, age, country]"
# ```
#
# Nothing of that kind was recorded here: no corpus of real bursts with ages and origins
# was at hand.

# %% tags=["remove-cell"]
from myst_nb import glue

said = voices.summarise(recorded) if recorded else "Nothing was recorded yet."
glue("voices_in_words", said, display=False)

# %% tags=["in-short"]
Markdown(f"How do the systems do on recordings of people? {said}")
