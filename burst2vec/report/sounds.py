"""Sounds within a page: whose may be there, and small encodings of them that a browser plays when asked to."""

from __future__ import annotations

import base64
import io

import numpy as np
import soundfile
from IPython.display import Markdown, display

from burst2vec.audio.faults import SAMPLE_RATE
from burst2vec.corpora.corpus import Corpus

PEAK = 0.75
"""The peak amplitude before compression, which lets a sharp beginning overshoot by a seventh; full scale is 1."""

COMPRESSION = 0.9
"""How far MP3 is compressed, from 0 to 1: about 33 kbit/s at 16 kHz, a tenth of what 16-bit samples take."""


def may_be_heard(corpus: Corpus, asked: bool = False) -> bool:
    """Whether the sounds of a corpus may be part of a page; displays a sentence where they may not.

    Those that the project synthesises may. Recordings of people may where they were `asked` for: a page can be passed
    on, and not every corpus may be.
    """
    allowed = corpus.wholly_synthetic or asked
    if not allowed:
        display(Markdown("Recordings of people are not made part of a page unless `play_recordings` asks for that, "
                         "because the licence of a corpus may forbid passing them on: there is nothing to hear here."))
    return allowed


def encode(waveform: np.ndarray, lossless: bool = False) -> str:
    """A waveform (samples,) at 16 kHz as the `data:` address of an MP3, which every browser plays.

    `lossless` makes it a FLAC of 16-bit samples, some seven times as large, where distortion is what is to be heard. It
    is scaled to a peak of `PEAK`, so that nothing clips. The same sound gives the same address.
    """
    samples = np.asarray(waveform, np.float32)
    samples = samples * (PEAK / max(float(np.abs(samples).max(initial=0)), 1e-9))
    form, kind, options = ("FLAC", "flac", {"subtype": "PCM_16"}) if lossless else (
        "MP3", "mpeg", {"subtype": "MPEG_LAYER_III", "compression_level": COMPRESSION})
    with io.BytesIO() as file:
        soundfile.write(file, samples, SAMPLE_RATE, format=form, **options)
        return f"data:audio/{kind};base64,{base64.b64encode(file.getvalue()).decode()}"
