"""What is wrong with a recording is judged by the mean of its channels without its offset, and said by all alike."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from burst2vec.audio.faults import Meter
from burst2vec.audio.waveform import AudioError, load, mix, read_parts
from burst2vec.inspection.listening import listen

RNG = np.random.default_rng(0)
TIME = np.arange(32_000) / 16_000
BURST = 0.4 * np.sin(2 * np.pi * 300 * TIME) * np.hanning(len(TIME)) + 1e-3 * RNG.normal(size=len(TIME))
FLAT = np.ones(len(TIME))


def noise(level):
    return 10 ** (level / 20) * RNG.normal(size=len(TIME))


def rounded(waveform):
    """A waveform in the steps of 16 bits, with the dither of a studio."""
    return np.round(32768 * waveform + RNG.uniform(-1, 1, waveform.shape)) / 32768


def with_spikes(waveform, value, places=(9_000,)):
    spiky = waveform.copy()
    spiky[list(places)] = value
    return spiky


def stereo(*channels):
    return np.stack(channels, 1)


GRAVE = {
    "inverted": (stereo(BURST, -BURST), "silent; its channels cancel out"),
    "inverted with dither": (rounded(stereo(BURST, -BURST)), "silent; its channels cancel out"),
    "inverted, soft, with dither": (rounded(stereo(0.02 * BURST, -0.02 * BURST)), "silent; its channels cancel out"),
    "inverted beside an offset": (stereo(BURST + 0.1, 0.1 - BURST), "silent; its channels cancel out"),
    "three channels that cancel": (stereo(BURST, BURST, -2 * BURST), "silent; its channels cancel out"),
    "an offset": (0.1 * FLAT, "silent but for its offset of 0.1"),
    "full scale for ever": (-FLAT, "silent but for its offset of -1"),
    "an offset with dither": (rounded(0.1 * FLAT), "silent but for its offset of 0.1"),
    "a small offset with dither": (rounded(0.005 * FLAT), "silent but for its offset of 0.005"),
    "an offset of either channel": (stereo(0.1 * FLAT, -0.3 * FLAT), "silent but for its offset of -0.1"),
    "offsets that cancel": (stereo(0.1 * FLAT, -0.1 * FLAT), "silent; its channels cancel out"),
    "zeros": (0 * FLAT, "silent; every sample is zero"),
    "softer than numbers of 32 bits": (1e-12 * BURST, "silent; its peak is -248 dB"),
    "a spike of 1e30": (with_spikes(BURST, 1e30), "holds samples far above full scale; its peak is 600 dB"),
    "a spike of -1e30": (with_spikes(BURST, -1e30), "holds samples far above full scale; its peak is 600 dB"),
    "1e30 throughout": (1e30 * BURST, "holds samples far above full scale; its peak is 592 dB"),
    "spikes in a channel": (stereo(with_spikes(BURST, 1e30), BURST), "holds samples far above full scale; its peak"),
    "spikes that cancel": (stereo(with_spikes(BURST, 1e30), with_spikes(BURST, -1e30)),
                           "its channels hold samples far above full scale"),
    "a spike of 1e6": (with_spikes(BURST, 1e6), "nothing but a click; only 0.1 ms of it come within 96 dB of its peak"),
    "several spikes": (with_spikes(BURST, 1e8, range(9_000, 9_020)), "nothing but a click; only 1.2 ms of it come"),
    "a spike in silence": (with_spikes(0 * FLAT, 0.5), "nothing but a click; only 0.1 ms of it come within 96 dB"),
    "no number": (with_spikes(BURST, np.nan), "holds samples that are not finite numbers"),
    "no number in a channel": (stereo(BURST, with_spikes(BURST, np.inf)), "holds samples that are not finite numbers"),
    "more than a number holds": (stereo(*[with_spikes(BURST, 3e38)] * 2), "holds samples that are not finite numbers"),
}

NOTED = {
    "inverted at 98 %": (stereo(BURST, -0.98 * BURST),
                         "its channels nearly cancel; their mean is 40 dB softer than they are"),
    "soft": (1e-4 * BURST, "nearly silent; its peak is -88 dB"),
    "soft beside an offset": (1e-3 * BURST + 0.1, "nearly silent; its peak is -68 dB"),
}

RIGHT = {
    "one channel is silent": stereo(BURST, 0 * BURST),
    "a channel with an offset": stereo(BURST, 0 * BURST + 0.3),
    "a channel with a large offset": stereo(BURST, 0 * BURST - 0.9),
    "wide stereo": stereo(BURST, noise(-20)),
    "a burst beside an offset": 0.01 * BURST + 0.5,
    "samples of integers": 32_768 * BURST,
    "samples of integers of 32 bits": 2.0 ** 31 * BURST,
    "a burst with clicks": with_spikes(BURST, 1.0, (5, 9_000)),
    "a short burst in silence": np.r_[np.zeros(30_000), BURST[15_000:15_400], np.zeros(30_000)],
    "three channels": stereo(BURST, 0.5 * BURST, 0 * BURST),
}


@pytest.fixture
def keep(tmp_path):
    """A function that writes a waveform in floating point and returns its path."""
    def keep(waveform):
        soundfile.write(tmp_path / "burst.wav", waveform.astype(np.float32), 16_000, subtype="FLOAT")
        return tmp_path / "burst.wav"
    return keep


@pytest.mark.parametrize("audio", ["own", "provided"])
@pytest.mark.parametrize(("waveform", "words"), GRAVE.values(), ids=GRAVE)
def test_what_makes_a_recording_unusable_is_said_by_all_in_the_same_words(keep, waveform, words, audio):
    path = keep(waveform)
    assert listen(path).fault.startswith(words) and listen(path).notes == ()
    with pytest.raises(AudioError) as error:
        load(path, audio)
    assert str(error.value).startswith(f"{path}: {words}")
    (part,) = read_parts(path, 9)
    assert part.fault.startswith(words)


@pytest.mark.parametrize(("waveform", "words"), NOTED.values(), ids=NOTED)
def test_what_is_odd_is_noted_and_used(keep, waveform, words):
    path = keep(waveform)
    assert (listen(path).fault, listen(path).notes) == ("", (words,))
    assert len(load(path, "own")) == len(next(read_parts(path, 9)).waveform) == len(TIME)


@pytest.mark.parametrize("waveform", RIGHT.values(), ids=RIGHT)
def test_what_is_right_is_not_mentioned(keep, waveform):
    path = keep(waveform)
    assert (listen(path).fault, listen(path).notes) == ("", ())
    assert np.isfinite(load(path, "own")).all() and not next(read_parts(path, 9)).fault


@pytest.mark.parametrize("form", ["MP3", "FLAC", "AIFF"])
def test_channels_cancel_in_any_format(tmp_path, form):
    soundfile.write(tmp_path / "burst", stereo(BURST, -BURST), 48_000, format=form)
    assert listen(tmp_path / "burst").fault == "silent; its channels cancel out"


@pytest.mark.parametrize("waveform", [BURST[:, None], stereo(BURST, noise(-30) + 0.1), 0.1 * FLAT[:, None],
                                      stereo(BURST, -0.98 * BURST, 0 * BURST)])
def test_nothing_depends_on_the_blocks_in_which_a_recording_is_heard(waveform):
    said = set()
    for size in (32_000, 10_000, 777):
        meter = Meter(16_000, waveform.shape[1])
        for start in range(0, len(waveform), size):
            block = waveform[start:start + size].astype(np.float32)
            meter.hear(block, mix(block))
        said.add(meter.grave() or tuple(meter.notes()))
    assert len(said) == 1
