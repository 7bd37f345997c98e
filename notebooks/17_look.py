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
# # What the models hear
#
# A score says how far a system's answers are off on the whole. It does not say which
# bursts it hears rightly and which it does not, nor what these sound like. Here one can
# look and listen: choose an emotion, press on a burst, and hear it; or go from burst to
# burst with the buttons or the arrow keys.

# %% tags=["parameters"]
scale = "demo"  # which file of params/scales

# %%
from burst2vec.config import Params

params = Params.resolve(globals())
codes = [code for code in ("V4", "V5")
         if (params.run_folder / code / "predictions.csv").is_file()]
params_of = {code: Params.resolve(globals() | {"variant": code}) for code in codes}

# %%
from IPython.display import Markdown, display

from burst2vec.audio.store import open_store
from burst2vec.corpora.opening import open_corpus
from burst2vec.report.page import banner, poses_kinds
from burst2vec.report.sounds import may_be_heard

# %% tags=["banner"]
corpus = open_corpus(params)
banner(corpus)

# %% [markdown]
# Two systems of the [results](results.ipynb) are looked at: V4, and V5, which differs
# from it in that it was trained without the adversary. All bursts are of the validation
# split, which neither was trained on.

# %%
from burst2vec.evaluation.predictions import read_predictions
from burst2vec.report import look

folders = {code: params_of[code].folder for code in codes}
predictions = {code: read_predictions(folder / "predictions.csv")
               for code, folder in folders.items()}
val, task = corpus.split("val"), look.intensities_of(corpus)
if not codes:
    display(Markdown("This run has neither V4 nor V5: there is nothing to look at."))

# %%
if codes:
    seen = look.look_at(corpus, predictions[codes[0]])
    texts = look.describe_bursts(seen, corpus.tasks, predictions)

# %%
store = open_store(corpus, params.audio, params.path(params.cache))
place = dict(zip(corpus.table.index, range(len(store)), strict=True))
audible = may_be_heard(corpus, params.play_recordings)


def sounds(rows):
    """The waveforms of those bursts that can be heard, by their position."""
    files = seen.table.index
    return {row: store[place[files[row]]] for row in rows} if audible else {}


# %% [markdown]
# ## Predicted and true intensity
#
# A burst above the dashed line shows more of the emotion, by the answer of the system,
# than its speaker said; one below it, less. Those that V4 overestimates and
# underestimates most can be heard, and the strong ones that it hears as strong too:
# at least 0.5, in truth and by its answer. Mind that the truth is a speaker's rating of
# a burst of his or her own, scaled so that the strongest emotion is 1: it is no
# measurement.

# %%
posed = bool(codes) and poses_kinds(corpus, "intensities")
if posed:
    scores = look.score_intensities(task, val, predictions)
    heard = sounds(look.heard_rows(seen))
    view = look.intensity_view(seen, task, predictions, texts, heard)
    display(view.show())

# %% tags=["caption"] name="fig-look-intensities"
if posed:
    display(Markdown(look.caption_intensities(task, scores, seen, len(val))))

# %% [markdown]
# The same in numbers. The *concordance correlation coefficient* (CCC) is 1 where all
# bursts lie on the line, and 0 where the answers follow nothing.

# %%
from burst2vec.report.tables.frames import boxed

if posed:
    display(boxed(look.tabulate_intensities(scores),
                  "The CCC of each system; small, its 95 % interval over the speakers "
                  "of validation."))

# %% [markdown]
# (maps)=
# ## A map of the bursts
#
# A system makes a few hundred numbers of each burst, its *features*. *Shared* are those
# that all tasks read, and in them the adversary's discriminator looks for the task;
# *specific* are those of one task, in which the heads of the other tasks, the
# adversary's other half, look for theirs ([how](../method.md)). A map lays the bursts
# out on a plane, so that those with similar features are near each other: their
# principal components, laid out by t-SNE (van der Maaten and Hinton, 2008).
#
# A map shows groups, and invites one to see more of them than there are. So what can be
# seen is counted, too: the share of a burst's ten nearest neighbours, bursts of other
# speakers, that have the burst's own label. Beside it stands its *floor*, what that
# share comes to where the speakers have exchanged their labels.

# %%
from burst2vec.audit import maps
from burst2vec.audit.representations import represent_saved

found = {code: represent_saved(corpus, params_of[code]) for code in codes}
drawn = {code: {name: maps.map_bursts(of_bursts[seen.rows])
                for name, of_bursts in by_name.items()
                if name == "shared" or name.startswith("specific")}
         for code, by_name in found.items()}

# %%
if codes:
    marks = look.marks_of(corpus.tasks, seen.table)
    alike = maps.score_maps(drawn, marks, seen.table)
    heard = sounds(look.spread_rows(next(iter(marks.values()))))
    display(look.map_view(drawn, marks, texts, heard).show())

# %% tags=["caption"] name="fig-look-maps"
if codes:
    adversarial = {code: params_of[code].adversarial for code in codes}
    display(Markdown(look.caption_maps(alike, codes, adversarial)))

# %%
if codes:
    display(boxed(look.tabulate_maps(alike),
                  "Of the ten nearest bursts of other speakers on the map, the share "
                  "with the same label; of a number such as age, of the same quarter "
                  "of the bursts. Small: the lowest and the highest share over "
                  f"{maps.REPEATS} exchanges of labels."))

# %% [markdown]
# Features specific to a task should lie by that task's label, and with an adversary by
# no other. Whether they do is no matter of looking: the map of another seed, or of
# another training, is another map. What can be read from the features themselves, and
# what the adversary changed, stands in [the audit](audit.ipynb).
#
# ## What this page leaves open
#
# The bursts to hear were chosen because they are extreme. They show what the largest
# errors are like, not what errors are like. A system that hears what we hear need not
# hear it for the reasons that we have.

# %% tags=["in-short"]
import pandas as pd

nothing = pd.DataFrame()
Markdown(look.in_short(task, scores if posed else nothing, alike if codes else nothing))
