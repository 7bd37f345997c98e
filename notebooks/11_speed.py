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
# # Speed
#
# The paper needs a day or more of a large GPU for each system. How much of that is
# arithmetic that somebody has to do, and how much is waiting, padding, and work done
# twice? This page counts the first, shows what was measured of the rest, and estimates
# from both how long a full run takes. It measures nothing itself: it reads the files
# that the commands under `benchmarks/` wrote, and each number stands beside the
# hardware and the date it was measured with.

# %% tags=["parameters"]
scale = "demo"  # which file of params/scales

# %%
from burst2vec.config import Params, project_root

Params.resolve(globals())  # refuses a scale that does not exist
paper = Params()  # the numbers here are those of the scale paper

# %%
import matplotlib.pyplot as plt
from IPython.display import Markdown, display

from burst2vec.report.figures.style import use_style

use_style()

# %%
from burst2vec.audio.waveform import SAMPLE_RATE
from burst2vec.report.speed import measured, sentences
from burst2vec.report.speed import tables as speed_tables
from burst2vec.report.tables.frames import boxed

found = measured.read_benchmarks(project_root() / "benchmarks")
steps = measured.default_steps(found)


# %%
def show(name, table, said=lambda content: ""):
    """Shows a table for each file of a benchmark, or how to make such a file."""
    for content in found[name]:
        legend = f"{speed_tables.legend(content)} {said(content)}"
        display(boxed(table(content), legend.strip()))
    if not found[name]:
        display(Markdown(f"Not measured yet: `{measured.BENCHMARKS[name][1]}`."))


# %% [markdown]
# ## What was measured, and what was not

# %%
boxed(speed_tables.file_table(found), align="left")

# %%
gpus = measured.measured_gpus(found)
said = f"Training was measured on {', '.join(gpus)}." if gpus else (
    "**No GPU has been measured yet.** `make bench` on a machine with one measures it, "
    "and this page shows it.")
Markdown(said)

# %%
missing = speed_tables.missing_measurements(found)
lines = [f"- {command}: {'; '.join(things)}" for command, things in missing.items()]
if lines:
    display(Markdown("Still to be measured, and by what:\n\n" + "\n".join(lines)))

# %% [markdown]
# Rivals are measured in one process and in turns, so that whatever else the machine
# does meets all of them; a ratio is taken within each round, and stands here as the
# median of the rounds with the lowest and the highest. Models have the published sizes
# and random weights, bursts are noise, since neither weights nor sounds change the
# time. Their lengths follow a log-normal law with ExVo's mean of 2.2 s; its spread of
# 1.2 s and its ends, 0.3 and 10 s, are our assumption.
#
# ## What must be computed
#
# Most of a step is products of matrices, whose sizes are known.

# %%
seconds = measured.exvo_seconds()
behind, encoder = measured.GFLOP["large"]
Markdown(f"HuBERT large at its published size takes {behind + encoder:.1f} GFLOP for "
         "each second of audio, forward and backward, with the feature encoder frozen; "
         f"{encoder:.1f} of these are the encoder's, and since its output is kept, "
         "they are needed once.")

# %% [markdown]
# (A multiplication and an addition are two operations.) A GPU or a processor multiplies
# large square matrices at a certain rate. The operations divided by the rate are a
# bound: at that rate this arithmetic takes no less. Other arithmetic has another.

# %%
told = ("A pass is one over as many bursts as ExVo's training set has, "
        f"{seconds.sum() / 3600:.1f} hours of audio. An epoch is one pass, whose "
        "batches are dealt to the tasks in turn.")
if steps:
    told += " Minutes of it: at the best rate of square matrices of each machine."
boxed(speed_tables.limit_table(found, seconds.sum()), told)

# %% [markdown]
# An NVIDIA H200 is said to multiply matrices in bfloat16 at 790 TFLOP/s. At that rate
# the operations come to:

# %%
one_pass, once = (1e9 * gflop * seconds.sum() / 790e12 for gflop in (behind, encoder))
epochs = (paper.max_epochs * one_pass + once) / 60
Markdown(f"HuBERT large: {one_pass:.1f} seconds a pass, {once:.1f} seconds for the "
         f"encoder once, and {epochs:.0f} minutes for {paper.max_epochs} epochs.")

# %% [markdown]
# ## Where time goes that need not
#
# **Padding.** The batches are random: the concordance loss is computed over a batch,
# and one in which all bursts are of the same length would show a single stratum of the
# corpus. But a batch that is padded to its longest burst is mostly padding, which is
# computed like sound. So the bursts of a batch are computed in groups of similar
# length, each padded to its own longest burst, and the groups lie one after the other
# in one sequence, which every layer computes at once. How much of it is audio can be
# counted from the law of lengths at once:

# %%
sizes = (SAMPLE_RATE * seconds).astype(int)
shares = measured.audio_shares(sizes, paper.batch_size)
Markdown(f"Of random batches of {paper.batch_size} that are padded to their longest, "
         f"{100 * shares['padded']:.0f} % is audio; in packed groups it is "
         f"{100 * shares['packed']:.0f} %.")

# %%
from burst2vec.report.figures.speed import plot_audio_shares

_, axes = plt.subplots(figsize=(6.5, 1.8), layout="constrained")
plot_audio_shares(shares, axes);

# %% [markdown] tags=["caption"] name="fig-audio-shares"
# Random batches that are padded to their longest burst are mostly padding; packed
# groups take it out. Audio in percent of what an epoch's batches hold, by way of
# batching. Sorting takes the padding out, too, but chooses who meets whom. Counted, not
# measured: it depends on the lengths alone.

# %% [markdown]
# What this saves of a step, and what is left of the price of random batches, is
# measured: the same model on the same batches, packed, group by group and padded, and
# on batches of neighbours in length.

# %%
show("packing", speed_tables.packing_table)

# %% [markdown]
# **Work done twice.** The feature encoder is frozen, and under exact padding what it
# makes of a burst does not depend on the burst's batch. So it is computed once and kept
# on the training's device.
#
# **Numbers longer than needed.** Products of matrices are computed in bfloat16 where
# the hardware is faster at it; weights, losses and metrics stay in 32 bits.
#
# **Waiting.** Where they fit, all bursts lie on the training's device before the first
# step. A batch is gathered and padded there; no file is read, and nothing asks the
# device for a number, until it is time to log.
#
# **Validation** needs no gradients. It runs over the same kept features, in large
# batches sorted by length.

# %%
told = ("Encoding: of a step that would encode its bursts anew. Validation: of "
        f"{measured.EXVO['val']:,} bursts every {paper.validate_every} steps, as at "
        "the scale paper.")
if steps:
    display(boxed(speed_tables.savings_table(found), told))

# %% [markdown]
# What one of these is worth by itself is seen by training without it:

# %%
switched = speed_tables.parameter_table(found)
told = "Both compared with the Trainer as documented, in their own runs."
again = ("`python -m benchmarks.training_step --size base --device cpu "
         "--set '{precision: float32}' "
         "--json benchmarks/training_step_base_cpu_float32.json`")
not_yet = Markdown("Not measured yet. One more file does it for one parameter, for "
                   f"instance {again}.")
boxed(switched, told) if len(switched) else not_yet

# %% [markdown]
# ## A step beside the Trainer's
#
# The `transformers` library's Trainer is what most people would take. As documented it
# follows the guide to audio classification, but for two things that would change the
# task: it neither cuts bursts at one second nor gathers the gradients of four batches.
# Set well, it groups lengths, computes in bfloat16, has its feature encoder frozen and
# its optimiser fused; nothing is compiled, as in ours by default. Its batches are
# sorted by length then, and ours are random. So it is measured on random batches too,
# which is the fair comparison, and so are ours on its sorted ones. All train the same
# heads on the same losses, 32 bursts and one task a batch. Memory is that of a step,
# without the bursts; below ours stands what it would keep of ExVo's bursts on the
# training's device.

# %%
show("training_step", speed_tables.step_table)

# %% [markdown]
# How much of the difference is padding? The rest is arithmetic in 32 bits, a feature
# encoder that is trained too, and what the loop does between two steps.

# %%
for content in steps:
    display(Markdown(f"- {sentences.why_longer(content)}\n"
                     f"- {sentences.cost_of_random(content)}"))

# %%
from burst2vec.report.figures.speed import draw_growth, draw_steps

if steps:
    draw_steps(steps);

# %% tags=["caption"] name="fig-speed-steps"
Markdown(sentences.caption_steps(steps))

# %% [markdown]
# Is there more to gain? *Utilisation* says: it is the operations that the bursts
# themselves call for, without padding and without the feature encoder, in a second of
# our steps, as a share of what the machine does in a second of its best product of two
# square matrices in the same arithmetic. What is missing to 100 % went to padding, to
# all that is no product of matrices (norms, activations, dropout, the optimiser), to
# products too small to fill the machine, and to waiting.

# %%
if steps:
    display(boxed(speed_tables.utilisation_table(found)))

# %%
for content in steps:
    profile = speed_tables.profile_table(content)
    if len(profile):
        where = measured.circumstances(content)
        display(boxed(profile, f"What takes the time; {where}."))

# %% [markdown]
# ## How it grows
#
# A step on bursts of one length each, from half a second to twenty. In attention every
# frame looks at every other, so that its cost grows with the square; even at twenty
# seconds it is less than a fifth of the operations.

# %%
if found["growth"]:
    draw_growth(found["growth"]);

# %% tags=["caption"] name="fig-speed-growth"
Markdown(sentences.caption_growth(found["growth"]))

# %%
show("growth", speed_tables.length_table)

# %% [markdown]
# With the corpus grow the dealing of an epoch into batches and the memory of the
# encoded bursts. A batch should cost what it cost before.

# %%
show("growth", speed_tables.corpus_table, sentences.describe_epoch)

# %% [markdown]
# And what comes before training: checking a corpus, preparing its waveforms, dealing
# and reading an epoch's batches. Memory is that of all processes together.

# %%
show("scale", speed_tables.scale_table, sentences.describe_epoch)

# %% [markdown]
# ## Before and after training
#
# **Preparation** makes of a corpus's recordings, of any format and rate, one file of
# samples at 16 kHz. Beside it stands a loop of `librosa.load`, which sets no level,
# sums no checksum and writes nothing, alone and in as many processes.

# %%
show("preparation", speed_tables.preparation_table)

# %% [markdown]
# **Predictions** from waveforms, beside the `transformers` pipeline for audio
# classification with a HuBERT of the same size: as its documentation has it, which on a
# CPU advises against batches, and sorted by length, in batches of as many bursts and in
# our arithmetic (on a GPU with worker processes besides).

# %%
show("inference", speed_tables.inference_table)

# %% [markdown]
# **Intervals**: the [statistics page](statistics.ipynb) scores every system anew on
# thousands of resamples.

# %%
show("bootstrap", speed_tables.bootstrap_table)

# %% [markdown]
# ## A full run
#
# How many steps a training takes is not a matter of speed. They are counted by the code
# that deals the batches, with each variant's own parameters, on as many bursts as ExVo
# has; V7's oversampling follows the published counts. What an epoch is decides by a
# factor of three: here it is one pass over the bursts, each for one of the tasks, and
# 100 epochs are the most. Where every epoch shows every burst to each task, 100 of them
# are the column *each task*. Early stopping may end a training sooner, but not before
# the column *earliest*. Below the hours stand those of training, validation and
# encoding; loading and checkpoints are not in them. *Limit* is what the operations of
# the steps alone would take at the matrix rate of the same machine. wav2vec 2.0 large,
# V1 and V2, is estimated by HuBERT large, which has the same matrices.

# %%
show("full_run", lambda content: speed_tables.run_table(content, found))

# %%
for content in found["full_run"]:
    display(Markdown(sentences.run_sentence(content)))

# %% [markdown]
# Such hours are estimated from steps. On a GPU a stretch of V4's training is timed as
# well, with all that a training does beside its steps:

# %%
show("stretch", speed_tables.stretch_table)

# %% [markdown]
# The authors' hours are those of their machine, their padding and their number of
# steps, and only the first of these is told: they say what one would expect, not which
# program is faster. Hours on a processor show where the time goes; nobody should train
# a large model there.

# %% tags=["in-short"]
Markdown(sentences.describe_speed(found))
