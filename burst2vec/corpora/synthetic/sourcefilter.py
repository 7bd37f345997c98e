"""A vocal burst from a handful of numbers: the source-filter model of the voice.

The *source* is a glottal wave, whose harmonics fall by about 9 dB an octave, together with a branch of breath noise.
Jitter and shimmer disturb its cycles, episodes of subharmonics double its period, and an amplitude modulation of
30-150 Hz makes screams rough. The *filter* is the vocal tract, a tube that is closed at the glottis, with formants at
the odd quarter wavelengths, followed by the lips, which add 6 dB an octave.

Conventions: frequencies are in Hz, times in seconds, pitch movements in semitones, levels in dB. Waveforms are float64
arrays (samples,).

Sources: Fant (1960); Klatt (1980); the ranges of the parameters follow the measurements of Anikin & Persson (2017).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft, rfftfreq
from scipy.signal import sosfilt

SPEED_OF_SOUND = 35_400.0
"""The speed of sound in warm, humid air, in cm/s."""

LIP_RADIATION = 6.0
"""The spectral slope that radiation from the lips adds, in dB an octave."""

VIBRATO_RATE = 6.0
"""The rate of a vibrato in Hz."""

EPISODES_PER_SECOND = 8.0
"""How often in a second a voice may fall into, or out of, period doubling."""

CONTROL_RATE = 4000
"""The number of points in a second at which pitch and loudness are drawn."""


@dataclass(frozen=True)
class Sound:
    """What one burst should sound like."""

    duration: float  # from the first sound to the last, s
    f0: float  # mean fundamental frequency, Hz
    rise: float  # pitch movement from the onset of a syllable up to its peak, semitones
    fall: float  # pitch movement from the peak down to the end of the syllable, semitones
    peak: float  # where in the syllable the peak is, 0 to 1
    drift: float  # pitch movement from the first syllable to the last, semitones
    wander: float  # slow, random pitch movement, semitones (standard deviation)
    tremor: float  # depth of a vibrato, semitones
    rate: float  # syllables a second
    duty: float  # share of a syllable's period that sounds; the rest is a pause
    voicing: float  # share of a sounding syllable that is voiced; the rest is breath before and after
    gasp: float  # share of the duration that is an unvoiced gasp before the first syllable
    decay: float  # how much quieter the last syllable is than the first, dB
    rough: float  # depth of the amplitude modulation, 0 to 1
    rough_rate: float  # frequency of the amplitude modulation, Hz
    subharmonics: float  # share of the time with period doubling, 0 to 1
    jitter: float  # random deviation of the cycles' lengths, relative (standard deviation)
    shimmer: float  # random deviation of the cycles' amplitudes, relative (standard deviation)
    breath: float  # level of the breath noise up to 16 kHz against the voice, both at the glottis, dB
    tilt: float  # fall of the harmonics, dB an octave
    tract: float  # length of the vocal tract, cm
    openness: float  # first formant as a multiple of the neutral tube's: a wide jaw is above 1
    frontness: float  # second formant as a multiple of the neutral tube's: [i] is above 1, [u] below
    glide: float  # how far the mouth closes until the end, 0 to 1


def render(sound: Sound, sample_rate: int, rng: np.random.Generator, equipment: float = 0.0) -> np.ndarray:
    """The waveform of the sound (samples,), with an RMS of 1 and no silence before or after it.

    `equipment` is the slope, in dB an octave, that microphone and codec add to the spectrum.
    """
    samples = max(int(sound.duration * sample_rate), 2)
    voice, noise = np.zeros(samples), np.zeros(samples)
    for start, stop, gain, semitones, voiced in _syllables(sound, samples, rng):
        ramp = 0.05 + (1 - sound.voicing) * (stop - start) / sample_rate / 3
        noise[start:stop] = gain * _envelope(stop - start, sample_rate, attack=ramp, release=ramp)
        if voiced:
            begin, end = _voiced_part(start, stop, sound.voicing)
            voice[begin:end] = gain * _voice(sound, end - begin, semitones, sample_rate, rng)
    noise *= 10 ** (sound.breath / 20) * white_noise(samples, sample_rate, rng)
    burst = _spectral_slope(_mouth(voice + noise, sound, sample_rate), sample_rate, LIP_RADIATION + equipment)
    return burst / (np.sqrt(np.mean(burst**2)) + 1e-12)


def white_noise(samples: int, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Noise (samples,) with an RMS of 1 below 16 kHz, and with the same spectral density at every rate."""
    return rng.standard_normal(samples, dtype=np.float32) * np.sqrt(sample_rate / 32_000)


def formants(tract: float, highest: float) -> np.ndarray:
    """The resonances in Hz of a tube of `tract` cm, up to `highest` Hz: F_n = (2n - 1) c / 4L."""
    quarter = SPEED_OF_SOUND / (4 * tract)
    return quarter * np.arange(1, highest / quarter, 2)


def _spectral_slope(waveform: np.ndarray, sample_rate: int, slope: float) -> np.ndarray:
    """The waveform (samples,) tilted by `slope` dB an octave about 1 kHz, without frequencies below 60 Hz."""
    size = next_fast_len(len(waveform) + sample_rate // 50, real=True)
    frequency = rfftfreq(size, 1 / sample_rate)
    gain = (np.maximum(frequency, 60) / 1000) ** (slope / 20 / np.log10(2))
    gain *= np.clip((frequency - 40) / 20, 0, 1)
    return irfft(rfft(waveform, size) * gain, size)[: len(waveform)]


def _syllables(sound: Sound, samples: int, rng: np.random.Generator) -> list[tuple]:
    """Start, stop (samples), gain, pitch (semitones) and voicing of each syllable, the gasp first."""
    gasp = int(sound.gasp * samples) if sound.gasp > 0.08 else 0
    syllables = [(0, int(0.85 * gasp), 0.8, 0.0, False)] if gasp else []
    rest = samples - gasp
    count = max(int(round(rest / samples * sound.duration * sound.rate)), 1)
    widths = rng.uniform(0.85, 1.15, count)
    edges = gasp + np.concatenate([[0], np.cumsum(widths / widths.sum())]) * rest
    for number in range(count):
        along = number / (count - 1) - 0.5 if count > 1 else 0.0
        duty = sound.duty if number < count - 1 else 1.0
        length = max(int(duty * (edges[number + 1] - edges[number])), 2)
        gain = 10 ** (-sound.decay * (along + 0.5) / 20) * rng.uniform(0.75, 1.0)
        pitch = sound.drift * along + (rng.normal(0, 1.0) if count > 1 else 0.0)
        start = int(edges[number])
        syllables.append((start, min(start + length, samples), gain, pitch, True))
    return syllables


def _voiced_part(start: int, stop: int, voicing: float) -> tuple[int, int]:
    """Where voicing begins and ends: one third of the breath goes before it, two thirds after."""
    breath = int((1 - voicing) * (stop - start))
    return start + breath // 3, max(stop - breath + breath // 3, start + breath // 3 + 2)


def _voice(
    sound: Sound, samples: int, semitones: float, sample_rate: int, rng: np.random.Generator
) -> np.ndarray:
    """The glottal wave (samples,) of one syllable, whose pitch and loudness are interpolated from `CONTROL_RATE`."""
    points = int(samples / sample_rate * CONTROL_RATE) + 2
    time = np.arange(points) / CONTROL_RATE
    contour = semitones + _arc(sound, np.linspace(0, 1, points))
    contour += sound.wander * _noise(rng, points, 4.0)
    contour += sound.tremor * np.sin(2 * np.pi * (VIBRATO_RATE * time + rng.random()))
    f0 = sound.f0 * 2 ** (contour / 12) * (1 + sound.jitter * _noise(rng, points, sound.f0))
    f0 = np.clip(f0, 50.0, 2500.0)
    gain = _envelope(points, CONTROL_RATE, attack=0.04, release=0.08)
    gain *= 1 + sound.shimmer * _noise(rng, points, sound.f0)
    beat = sound.rough_rate * time + 0.1 * _noise(rng, points, 20.0)
    gain *= 1 - sound.rough * (0.5 + 0.5 * np.cos(2 * np.pi * beat))
    phase = np.cumsum(_stretch(f0, samples, CONTROL_RATE / sample_rate)) / sample_rate
    wave = _glottal_wave(phase, sound.tilt, int(0.45 * sample_rate / f0.max()))
    doubled = rng.random(int(time[-1] * EPISODES_PER_SECOND) + 2) < sound.subharmonics
    if doubled.any():
        episodes = _stretch(doubled, samples, EPISODES_PER_SECOND / sample_rate)
        wave *= 1 + 0.3 * episodes * np.cos(np.pi * phase)
    return wave * _stretch(gain, samples, CONTROL_RATE / sample_rate)


def _arc(sound: Sound, position: np.ndarray) -> np.ndarray:
    """Pitch (semitones, mean 0) along a syllable: up to its peak, then down, each half a cosine."""
    up = sound.rise * (np.cos(np.pi * np.clip(position / sound.peak, 0, 1)) + 1) / 2
    down = sound.fall * (1 - np.cos(np.pi * np.clip((position - sound.peak) / (1 - sound.peak), 0, 1))) / 2
    return np.mean(up + down) - (up + down)


def _glottal_wave(phase: np.ndarray, tilt: float, harmonics: int) -> np.ndarray:
    """A periodic wave (samples,) with an RMS of 1 and harmonic k at -tilt * log2(k) dB; `phase` is in cycles."""
    size = 4096
    number = np.arange(1, min(max(harmonics, 1), size // 8) + 1)
    spectrum = np.zeros(size // 2 + 1, complex)
    level = number ** (-tilt / 20 / np.log10(2))
    spectrum[1 : len(number) + 1] = -1j * level * np.exp(-0.5j * np.sqrt(number))
    table = irfft(spectrum, size)
    table /= np.sqrt(np.mean(table**2))
    return np.interp(phase % 1.0 * size, np.arange(size + 1), np.append(table, table[0]))


def _mouth(source: np.ndarray, sound: Sound, sample_rate: int) -> np.ndarray:
    """The source (samples,) through the vocal tract, which moves from an open to a closing mouth."""
    opened = sosfilt(_tract_filter(sound, sample_rate, sound.openness, sound.frontness), source)
    if sound.glide < 0.02:
        return opened
    lower, back = sound.openness * (1 - 0.4 * sound.glide), sound.frontness * (1 - 0.35 * sound.glide)
    closed = sosfilt(_tract_filter(sound, sample_rate, lower, back), source)
    moved = (1 - np.cos(np.pi * np.linspace(0, 1, len(source)))) / 2
    return (1 - moved) * opened + moved * closed


def _tract_filter(sound: Sound, sample_rate: int, openness: float, frontness: float) -> np.ndarray:
    """Cascade of resonators (sections, 6), each with a gain of 1 at 0 Hz (Klatt 1980).

    With resonators up to nearly half the sample rate, the response is that of a tube with all its formants.
    """
    centre = formants(sound.tract, 0.47 * sample_rate)
    centre[0] *= openness
    centre[1] = max(centre[1] * frontness, centre[0] + 250)
    centre[2] = max(centre[2] * frontness**0.3, centre[1] + 300)
    bandwidth = 80 + 0.07 * centre
    radius = np.exp(-np.pi * bandwidth / sample_rate)
    a1, a2 = -2 * radius * np.cos(2 * np.pi * centre / sample_rate), radius**2
    one, zero = np.ones_like(a1), np.zeros_like(a1)
    return np.stack([1 + a1 + a2, zero, zero, one, a1, a2], axis=1)


def _envelope(samples: int, sample_rate: int, attack: float, release: float) -> np.ndarray:
    """Loudness (samples,) of one syllable: a slow decay between cosine ramps, each at most half of it."""
    half = samples // 2
    rise, fall = min(int(attack * sample_rate), half), min(int(release * sample_rate), half)
    envelope = np.linspace(1.0, 0.7, samples)
    envelope[:rise] *= (1 - np.cos(np.pi * np.arange(rise) / max(rise, 1))) / 2
    envelope[samples - fall :] *= (1 + np.cos(np.pi * np.arange(1, fall + 1) / max(fall, 1))) / 2
    return envelope


def _noise(rng: np.random.Generator, points: int, rate: float) -> np.ndarray:
    """Noise (points,) at the control rate, with a variance of 1 at its `rate` knots a second."""
    return _stretch(rng.standard_normal(int(points / CONTROL_RATE * rate) + 2), points, rate / CONTROL_RATE)


def _stretch(knots: np.ndarray, samples: int, step: float) -> np.ndarray:
    """The knots interpolated linearly at `samples` places, which are `step` knots apart."""
    return np.interp(np.arange(samples) * step, np.arange(len(knots)), knots)
