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
# # Preprocessing
#
# The challenge hands out its recordings twice: raw, as the speakers' devices left them,
# and processed to 16 kHz. The authors found distortion in the processed files and went
# back to the raw ones, which they resampled to 16 kHz, mixed down to mono and
# normalised to −3 dB by their root mean square (section 4.1). Both kinds of audio are
# kept here, as `provided` and `own`; a variant chooses one by its parameter `audio`.
# This page looks at what the preprocessing does to a recording, and at what the
# distortion is.

# %% tags=["parameters"]
scale = "demo"  # which file of params/scales

# %%
from burst2vec.config import Params

params = Params.resolve(globals())

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import Markdown, display

from burst2vec.report.figures.style import use_style

use_style()

# %% tags=["banner"]
from burst2vec.corpora.opening import open_corpus
from burst2vec.report.page import banner, players

corpus = open_corpus(params)
banner(corpus)

# %%
from burst2vec.audio.store import open_store
from burst2vec.inspection import preprocessing
from burst2vec.report import preprocessing as told
from burst2vec.report.tables.frames import boxed

kinds = preprocessing.kinds_of_audio(corpus)
cache = params.path(params.cache)
stores = {kind: open_store(corpus, kind, cache) for kind in kinds}

# %%
words = {"provided": "processed recordings", "own": "raw recordings"}
said = " and ".join(f"{words[kind]} ({kind})" for kind in kinds)
left_out = " What needs the other kind is left out below." if len(kinds) < 2 else ""
Markdown(f"This corpus has {said} of every burst.{left_out}")

# %% [markdown]
# ## Recordings as they come
#
# A sample of up to 400 recordings, drawn at random. The formats of the raw ones:

# %%
rng = np.random.default_rng(0)
rows = np.sort(rng.permutation(len(corpus.table))[:400])
survey = preprocessing.survey(corpus, stores, rows)
column = "raw" if "own" in kinds else "provided"
boxed(preprocessing.formats(corpus, column, rows),
      caption="Formats of the recordings in the sample")

# %% [markdown]
# Levels differ from device to device and from speaker to speaker. Setting the root mean
# square removes that; what is loud within a burst stays loud.

# %%
from burst2vec.report.figures.audio import draw_survey

labels = {"level": "level (dB)", "peak": "peak (dB)", "seconds": "duration (s)"}
draw_survey(survey, labels);

# %% tags=["caption"] name="fig-levels"
Markdown(f"{told.describe_levels(survey)} Shown are levels (root mean square, dB), "
         "peaks (dB) and durations (s) of the recordings in the sample, as cumulative "
         "distributions. A peak above 0 dB exceeds full scale.")

# %% [markdown]
# ## Before and after
#
# One raw recording, and what becomes of it. The shape of waveform and spectrogram is
# that of the raw recording, at another level. Note the dotted lines, which mark full
# scale: at a root mean square of −3 dB, which is 0.71 of full scale, the peaks of
# nearly every burst lie beyond it. In floating point that is harmless.

# %%
column = survey[survey["audio"] == kinds[0]].set_index("file")["clipped"]
example = corpus.table.index.get_loc(column.idxmax())

# %%
from burst2vec.audio.waveform import SAMPLE_RATE, read_audio
from burst2vec.report.figures.audio import draw_recordings

if "own" in kinds:
    raw, rate = read_audio(corpus.root / corpus.table["raw"].iloc[example])
    after = stores["own"][example], SAMPLE_RATE
    draw_recordings({"raw": (raw.mean(axis=1), rate), "own": after});

# %% [markdown] tags=["caption"] name="fig-before-after"
# Our preprocessing keeps a recording's shape and changes its level. One recording
# before (`raw`) and after (`own`): waveforms, with full scale at 1, and mel
# spectrograms.

# %% [markdown]
# ## Distortion
#
# The same normalisation in 16-bit integers has nowhere to put those peaks and cuts them
# off. The figure shows the recording of the sample that is clipped most, if any is, for
# a few milliseconds around its largest peak, as provided and as we preprocess it.

# %%
from burst2vec.report.figures.audio import plot_closely

if len(kinds) == 2:
    heard = {kind: stores[kind][example] for kind in kinds}
    _, axes = plt.subplots(figsize=(6.5, 2.8), layout="constrained")
    plot_closely(heard, SAMPLE_RATE, axes);

# %% tags=["caption"] name="fig-clipping"
Markdown(f"{told.describe_example(column.max())} Shown are a few milliseconds around "
         "its largest peak, as provided and as we preprocess it; full scale is 1.")

# %% [markdown]
# Cutting off peaks adds harmonics: energy at frequencies where the voice had little.
# Both are played at the same peak, so a clipped recording is the louder one.

# %%
if len(kinds) == 2:
    draw_recordings({kind: (sound, SAMPLE_RATE) for kind, sound in heard.items()});

# %% [markdown] tags=["caption"] name="fig-distortion"
# Where peaks are cut off, energy appears where the voice had little. The same recording
# as provided and by our own preprocessing: waveforms, with full scale at 1, and mel
# spectrograms.

# %%
from burst2vec.report.sounds import may_be_heard

if len(kinds) == 2 and may_be_heard(corpus, params.play_recordings):
    file = corpus.table.index[example]
    each = {f"{kind} ({file})": sound for kind, sound in heard.items()}
    display(players(each, lossless=True))

# %% [markdown]
# How much of the corpus is affected? A sample counts as clipped when it lies at the
# largest magnitude of its recording: an intact recording reaches its maximum once, a
# clipped one again and again. The ratio of signal to distortion compares each provided
# recording with ours, whatever the levels of the two; what is not proportional to ours
# counts as distortion, the differences between the two resamplers included.

# %%
boxed(told.survey_table(survey), caption="Clipping, peaks and levels")

# %%
from burst2vec.report.figures.audio import plot_distribution, plot_ratios

if len(kinds) == 2:
    _, (left, right) = plt.subplots(1, 2, figsize=(6.5, 2.8), layout="constrained")
    in_percent = survey.assign(clipped=100 * survey["clipped"])
    plot_distribution(in_percent, "clipped", left).set_xlabel("clipped samples (%)")
    left.legend(frameon=False)
    ratios = preprocessing.distortion(stores["own"], stores["provided"], rows)
    plot_ratios(ratios, right);

# %% tags=["caption"] name="fig-clipped"
Markdown(f"{told.describe_clipping(survey)} Left: the share of clipped samples in each "
         "recording, in percent. Right: the ratio of signal to distortion, in dB, of "
         "the audio as provided.")

# %% [markdown]
# ## Resampling
#
# Halving or thirding a sample rate folds whatever lies above the new Nyquist frequency,
# here 8 kHz, back below it, unless a filter removes it first. How well it does is
# measured with tones at 48 kHz: below 8 kHz all of the tone should be left, above it
# nothing. The default kernel of torchaudio is short and lets a good part of the band
# above 8 kHz through; the filter used here, soxr's longest, does not.

# %%
from burst2vec.audio.waveform import resample
from burst2vec.inspection.preprocessing import gain, resample_by_default
from burst2vec.report.figures.audio import plot_gain

frequencies = np.unique(np.r_[550:24000:500, 7050:9500:100])
kernels = {"torchaudio's default": resample_by_default, "ours": resample}
gains = {name: gain(kernel, frequencies) for name, kernel in kernels.items()}
_, axes = plt.subplots(figsize=(6.5, 3.0), layout="constrained")
plot_gain(frequencies, gains, axes);

# %% tags=["caption"] name="fig-resampling"
Markdown(f"{told.describe_aliases(frequencies, gains)} Shown is what is left of tones "
         "after resampling from 48 to 16 kHz, in dB. Right of the dotted line, at 8 "
         "kHz, it is alias.")

# %%
tones = pd.Index([7000, 8200, 9500], name="tone (Hz)")
left = {f"{name} (dB)": gain(kernel, tones) for name, kernel in kernels.items()}
boxed(pd.DataFrame(left, index=tones).reset_index(),
      caption="What resampling leaves of three tones")

# %% [markdown]
# ## The waveform store
#
# Decoding and resampling take far longer than reading, and every epoch of every variant
# needs every burst. So each kind of audio is decoded once, into one file of 16-bit
# integers. The integers of a burst are scaled to its own peak. Nothing clips, and the
# rounding error is far below anything audible:

# %%
sizes = pd.DataFrame(
    {"bursts": len(store), "hours": store.lengths.sum() / SAMPLE_RATE / 3600,
     "megabytes": 2 * store.lengths.sum() / 1e6} for store in stores.values())
sizes["rounding error (dB of the peak)"] = [
    max(preprocessing.rounding(corpus, store, kind, row) for row in rows[:20])
    for kind, store in stores.items()]
boxed(sizes.set_axis(kinds).rename_axis("audio").reset_index(),
      caption="The waveform stores")

# %% tags=["in-short"]
Markdown(told.summarise(survey, kinds))
