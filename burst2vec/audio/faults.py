"""What can be wrong with a recording: measures, thresholds and words, the same for every command.

A recording with a grave fault is refused by `check`, by the preparation of a corpus and by prediction. Everything else
that is odd is noted. Silence is judged by what a model hears: the mean of the channels, without its offset.

Conventions: full scale is at 1.0; levels are in dB re full scale; a frame is one sample of each channel.
"""

from __future__ import annotations

import math

import numpy as np

SAMPLE_RATE = 16_000
"""The rate in Hz at which every backbone here was trained, and to which recordings are resampled."""

RATES = (1_000, 768_000)
"""The lowest and the highest sample rate in Hz that a recording of a voice may have."""

SHORTEST = 400
"""The fewest samples at 16 kHz that a burst may have: 25 ms, one frame of a wav2vec 2.0 feature encoder."""

LONGEST = 60.0
"""The duration in seconds above which a recording holds more than a burst, which is noted."""

EARLY = 0.1
"""By how many seconds a recording may end earlier than its header says. Compressed formats round to whole packets."""

RESIDUE = -60.0
"""The level in dB, relative to the channels, below which their mean is only what rounding has left of it."""

ROUNDING = -90.0
"""The level in dB of the noise that rounding to 16 bits makes, dither included. A mean that lies below it, and by
`SOFTER` below the channels, is such noise, too."""

SOFTER = -20.0
"""The level in dB of the mean of the channels, relative to the channels, below which it is noted that they nearly
cancel."""

QUIETEST = -60.0
"""The peak in dB below which a recording holds little but the noise of its recorder, which is noted."""

INAUDIBLE = -190.0
"""The peak in dB below which a recording is silent. Integers of 32 bits cannot be as small."""

LOUDEST = 190.0
"""The peak in dB above which samples are no sound. Integers of 32 bits that were stored as floats come close to it."""

DROWNED = 0.005
"""The duration in seconds for which a recording must come within 16 bits, 96 dB, of its peak. Otherwise it is a click
and, since it is stored as 16-bit integers scaled to the peak, silence."""

CLIPPED = 1e-3
"""The share of samples that are cut off (`cut_off`) from which on a recording is noted to be clipped."""

FLAT = 0.5
"""The peak below which no sample counts as cut off."""

LEFT_OVER = 256
"""The number of bytes behind a recording's end above which they are noted."""

HOLLOW = 16_384
"""The size in bytes above which a file whose header says that it holds no samples is not merely empty."""

NO_BYTES = "empty; it holds no bytes"
"""What is said of an empty file."""

ABSENT = "there is no such recording"
"""What is said of a path that leads to no file."""

DAMAGED = "damaged; its checksum is of other samples"
"""What is said of samples that the checksum in their file does not fit."""

TOO_LONG = "too long for this machine's memory"
"""What is said of a recording that does not fit into memory."""


class AudioError(ValueError):
    """A recording that cannot be used. The message names the file and what would be right."""


def not_audio(why: str) -> str:
    """What is said of a file that the decoder cannot read, with the reason `why` that it gives."""
    return (f"not readable as audio ({why}); expected WAV, FLAC, OGG or MP3. Other formats are made readable by "
            "burst2vec convert FOLDER")


def wrong_rate(rate: int) -> str:
    """What is said of a sample rate in Hz outside `RATES`."""
    return f"sampled at {rate} Hz; expected {RATES[0]} to {RATES[1]} Hz"


class Meter:
    """Measures a recording while its blocks pass by, and says what is wrong with it.

    `floating` says whether its samples are stored in floating point, in which those beyond full scale are usual. What
    the samples do not show is set by whoever knows it: `missing` is the number of frames that the header promises
    beyond those that there are, `unread` the number of bytes that are left over behind them, and `contradiction` what
    in the header contradicts what else is in it.
    """

    def __init__(self, rate: int, channels: int, floating: bool = True):
        self.rate, self.channels = rate, channels
        self.frames = self.missing = self.unread = 0
        self.contradiction = ""
        self._ceiling, self._cut_off = (math.inf if floating else 1.0), 0
        self._means = self._squares = np.zeros(1)  # of the mean of the channels, then of how they differ from it
        self._low, self._high = math.inf, -math.inf
        self._loud: list[tuple[float, int]] = []  # each block's peak, and its samples that come within 16 bits of that

    @property
    def seconds(self) -> float:
        """The duration in seconds so far."""
        return self.frames / self.rate

    def hear(self, block: np.ndarray, mono: np.ndarray) -> None:
        """Takes in a block (frames, channels) and the mean of its channels (frames,)."""
        if not len(mono):
            return
        apart = range({1: 0, 2: 1}.get(self.channels, self.channels))  # two differ from their mean by the same
        with np.errstate(invalid="ignore", over="ignore"):
            self._add([mono, *(block[:, channel] - mono for channel in apart)])
            low, high = mono.min(), mono.max()
            self._low, self._high = np.minimum(self._low, low), np.maximum(self._high, high)  # of which NaN stays
            self._loud.append(_loud(mono, float(max(high, -low))))
            self._cut_off += cut_off(block, self._ceiling)

    def _add(self, signals: list[np.ndarray]) -> None:
        """Takes the signals (samples,) into their means and sums of squares about these (Chan et al., 1983)."""
        size, means = len(signals[0]), [signal.mean() for signal in signals]
        centred = [signal - mean for signal, mean in zip(signals, means, strict=True)]
        squares = np.array([np.einsum("i,i->", signal, signal) for signal in centred], np.float64)  # @ wakes threads
        step, whole = means - self._means, self.frames + size
        self._squares = self._squares + squares + step ** 2 * self.frames * size / whole
        self._means = self._means + step * size / whole
        self.frames = whole

    def grave(self) -> str:
        """What makes the recording unusable; an empty text where it can be used."""
        samples = math.ceil(self.frames * SAMPLE_RATE / self.rate)
        if not self.frames:
            return (f"its header says that it holds no samples, but {_bytes(self.unread)} follow"
                    if self.unread > HOLLOW else "empty; it holds no samples")
        if not RATES[0] <= self.rate <= RATES[1]:
            return wrong_rate(self.rate)
        if samples < SHORTEST:
            return (f"{1000 * self.seconds:.1f} ms long; expected {SHORTEST / SAMPLE_RATE * 1000:.0f} ms or more")
        if not (math.isfinite(self._low) and math.isfinite(self._high)):
            return "holds samples that are not finite numbers"
        if self.peak > LOUDEST:
            return f"holds samples far above full scale; its peak is {self.peak:.0f} dB"
        if not np.isfinite(self._squares).all():
            return "its channels hold samples far above full scale"
        return self._silence() or self._click()

    def notes(self) -> tuple[str, ...]:
        """What is odd about a recording that can be used."""
        mixed = self._mixed - self._channels
        notes = {
            self.incomplete(): bool(self.incomplete()),
            f"its header contradicts itself; {self.contradiction}": bool(self.contradiction) and not self.incomplete(),
            f"nearly silent; its peak is {self.peak:.0f} dB": self.peak < QUIETEST,
            f"its channels nearly cancel; their mean is {-mixed:.0f} dB softer than they are": mixed < SOFTER,
            f"clipped; {self.clipped:.1%} of its samples are cut off": self.clipped >= CLIPPED,
            f"{self.seconds:.0f} s long; bursts last seconds": self.seconds > LONGEST}
        return tuple(note for note, applies in notes.items() if applies)

    def incomplete(self) -> str:
        """What is said of a recording of which some is missing or was not read; an empty text for others."""
        if self.missing / self.rate > EARLY:
            promised = self.seconds + self.missing / self.rate
            return f"ends after {self.seconds:.1f} s where its header says {promised:.1f} s"
        if self.unread > LEFT_OVER:
            return f"only its first {self.seconds:.1f} s can be read; {_bytes(self.unread)} follow"
        return ""

    @property
    def clipped(self) -> float:
        """The share of the samples that are cut off; see `cut_off`."""
        return self._cut_off / max(1, self.frames * self.channels)

    @property
    def peak(self) -> float:
        """The peak in dB of the mean of the channels without its offset."""
        return 2 * _decibels(max(self._high - self._means[0], self._means[0] - self._low))

    @property
    def _mixed(self) -> float:
        """The level in dB of the mean of the channels without its offset."""
        return _decibels(self._squares[0] / self.frames)

    @property
    def _channels(self) -> float:
        """The level in dB of the channels without their offsets."""
        return _decibels((self._squares[0] + self._squares[1:].sum() / max(1, len(self._squares) - 1)) / self.frames)

    def _silence(self) -> str:
        offsets = _decibels(self._means[0] ** 2 + (self._means[1:] ** 2).sum() / max(1, len(self._means) - 1))
        if max(self._channels, offsets) == -math.inf:
            return "silent; every sample is zero"
        constant = _is_residue(self._channels, offsets)
        if constant and not _is_residue(_decibels(self._means[0] ** 2), offsets):
            return f"silent but for its offset of {self._means[0]:.2g}"
        if constant or _is_residue(self._mixed, self._channels):
            return "silent; its channels cancel out"
        return f"silent; its peak is {self.peak:.0f} dB" if self.peak < INAUDIBLE else ""

    def _click(self) -> str:
        peak = max(peak for peak, _ in self._loud)
        loud = sum(count for block, count in self._loud if block > peak / 2 ** 16) / self.rate
        return (f"nothing but a click; only {1000 * loud:.1f} ms of it come within 96 dB of its peak"
                if loud < DROWNED else "")


def cut_off(block: np.ndarray, ceiling: float = math.inf) -> int:
    """How many samples of a block (frames, channels) are cut off.

    A sample counts as cut off when it and the next both stand at the highest level of their channel, or both at the
    lowest, as on the flat top that clipping leaves, also when it was softened afterwards, or both at or beyond the
    `ceiling`, as a lossy format makes of a flat top. Bursts that were never clipped hardly have two such samples. Below
    `FLAT` none counts: there, the levels of a 16-bit file are coarse enough for flat tops of their own.
    """
    if block.max() < FLAT and block.min() > -FLAT:  # as most are
        return 0
    part = np.ascontiguousarray(block.T)  # (channels, samples), which NumPy reduces many times faster
    return _flat_top(part, ceiling) + _flat_top(-part, ceiling)


def _flat_top(part: np.ndarray, ceiling: float) -> int:
    top = part.max(axis=1, keepdims=True)
    cut = (top >= FLAT) & (top > part.min(axis=1, keepdims=True))  # a channel that is constant holds an offset alone
    if not cut.any():
        return 0
    high = (part >= np.minimum(top, ceiling)) & cut
    return int(np.count_nonzero(high[:, 1:] & high[:, :-1]))


def _loud(mono: np.ndarray, peak: float) -> tuple[float, int]:
    """The peak of a block, and how many of its samples come within 16 bits of it."""
    return peak, int(np.count_nonzero(np.abs(mono) > peak / 2 ** 16))


def _is_residue(level: float, reference: float) -> bool:
    """Whether what is left of channels of the level `reference` is nothing but what rounding left."""
    return level < reference + RESIDUE or (level < ROUNDING and level < reference + SOFTER)


def _bytes(number: int) -> str:
    return f"{number / 1000:.0f} kB" if number >= 1000 else f"{number} bytes"


def _decibels(power: float) -> float:
    return 10 * math.log10(power) if power > 0 else -math.inf
