"""Recordings, and the waveform stores that are made of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from burst2vec.audio.faults import SHORTEST
from burst2vec.audio.waveform import load, read_parts
from burst2vec.inspection.listening import listen
from tests.faults import subjects
from tests.faults.damage import damage, false_lengths
from tests.faults.targets.registry import Action, ensure, target

FORMS = [(form, subtype, rate, channels, seconds)
         for form, subtype in (("WAV", "PCM_16"), ("WAV", "FLOAT"), ("WAV", "PCM_24"), ("FLAC", "PCM_16"),
                               ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", None), ("AIFF", "PCM_16"),
                               ("W64", "PCM_16"), ("CAF", "PCM_16"))
         for rate, channels, seconds in ((16_000, 1, 0.1), (48_000, 2, 0.3))]
ODD_FORMS = [("WAV", "FLOAT", rate, channels, seconds) for rate in (1, 999, 44_101, 768_000, 2_000_000_011)
             for channels, seconds in ((1, 0.1 if rate < 10 ** 6 else 1e-6), (37, 0.01 if rate < 10 ** 6 else 1e-7))]
LOSSLESS = [form for form in FORMS if form[0] in ("WAV", "FLAC", "AIFF")]
SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".raw", ".opus", "")
MARKS = (b"RIFF", b"data", b"fmt ", b"OggS", b"fLaC", b"ID3", b"\xff\xfb")


@target(lambda: st.tuples(st.sampled_from(FORMS + ODD_FORMS).flatmap(
    lambda form: damage(subjects.encoded(*form), MARKS).map(lambda damaged: (form, damaged))),
    st.sampled_from(SUFFIXES)))
def recordings(found, folder: Path) -> Action:
    (_, damaged), suffix = found
    path = folder / f"burst{suffix}"
    path.write_bytes(damaged.data)

    def act():
        heard = listen(path)
        errors = []
        for audio in ("provided", "own"):
            try:
                _check_waveform(load(path, audio))
            except ValueError as error:
                errors.append(error)
        ensure(len(errors) < 2 or str(path) in str(errors[-1]), f"the message does not name the file: {errors}")
        if isinstance(heard, str):
            ensure("\n" not in heard and len(heard) < 500, f"heard {heard!r}")
        for part in read_parts(path, 0.05):
            ensure(0 <= part.start <= part.end, f"a part from {part.start} to {part.end} s")
            if not part.fault:
                _check_waveform(part.waveform)
        if errors:
            raise errors[-1]
    return act


@target(lambda: st.tuples(st.sampled_from(LOSSLESS).flatmap(
    lambda form: false_lengths(subjects.encoded(*form)).map(lambda damaged: (form, damaged))),
    st.sampled_from(SUFFIXES)))
def false_headers(found, folder: Path) -> Action:
    """A recording whose header is wrong about its length is heard as it is, is refused, or what is odd is said."""
    (form, damaged), suffix = found
    sound, path = folder.parent / "sound", folder / f"burst{suffix}"
    sound.write_bytes(subjects.encoded(*form))
    path.write_bytes(damaged.data)

    def act():
        notes: list[str] = []
        waveform = load(path, "provided", notes.append)
        same = np.array_equal(waveform, load(sound, "provided"))
        ensure(same or bool(notes), f"{len(waveform)} other samples than the recording's, and not a word")
    return act


def _check_waveform(waveform: np.ndarray) -> None:
    right = waveform.dtype == np.float32 and waveform.ndim == 1 and len(waveform) >= SHORTEST
    ensure(right and bool(np.isfinite(waveform).all()), f"{waveform.dtype} {waveform.shape}, finite or not")


def _store_edits() -> st.SearchStrategy:
    folder = next(subjects.store().iterdir())
    return st.sampled_from(sorted(p.name for p in folder.iterdir())).flatmap(
        lambda name: damage((folder / name).read_bytes(), (b"nan", b"-1", b"\n", b",", b'"', b"99999999999")).map(
            lambda damaged: (name, damaged)))


@target(_store_edits)
def stores(found, folder: Path) -> Action:
    """A damaged store is named, or made again, and never gives other samples than the recordings'."""
    from burst2vec.audio.store import open_store

    name, damaged = found
    original = next(subjects.store().iterdir())
    cache = folder.parent / "cache"  # made again beside what is judged, as that leaves files
    subjects.copied(original, cache / original.name)
    (cache / original.name / name).write_bytes(damaged.data)

    def act():
        opened = open_store(subjects.corpus(), "provided", cache)
        whole = open_store(subjects.corpus(), "provided", subjects.store())
        for row in range(len(whole)):
            ensure(np.array_equal(opened[row], whole[row]), "other samples than the recording's")
    return act
