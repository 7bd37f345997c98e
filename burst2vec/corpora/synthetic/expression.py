"""What a burst of the synthetic corpus should sound like: from emotions, speaker and country to parameters of sound.

Emotions give the burst its character. The speaker gives it sex, register and vocal-tract length, and the speaker's
country gives it habits of articulation and of equipment. Age is almost inaudible, as it is in adults of 20 to 40 years.
None of this says anything about people: the numbers are chosen so that there is something to learn and a bias to find.
"""

from __future__ import annotations

import functools
import io

import numpy as np
import pandas as pd

from burst2vec.corpora.readers.exvo import COUNTRIES, EMOTIONS
from burst2vec.corpora.synthetic.sourcefilter import Sound

_MELODY = """
emotion,    f0_m,f0_f,duration_m,duration_f,rate,duty,voicing,gasp,rise,fall,peak,drift,wander,tremor
Amusement,   345, 640,      2.00,      2.30, 4.1, .60,    .76, .00, 1.0, 5.0, .25, -5.0,   1.2,    .0
Sadness,     300, 560,      2.80,      3.50, 2.0, .66,    .74, .00, 1.5, 5.0, .30, -4.0,   1.2,    .5
Fear,        650,1850,      1.45,      0.85, 0.7, .95,    .74, .00, 9.0, 4.0, .35, -1.0,   1.5,    .0
Horror,      480, 950,      1.45,      1.25, 0.8, .95,    .74, .20, 2.0, 8.0, .30, -2.0,   1.2,    .0
Distress,    400, 600,      1.55,      1.55, 0.7, .90,    .76, .00, 2.0, 4.0, .20, -2.0,   1.0,    .2
Excitement,  600, 980,      2.20,      2.60, 0.6, .88,    .76, .00, 8.0, 4.0, .60,  3.0,   1.0,    .0
Awe,         180, 420,      2.40,      4.20, 0.6, .80,    .54, .00, 2.5, 4.0, .35,  0.0,   0.6,    .0
Awkwardness, 160, 290,      0.95,      0.95, 2.4, .65,    .78, .00, 0.5, 1.0, .50, -1.0,   0.5,    .0
Triumph,     750,1000,      1.90,      2.00, 0.5, .95,    .82, .00, 7.0, 3.0, .30,  1.0,   1.0,    .0
Surprise,    290, 500,      0.80,      0.90, 1.0, .90,    .72, .22,10.0, 1.0, .85,  0.0,   0.6,    .0
"""
_COLOUR = """
emotion,     rough, subharmonics, breath, tilt, openness, frontness, glide
Amusement,     .05,          .05,    -25,    9,     1.15,      1.00,    .0
Sadness,       .10,          .08,    -26,   11,     1.00,      1.10,    .2
Fear,          .65,          .10,    -25,    6,     1.35,      1.10,    .0
Horror,        .75,          .35,    -19,    7,     1.40,      0.90,    .0
Distress,      .30,          .20,    -26,    7,     1.10,      0.90,    .0
Excitement,    .05,          .00,    -28,    7,     0.85,      1.35,    .0
Awe,           .00,          .00,    -26,   12,     1.05,      0.70,    .9
Awkwardness,   .00,          .15,    -31,   12,     0.75,      1.00,    .0
Triumph,       .20,          .05,    -25,    5,     1.45,      1.15,    .2
Surprise,      .00,          .00,    -23,   10,     1.00,      0.75,    .1
"""
EMOTION_SOUNDS = pd.concat(
    [pd.read_csv(io.StringIO(part), skipinitialspace=True, index_col="emotion") for part in (_MELODY, _COLOUR)],
    axis=1,
).loc[list(EMOTIONS)]
"""The typical parameters of a `Sound` (columns) for each emotion (rows), by sex where they differ.

Amusement laughs, Sadness cries, Fear screams, Horror screams more roughly after a gasp, Distress cries in pain,
Excitement cries with joy, Awe moans with pleasure and Triumph shouts, all close to the medians of Anikin & Persson
(2017). Awkwardness is a short, low hesitation, and Surprise a gasp with a rising "oh".
"""

ACCENTS = pd.DataFrame({
    "openness":  [-0.08, 0.08, 0.00, 0.03],
    "frontness": [0.07, -0.08, -0.02, 0.08],
    "rate":      [0.10, -0.15, 0.00, 0.15],
    "fall":      [-2.0, 1.0, 0.0, 2.0],
    "breath":    [-2.5, 3.0, 0.0, 1.5],
    "slope":     [1.3, -1.3, 0.4, -0.6],
    "noise":     [-52.0, -43.0, -54.0, -38.0],
}, index=list(COUNTRIES))
"""The mean habits of the speakers of each country (rows).

They are natural logarithms of factors for the first two formants (`openness`, `frontness`) and the `rate` of syllables,
the final `fall` of the pitch in semitones, and the `breath` in dB; and of the speakers' equipment the spectral `slope`
in dB an octave and the background `noise` in dB re the burst's level.
"""

ACCENT_SPREAD = {
    "openness": 0.05, "frontness": 0.05, "rate": 0.10, "fall": 1.5, "breath": 2.0, "slope": 0.6, "noise": 4.0,
}
"""The standard deviations of these habits among the speakers of one country."""

GENERATIONS = {"openness": 0.4, "frontness": -0.3}
"""By how much these habits differ at 40 years from those at 20, where age is to be audible: more than in any people."""

LOGARITHMIC = ["f0", "duration", "rate", "openness", "frontness"]
"""The parameters that are mixed, and that vary, on a logarithmic scale."""

CLIP_SPREAD = {"duration": 0.28, "rate": 0.12, "openness": 0.06, "frontness": 0.06}
"""The standard deviations, on that scale, among the clips of one speaker and emotion."""


def habits_of(country: str, voice: np.random.Generator) -> dict[str, float]:
    """One speaker's habits by the names of `ACCENT_SPREAD`, drawn from `voice`."""
    return {name: voice.normal(ACCENTS.at[country, name], spread) for name, spread in ACCENT_SPREAD.items()}


def sound_of(
    intended: np.ndarray, sex: str, age: float, habits: dict[str, float],
    rng: np.random.Generator, voice: np.random.Generator, articulation: float = 0.0,
) -> Sound:
    """The sound of a burst of the `intended` intensities (emotions,) by a speaker of that sex, age and habits.

    `rng` draws what is particular to the burst, `voice` what all bursts of its speaker share. `articulation` is the
    share of `GENERATIONS` by which the speaker's age is heard.
    """
    p, ageing = mixed_sound(intended, sex), (age - 20) / 20
    register = voice.normal(-ageing if sex == "f" else 0.0, 2.0) + rng.normal(0, 2.5)
    tract = voice.normal(17.5 if sex == "m" else 14.5, 0.5)
    if articulation:
        habits = habits | {name: habits[name] + articulation * ageing * GENERATIONS[name] for name in GENERATIONS}
    for name, spread in CLIP_SPREAD.items():
        p[name] *= np.exp(rng.normal(habits.get(name, 0.0), spread))
    return Sound(
        duration=np.clip(p["duration"], 0.3, 6.0), f0=p["f0"] * 2 ** (register / 12),
        rise=p["rise"] * rng.uniform(0.7, 1.3), fall=p["fall"] * rng.uniform(0.7, 1.3) + habits["fall"],
        peak=np.clip(p["peak"] + rng.normal(0, 0.06), 0.1, 0.9), drift=p["drift"] + rng.normal(0, 1.0),
        wander=p["wander"], tremor=p["tremor"], rate=p["rate"], gasp=p["gasp"], decay=rng.uniform(2, 8),
        duty=np.clip(p["duty"] + rng.normal(0, 0.03), 0.5, 1.0),
        voicing=np.clip(p["voicing"] + rng.normal(0, 0.05), 0.3, 1.0),
        rough=np.clip(p["rough"] + rng.normal(0, 0.08), 0, 0.9), rough_rate=rng.uniform(35, 130),
        subharmonics=np.clip(p["subharmonics"] + rng.normal(0, 0.05), 0, 0.9),
        jitter=0.008 * (1 + 0.25 * ageing) * np.exp(rng.normal(0, 0.3)),
        shimmer=0.06 * np.exp(rng.normal(0, 0.3)),
        breath=p["breath"] + habits["breath"] + rng.normal(0, 2.0), tilt=p["tilt"] + rng.normal(0, 0.7),
        tract=tract, openness=p["openness"], frontness=p["frontness"], glide=p["glide"],
    )


def mixed_sound(intended: np.ndarray, sex: str) -> dict[str, float]:
    """The typical parameters for the `intended` intensities (emotions,).

    They are the mean over the emotions, weighted by the squared intensities, so that the strongest emotion gives the
    burst its character.
    """
    sounds = _sounds(sex)
    weights = intended**2 / np.sum(intended**2)
    mixed = (sounds.to_numpy() * weights[:, None]).sum(axis=0)
    return {n: float(np.exp(v) if n in LOGARITHMIC else v) for n, v in zip(sounds, mixed, strict=True)}


@functools.cache
def _sounds(sex: str) -> pd.DataFrame:
    """`EMOTION_SOUNDS` (emotions, parameters) for one sex, with logarithms of the parameters in `LOGARITHMIC`."""
    own = EMOTION_SOUNDS.rename(columns={f"f0_{sex}": "f0", f"duration_{sex}": "duration"})
    own = own.drop(columns=[name for name in own if name.endswith(("_m", "_f"))])
    return own.assign(**{name: np.log(own[name]) for name in LOGARITHMIC})
