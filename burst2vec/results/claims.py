"""The paper's section 5, sentence by sentence, as checks that a run's numbers decide.

A claim is a list of pairs of systems and a metric: in each pair the first is better than the second. The statistic of a
pair is that difference, in the metric's unit and turned so that above 0 supports the claim. Being on par is the same
with a `slack`: each of two systems is better than the other minus a margin, so that their difference lies within it.

Which systems a pair compares is fixed by the paper's sentence, never by the scores at hand. Asking "is the best system
better?" of noisy scores would find a best one even among equals, and find it too good. "V6 is best" is therefore six
pairs, V6 and each other variant, of which all must hold. The smallest of their differences, m, decides. As an
estimate it is too low where several nearly tie (the price of a minimum over noise); its interval allows for that:

* low is the smallest of the pairs' own lower bounds. The pair that is truly weakest has its bound at or above it, so no
  correction is needed to say that *all* pairs hold (the intersection-union test; for a claim of being on par, two
  one-sided tests).
* high is the smallest of upper bounds that hold for all k pairs at once (Bonferroni, 1 - 0.05 / 2k each), since to say
  that *some* pair fails is to pick the worst of k.

Some sentences are about pre-training: that it beats the baseline, or which pre-trained backbone is best. A run whose
backbones start from random weights cannot speak to them, however clear its intervals are, and its verdict on them is
*not tested*.

The interval holds the true m in at least 95 % of samples, as far as the pairs' own intervals do. It is of these trained
systems on other speakers; another seed would give other systems, of which `seeds` tells. The claims are judged one by
one, without correction for their number.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from burst2vec.evaluation.bootstrap import Replicates
from burst2vec.evaluation.metrics import s_mtl, sign
from burst2vec.results.ensembles import read_ensembles
from burst2vec.results.runs import VARIANTS

MARGIN = 0.005
"""How far apart two systems on par may be, in CCC, UAR or S_MTL. The paper gives no number: it calls 0.002 of S_MTL on
par, 0.001 a small improvement and 0.003 an increase. This is about one percent of its scores."""
PARTS = ("emo_ccc", "cou_uar", "age_mae")
NO_WEIGHTS = "no pre-trained weights in this run"


@dataclass(frozen=True)
class Claim:
    """A statement of the paper's section 5: the first system of each pair is better than the second on `metric`.

    `section` is the heading that it stands under, `statement` says it in our words. With a `slack` the first may be
    worse by as much. One that is `about_pretraining` takes variants that start from pre-trained weights.
    """

    name: str
    section: str
    statement: str
    metric: str
    pairs: tuple[tuple[str, str], ...]
    slack: float = 0.0
    about_pretraining: bool = False

    def statistic(self, scores: pd.DataFrame) -> pd.DataFrame:
        """How well each pair holds, (rows, pairs), from scores with columns (code, metric); above 0: it does."""
        found = {f"{a} over {b}": self.slack + sign(self.metric) * (scores[a, self.metric] - scores[b, self.metric])
                 for a, b in self.pairs}
        return pd.DataFrame(found)

    @property
    def systems(self) -> list[str]:
        """The codes that the pairs name, in their order."""
        return list(dict.fromkeys(itertools.chain(*self.pairs)))


def paper_claims(ensembles: Mapping[str, Sequence[str]] | None = None, margin: float = MARGIN) -> tuple[Claim, ...]:
    """Every statement of the paper's section 5, in its order.

    An ensemble's members are those of `params/ensembles.yaml` or the ones given; `margin` is how far apart systems on
    par may be. "Debiasing helps on the tasks that the variant without it is worse at" takes those tasks from the
    paper's own sentence before (V2 is best on country, V5 on emotion): picking each system's worst tasks by the scores
    at hand would find an improvement by chance alone.
    """
    ensembles = read_ensembles() if ensembles is None else ensembles
    return (*_pretraining(), *_backbones(margin), *_debiasing(margin), *_oversampling(), _preprocessing(),
            *_ensembling(ensembles))


def estimates_of(table: pd.DataFrame, split: str = "val") -> pd.Series:
    """The scores of one split of a Table 2 (measured or `published.read_published`), indexed by (code, metric).

    S_MTL is computed from its three parts where these are there: the three digits of the paper's own do not tell its
    ensembles A and B apart, those of the parts do.
    """
    rows = table[table["split"] == split].set_index("code")
    scores = rows.reindex(columns=[*PARTS, "s_mtl"]).astype(float)
    known = scores[list(PARTS)].notna().all(axis=1)
    scores.loc[known, "s_mtl"] = [s_mtl(*parts) for parts in scores.loc[known, list(PARTS)].to_numpy()]
    return scores.rename_axis(columns="metric").stack().dropna()


def ledger(claims: Sequence[Claim], scores: Replicates | pd.Series, random: Collection[str] = ()) -> pd.DataFrame:
    """One row for each claim: claim, verdict, estimate, low, high, metric, weakest, section, statement, note.

    From `scores` with replicates on resampled speakers a claim is *supported* where its 95 % interval lies above 0,
    *contradicted* where it lies below, else *undecided*. From a point, a series by (code, metric), the estimate alone
    decides, and the bounds are NaN. *not tested*: a system or its metric is absent, or the claim is about pre-training
    and a system of it is one of `random` (`random_backbones`), which keeps the estimate and the bounds; `note` says
    which. `weakest` is the pair that holds least.
    """
    found = pd.DataFrame([_judge(claim, scores) for claim in claims])
    untested = [claim.name for claim in claims if claim.about_pretraining and set(claim.systems) & set(random)]
    found.loc[found["claim"].isin(untested) & found["estimate"].notna(), ["verdict", "note"]] = "not tested", NO_WEIGHTS
    return found


def _judge(claim: Claim, scores: Replicates | pd.Series) -> dict[str, object]:
    row = {"claim": claim.name, "verdict": "not tested", "estimate": np.nan, "low": np.nan, "high": np.nan,
           "metric": claim.metric, "weakest": "", "section": claim.section, "statement": claim.statement, "note": ""}
    point = isinstance(scores, pd.Series)
    estimates = scores if point else scores.estimates
    absent = [code for code in claim.systems if pd.isna(estimates.get((code, claim.metric), np.nan))]
    if absent or not claim.pairs:
        return row | {"note": f"no {claim.metric} of {', '.join(absent)}" if absent else "no systems to compare"}
    pairs = claim.statistic(estimates.to_frame().T).iloc[0]
    row |= {"estimate": pairs.min(), "weakest": pairs.idxmin()}
    if point:
        return row | {"verdict": verdict(row["estimate"], row["estimate"]), "note": "a point, without interval"}
    low, high = interval(scores, claim.statistic(scores.replicates))
    return row | {"verdict": verdict(low, high), "low": low, "high": high}


def interval(resampled: Replicates, pairs: pd.DataFrame, level: float = 0.95) -> tuple[float, float]:
    """Bounds of the smallest of several true differences, from replicates of each, (resamples, pairs).

    For one pair this is `Replicates.interval`. See the head of this module for several.

    Source: Berger (1982) for the lower bound.
    """
    replicates, pairwise = pairs.to_numpy(), 1 - (1 - level) / pairs.shape[1]
    return (float(resampled.interval(replicates, level)[0].min()),
            float(resampled.interval(replicates, pairwise)[1].min()))


def verdict(low: float, high: float) -> str:
    """What an interval says: *supported* above 0, *contradicted* below, *undecided* where it holds 0."""
    return "supported" if low > 0 else "contradicted" if high < 0 else "undecided"


def _over(code: str, others: Iterable[str]) -> tuple[tuple[str, str], ...]:
    return tuple((code, other) for other in others if other != code)


def _pretraining() -> tuple[Claim, ...]:
    section = "Effect of Pre-trained Speech Representation Models"
    return (
        Claim("Pre-trained beats the baseline", section, "Every variant scores higher overall than the baseline.",
              "s_mtl", tuple((code, "Baseline") for code in VARIANTS), about_pretraining=True),
        Claim("V6 is the best single system", section, "Of all variants V6 has the highest overall score.",
              "s_mtl", _over("V6", VARIANTS), about_pretraining=True),
    )


def _backbones(margin: float) -> tuple[Claim, ...]:
    section, three = "Different Speech Representation Models", ("V2", "V3", "V5")
    best = {"V2": ("cou_uar", "country"), "V3": ("age_mae", "age"), "V5": ("emo_ccc", "emotion")}
    par = Claim("V2, V3 and V5 are on par", section,
                f"Without the adversary no two backbones differ overall by more than {margin:g}.",
                "s_mtl", tuple(itertools.permutations(three, 2)), margin, about_pretraining=True)
    return (par, *(Claim(f"{code} is the best of them on {task}", section,
                         f"Of V2, V3 and V5, without the adversary, {code} is best at {task}.",
                         metric, _over(code, three), about_pretraining=True) for code, (metric, task) in best.items()))


def _debiasing(margin: float) -> tuple[Claim, ...]:
    section = "Effect of Adversarial Debiasing"
    return (
        Claim("Debiasing helps overall", section, "With the adversary V1 scores higher than V2, and V4 than V5.",
              "s_mtl", (("V1", "V2"), ("V4", "V5"))),
        Claim("Debiasing helps on age", section, "On age, a weaker task of both V2 and V5, V1 and V4 do better.",
              "age_mae", (("V1", "V2"), ("V4", "V5"))),
        Claim("Debiasing helps V5 on country", section, "On country, a weaker task of V5, V4 does better.",
              "cou_uar", (("V4", "V5"),)),
        Claim("Debiasing helps V2 on emotion", section, "On emotion, a weaker task of V2, V1 does better.",
              "emo_ccc", (("V1", "V2"),)),
        Claim("Debiasing keeps V5's emotion", section,
              f"On emotion, V5's best task, V4 and V5 differ by no more than {margin:g}.",
              "emo_ccc", (("V4", "V5"), ("V5", "V4")), margin),
    )


def _oversampling() -> tuple[Claim, ...]:
    return tuple(Claim(f"Oversampling hurts {task}", "Effect of Oversampling",
                       f"On {task} V7, trained on oversampled bursts, does worse than V6.", metric, (("V6", "V7"),))
                 for metric, task in zip(PARTS, ("emotion", "country", "age"), strict=True))


def _preprocessing() -> Claim:
    return Claim("Own preprocessing helps", "Effect of Using Different Audio Files",
                 "On our own preprocessing of the recordings V6 scores higher than V4 on the audio as provided, if "
                 "only a little.", "s_mtl", (("V6", "V4"),))


def _ensembling(ensembles: Mapping[str, Sequence[str]]) -> tuple[Claim, ...]:
    section = "Effect of Model Ensembling"
    return (
        Claim("Ensembling helps", section, "Every ensemble scores higher overall than each of its members.",
              "s_mtl", tuple((code, member) for code, members in ensembles.items() for member in members)),
        Claim("A is the best ensemble", section, "Ensemble A scores higher overall than the other ensembles.",
              "s_mtl", _over("A", ensembles)),
    )
