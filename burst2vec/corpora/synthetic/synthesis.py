"""The synthetic corpus: synthetic vocal bursts in the layout of ExVo 2022, for those who do not have the real ones.

`raw/<id>.wav` are recordings of different sample rates, numbers of channels and levels. `wav/<id>.wav` is the processed
version that a challenge would provide: 16 kHz, mono, at -3 dB RMS in 16-bit integers, in which everything beyond full
scale is cut off. `data_info.csv` has the labels, except for those of the test rows, which are in `test_labels.csv`;
`speakers.csv` has the speakers' sex, and `SYNTHETIC.json` says what the folder is. Ids are drawn at random: in ExVo
they are sorted by country, a leak that is not copied here.

`population` decides who speaks, `expression` what a burst should sound like, and `sourcefilter` makes it sound.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from math import gcd
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile
from scipy.signal import resample_poly

from burst2vec.corpora.corpus import SPLITS
from burst2vec.corpora.readers.exvo import COUNTRIES, EMOTIONS
from burst2vec.corpora.synthetic import population
from burst2vec.corpora.synthetic.expression import habits_of, sound_of
from burst2vec.corpora.synthetic.sourcefilter import render, white_noise
from burst2vec.machine.files import write_aside
from burst2vec.machine.parallel import in_parallel
from burst2vec.machine.progress import progress_bar

VERSION = 1
"""The version of what is written for the same seed; a cached corpus of another version is not used."""

RAW_RATES = {48_000: 0.25, 44_100: 0.15, 32_000: 0.10, 22_050: 0.15, 16_000: 0.35}
"""The sample rates of the raw recordings in Hz, and the share of each."""

PROVIDED_RATE = 16_000
"""The sample rate of the processed version in Hz."""

PROVIDED_RMS = 10 ** (-3 / 20)
"""The level of the processed version: -3 dB RMS, as a factor of full scale."""


def synthesise(
    folder: str | Path, train: int = 640, val: int = 320, test: int = 320,
    bias: float = 1.0, seed: int = 0, workers: int | None = None, splits: Sequence[str] = SPLITS, ageing: float = 0.0,
) -> Path:
    """Writes a synthetic corpus of so many clips, whole or not at all, and returns its folder.

    `bias` is how strongly age and country are associated: 1 as measured in ExVo, 0 not at all, 2 twice as strongly. The
    same `seed` gives the same bytes, however many `workers` (processes; by default one for each processor) share the
    work. Only the clips of `splits` are written; they are the same whether or not the others are written. `ageing` is
    how audible age is: 0 as in people, which is hardly, 1 by the whole of `expression.GENERATIONS`.

    Raises FileExistsError where the folder has content, and ValueError for an impossible size, bias, seed, ageing or
    number of workers.
    """
    folder, sizes = Path(folder), population.split_sizes(train, val, test)
    if seed < 0 or (workers is not None and workers < 1):
        raise ValueError(f"workers is {workers} and seed {seed}; they must be at least 1 and 0")
    if not 0 <= ageing <= 1:
        raise ValueError(f"ageing is {ageing:g}; it lies between 0 (as in people) and 1 (plainly audible)")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{folder}: exists and is not empty; a corpus is written into a new folder")
    clips = draw_corpus(sizes, bias, seed)
    clips = clips[clips["split"].isin(splits)]
    with write_aside(folder) as aside:
        for name in ("raw", "wav"):
            (aside / name).mkdir(parents=True)
        _write_audio(aside, clips, seed, workers, ageing)
        _write_tables(aside, clips)
        about = {
            "synthetic": True, "generator": "burst2vec.synth", "version": VERSION, "seed": seed,
            "bias": bias, **({"ageing": ageing} if ageing else {}), **sizes,
            "note": "Synthetic vocal bursts and labels, which say nothing about people. Ids are random: "
                    "that ExVo's own ids are sorted by country is not reproduced.",
        }
        (aside / "SYNTHETIC.json").write_text(json.dumps(about, indent=2) + "\n")
    return folder


def draw_corpus(sizes: dict[str, int], bias: float, seed: int) -> pd.DataFrame:
    """The table of the clips, whose index is `file`, the id.

    Its columns are split, speaker, sex, age, country, the emotions as labelled, and `intended`, the intensities
    (emotions,) that should be heard.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0,)))
    total = sum(sizes.values())
    counts = {split: population.speakers_in(size, total) for split, size in sizes.items()}
    clips = population.draw_clips(population.draw_speakers(counts, bias, rng), sizes, rng)
    clips["intended"] = list(clips[list(EMOTIONS)].to_numpy())
    clips[list(EMOTIONS)] = [population.rate_oneself(intended, rng) for intended in clips["intended"]]
    clips.index = pd.Index([f"{n:05d}" for n in rng.permutation(total)], name="file")
    return clips.sort_index()


def utter(
    clip: pd.Series, sample_rate: int, rng: np.random.Generator, voice: np.random.Generator, ageing: float = 0.0
) -> np.ndarray:
    """The waveform (samples,) of one clip as a microphone hears it: with background noise, and with a little
    silence before and after the burst.

    `rng` draws what is particular to the clip, `voice` what all clips of its speaker share. `ageing` is as in
    `synthesise`.
    """
    habits = habits_of(clip["country"], voice)
    sound = sound_of(clip["intended"], clip["sex"], clip["age"], habits, rng, voice, ageing)
    burst = render(sound, sample_rate, rng, equipment=habits["slope"])
    before, after = (rng.uniform(0.02, 0.12, 2) * sample_rate).astype(int)
    recording = np.pad(burst, (before, after))
    return recording + 10 ** (habits["noise"] / 20) * white_noise(len(recording), sample_rate, rng)


def record(waveform: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A 16-bit recording (samples, channels) of the waveform, at an uneven level.

    One recording in seven is stereo, and few reach full scale.
    """
    level = 10 ** (rng.uniform(-26, 0.2) / 20)
    waveform = waveform / np.abs(waveform).max() * level
    channels = [waveform]
    if rng.random() < 1 / 7:
        channels.append(waveform * rng.uniform(0.6, 1.0) + 1e-3 * level * rng.standard_normal(len(waveform)))
    return to_integers(np.stack(channels, axis=1))


def provide(recording: np.ndarray, sample_rate: int) -> np.ndarray:
    """The processed version (samples,) of a 16-bit recording (samples, channels).

    It has a sample rate of 16 kHz, one channel and a level of -3 dB RMS; everything beyond full scale is cut off.
    """
    common = gcd(PROVIDED_RATE, sample_rate)
    mono = resample_poly(recording.mean(axis=1) / 32768, PROVIDED_RATE // common, sample_rate // common)
    return to_integers(mono * (PROVIDED_RMS / max(np.sqrt(np.mean(mono**2)), 1e-9)))


def to_integers(waveform: np.ndarray) -> np.ndarray:
    """The samples as int16 of a waveform whose full scale is 1; everything beyond it is cut off."""
    return np.round(np.clip(waveform * 32768, -32768, 32767)).astype(np.int16)


def _write_clip(job: tuple[Path, pd.Series, int, float]) -> None:
    """Writes both audio files of one clip. Its random numbers follow from the seed, its id and its speaker alone."""
    folder, clip, seed, ageing = job
    keys = (1, int(clip.name)), (2, speaker_number(clip["speaker"]))
    rng, voice = (np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key)) for key in keys)
    sample_rate = int(rng.choice(list(RAW_RATES), p=list(RAW_RATES.values())))
    recording = record(utter(clip, sample_rate, rng, voice, ageing), rng)
    name = f"{clip.name}.wav"
    soundfile.write(folder / "raw" / name, recording, sample_rate, subtype="PCM_16")
    soundfile.write(folder / "wav" / name, provide(recording, sample_rate), PROVIDED_RATE, subtype="PCM_16")


def _write_audio(folder: Path, clips: pd.DataFrame, seed: int, workers: int | None, ageing: float) -> None:
    jobs = [(folder, clip, seed, ageing) for _, clip in clips.iterrows()]
    for _ in progress_bar(in_parallel(_write_clip, jobs, workers), total=len(jobs), desc="synthesising", unit="clip"):
        pass


def _write_tables(folder: Path, clips: pd.DataFrame) -> None:
    """Writes ExVo's table, the withheld labels of its test rows, and the speakers' sex."""
    info = pd.DataFrame({
        "File_ID": "[" + clips.index + "]", "Split": clips["split"].str.capitalize(),
        "Subject_ID": clips["speaker"], "Country": clips["country"].map(COUNTRIES.index).astype("Int64"),
        "Country_string": clips["country"], "Age": clips["age"],
    }, index=clips.index).join(clips[list(EMOTIONS)])
    test = info["Split"] == "Test"
    info[test].to_csv(folder / "test_labels.csv", index=False)
    info.loc[test, info.columns[2:]] = None
    info.to_csv(folder / "data_info.csv", index=False)
    speakers = clips.rename(columns={"speaker": "Subject_ID", "sex": "Sex"})[["Subject_ID", "Sex"]]
    speakers = speakers.drop_duplicates().sort_values("Subject_ID", key=lambda s: s.map(speaker_number))
    speakers.to_csv(folder / "speakers.csv", index=False)


def speaker_number(speaker: str) -> int:
    """The number in a speaker's name, `Speaker_<n>`."""
    return int(speaker.removeprefix("Speaker_"))
