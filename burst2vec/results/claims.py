"""The paper's statements about its results, sentence by sentence, as checks that the numbers of a run decide.

A claim is a list of pairs of systems and a metric: in each pair the first system is better than the second. The
statistic of a pair is their difference, in the unit of the metric, with the sign for which a value above 0 supports the
claim. To be on par is the same with a `slack`: each of two systems is better than the other less a margin, so their
difference lies within the margin. A relative gain is the same with a `factor` for the second system.

The sentence of the paper fixes which systems a pair compares; the scores at hand never do. Asking of noisy scores
whether the best system is better would find a best one even among equals, and would overestimate it. "V6 is best" is
therefore six pairs, V6 and each other variant, which must all hold. The smallest of their differences, m, decides. As
an estimate it is too low where several nearly tie, because a minimum of noisy values is biased; its interval allows for
that:

* `low` is the smallest lower bound of the pairs. The pair that is truly weakest has a bound at least as high, so that
  no correction is needed to say that *all* pairs hold (an intersection-union test; for a claim of being on par, two
  one-sided tests).
* `high` is the smallest of upper bounds that hold for all k pairs at once (Bonferroni, 1 - 0.05 / 2k each), because to
  say that *some* pair fails is to choose the worst of k.

The interval of a pair is over speakers and over seeds (`evaluation.crossed`): a claim is *supported* or *contradicted*
only where it holds beyond both. The interval contains the true m in at least 95 % of cases, as far as the intervals of
the pairs do. Where a variant of the claim was trained with one seed, how much it varies from seed to seed is unknown,
and the verdict is at most *undecided (one seed)*. The claims are judged one by one, without correction for their
number.

Some sentences are about pre-training: that it beats the baseline, or which pre-trained backbone is best. A run whose
backbones start from random weights says nothing about them, however narrow its intervals are, and its verdict on them
is *not tested*. The small backbones that come with the package are pre-trained, but unlike each other: a run with them
says nothing about sentences that compare backbones.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from burst2vec.evaluation.crossed import Crossed
from burst2vec.evaluation.metrics import s_mtl, sign
from burst2vec.results.ensembles import read_ensembles
from burst2vec.results.published import read_audio_free, read_leaderboard, read_published
from burst2vec.results.runs import VARIANTS

MARGIN = 0.005
"""The largest difference between two systems on par, in CCC, UAR or S_MTL. The paper gives no number: it calls 0.002 of
S_MTL on par, 0.001 a small improvement and 0.003 an increase. This is about one percent of its scores."""
THIRTY_PERCENT = 1.295
"""The smallest ratio that is a gain of 30 % when rounded to a whole percent."""
PARTS = ("emo_ccc", "cou_uar", "age_mae")
"""The columns of the metrics that S_MTL combines, in the order of its arguments."""
NO_WEIGHTS = "no pre-trained weights in this run"
"""The note of a claim about pre-training in a run whose backbones started from random weights."""
UNLIKE = "small backbones, pre-trained unlike each other"
"""The note of a claim that compares pre-trained backbones in a run whose backbones are small."""
ONE_SEED = "undecided (one seed)"
"""The verdict on a claim about a variant that was trained with one seed."""


@dataclass(frozen=True)
class Claim:
    """A statement of the paper: the first system of each pair is better than the second on `metric`.

    `section` is the heading under which the paper says it, and `statement` says it in our words. With a `slack` the
    first system may be worse by as much, and with a `factor` it must be better than that multiple of the second.
    `split` is the one whose scores the paper speaks of. A claim that is `about_pretraining` needs variants that start
    from pre-trained weights, and one that `compares_backbones` needs, besides, backbones that were pre-trained as the
    paper's were.
    """

    name: str
    section: str
    statement: str
    metric: str
    pairs: tuple[tuple[str, str], ...]
    slack: float = 0.0
    factor: float = 1.0
    split: str = "val"
    about_pretraining: bool = False
    compares_backbones: bool = False

    def statistics(self, scores: pd.Series) -> pd.Series:
        """How far each pair holds, by "a over b", from scores by (code, metric): above 0 it does."""
        turn, metric = sign(self.metric), self.metric
        return pd.Series({f"{a} over {b}": self.slack + turn * (scores[a, metric] - self.factor * scores[b, metric])
                          for a, b in self.pairs}, dtype=float)

    def interval(self, scores: Crossed, level: float = 0.95) -> tuple[float, float]:
        """The bounds (low, high) of the smallest of the true differences; see the head of this module.

        Source: Berger (1982) for the lower bound.
        """
        contrasts = [scores.contrast(a, b, self.metric, self.factor) for a, b in self.pairs]
        pairwise = 1 - (1 - level) / len(contrasts)
        return (self.slack + min(contrast.interval(level)[0] for contrast in contrasts),
                self.slack + min(contrast.interval(pairwise)[1] for contrast in contrasts))

    @property
    def systems(self) -> list[str]:
        """The codes that the pairs name, in their order."""
        return list(dict.fromkeys(itertools.chain(*self.pairs)))


def paper_claims(ensembles: Mapping[str, Sequence[str]] | None = None, margin: float = MARGIN) -> tuple[Claim, ...]:
    """The statements of the paper about its results: section 5 in its order, then abstract and conclusions.

    The last claim is not the paper's: it sets the age errors beside those of the median age of the true country. The
    members of an ensemble are those of `params/ensembles.yaml` or the ones given, and `margin` is the largest
    difference of systems on par. "Debiasing helps on the tasks that the variant without it is worse at" takes these
    tasks from the paper's own sentence before (V2 is best on country, V5 on emotion), because picking the worst tasks
    of each system by the scores at hand would find an improvement by chance alone.
    """
    ensembles = read_ensembles() if ensembles is None else ensembles
    return (*_pretraining(), *_backbones(margin), *_debiasing(margin), *_oversampling(), _preprocessing(),
            *_ensembling(ensembles), *_abstract(ensembles), _conclusions(), _beside_the_paper(ensembles))


def estimates_of(table: pd.DataFrame, split: str = "val") -> pd.Series:
    """The scores of one split of a Table 2 (measured or `published.read_published`), indexed by (code, metric).

    S_MTL is computed from its three parts where these are there, because the three digits of the paper's own S_MTL do
    not distinguish its ensembles A and B, and those of the parts do.
    """
    rows = table[table["split"] == split].set_index("code")
    scores = rows.reindex(columns=[*PARTS, "s_mtl"]).astype(float)
    known = scores[list(PARTS)].notna().all(axis=1)
    scores.loc[known, "s_mtl"] = [s_mtl(*parts) for parts in scores.loc[known, list(PARTS)].to_numpy()]
    return scores.rename_axis(columns="metric").stack().dropna()


def published_estimates(split: str = "val") -> pd.Series:
    """The published scores of one split, indexed by (code, metric).

    They are those of the paper's Table 2, of the other participants of the challenge and of the audio-free baselines.
    """
    tables = pd.concat([read_published(), read_leaderboard(), read_audio_free()])
    return estimates_of(tables.drop_duplicates(["code", "split"]), split)


def published_ledger(claims: Sequence[Claim]) -> pd.DataFrame:
    """The `ledger` of the published numbers, each claim judged on the split that the paper speaks of.

    These are points without intervals: the paper published neither predictions nor seeds.
    """
    scores = {split: published_estimates(split) for split in ("val", "test")}
    return pd.DataFrame([_judge(claim, scores[claim.split]) for claim in claims])


def ledger(claims: Sequence[Claim], scores: Crossed | pd.Series, random: Collection[str] = (),
           steps: Mapping[str, Collection[int]] | None = None, small: Collection[str] = ()) -> pd.DataFrame:
    """A table with one row for each claim, judged on the scores of one split.

    The columns are claim, verdict, estimate, low, high, metric, weakest, section, statement and note. `weakest` is the
    pair that holds least; its difference is the `estimate`.

    - From crossed `scores`, over speakers and seeds, a claim is *supported* where its 95 % interval lies above 0,
      *contradicted* where it lies below, and otherwise *undecided*. Where a variant of the claim has one seed, it is
      *undecided (one seed)*, and the part of that variant's seeds is missing from the bounds.
    - From a point, a series of scores by (code, metric), the estimate alone decides, and the bounds are NaN.
    - A claim is *not tested* where a system or its metric is absent. It is also *not tested*, but with estimate and
      bounds, where it is about pre-training and names one of `random` (`runs.random_backbones`), or compares
      backbones and names one of `small` (`runs.small_backbones`). `note` says which.

    Where the variants of a claim, or the members of its ensembles, were not trained equally long, by their `steps`
    (`runs.read_steps`), `note` says it, because then a difference between them may be one of length.
    """
    found = pd.DataFrame([_judge(claim, scores) for claim in claims])
    unlike = [claim.name for claim in claims if claim.compares_backbones and set(claim.systems) & set(small)]
    untested = [claim.name for claim in claims if claim.about_pretraining and set(claim.systems) & set(random)]
    for names, note in ((unlike, UNLIKE), (untested, NO_WEIGHTS)):
        found.loc[found["claim"].isin(names) & found["estimate"].notna(), ["verdict", "note"]] = "not tested", note
    unequal = [unequal_steps(claim.systems, steps or {}) for claim in claims]
    found["note"] = ["; ".join(filter(None, notes)) for notes in zip(found["note"], unequal, strict=True)]
    return found


def unequal_steps(codes: Collection[str], steps: Mapping[str, Collection[int]]) -> str:
    """What is to be said of systems that were not trained for the same number of steps; empty where they were."""
    ensembles = read_ensembles()
    members = itertools.chain(*(ensembles.get(code, [code]) for code in codes))
    known = {code: (min(steps[code]), max(steps[code])) for code in dict.fromkeys(members) if code in steps}
    if len(set(itertools.chain(*known.values()))) < 2:
        return ""
    alike: dict[tuple[int, int], list[str]] = {}
    for code, bounds in known.items():
        alike.setdefault(bounds, []).append(code)
    said = (f"{low:,}{f' to {high:,}' if high > low else ''} steps ({', '.join(alike[low, high])})"
            for low, high in sorted(alike))
    return "trained for " + ", ".join(said)


def verdict(low: float, high: float) -> str:
    """The verdict of an interval: *supported* above 0, *contradicted* below 0, *undecided* where it contains 0."""
    return "supported" if low > 0 else "contradicted" if high < 0 else "undecided"


def _judge(claim: Claim, scores: Crossed | pd.Series) -> dict[str, Any]:
    row = {"claim": claim.name, "verdict": "not tested", "estimate": np.nan, "low": np.nan, "high": np.nan,
           "metric": claim.metric, "weakest": "", "section": claim.section, "statement": claim.statement, "note": ""}
    estimates = scores.means.estimates if isinstance(scores, Crossed) else scores
    absent = [code for code in claim.systems if pd.isna(estimates.get((code, claim.metric), np.nan))]
    if absent or not claim.pairs:
        return row | {"note": f"no {claim.metric} of {', '.join(absent)}" if absent else "no systems to compare"}
    pairs = claim.statistics(estimates)
    row |= {"estimate": pairs.min(), "weakest": pairs.idxmin()}
    if not isinstance(scores, Crossed):
        return row | {"verdict": verdict(pairs.min(), pairs.min()), "note": "a point, without interval"}
    low, high = claim.interval(scores)
    single = scores.with_one_seed(claim.systems, claim.metric)
    found = {"verdict": ONE_SEED, "note": f"one seed of {', '.join(single)}"} if single else {
        "verdict": verdict(low, high)}
    return row | {"low": low, "high": high} | found


def _over(code: str, others: Iterable[str]) -> tuple[tuple[str, str], ...]:
    return tuple((code, other) for other in others if other != code)


def _pretraining() -> tuple[Claim, ...]:
    section = "Effect of Pre-trained Speech Representation Models"
    return (
        Claim("Pre-trained beats the baseline", section, "Every variant scores higher overall than the baseline.",
              "s_mtl", tuple((code, "Baseline") for code in VARIANTS), about_pretraining=True),
        Claim("V6 is the best single system", section, "Of all variants V6 has the highest overall score.",
              "s_mtl", _over("V6", VARIANTS), about_pretraining=True, compares_backbones=True),
    )


def _backbones(margin: float) -> tuple[Claim, ...]:
    section, three = "Different Speech Representation Models", ("V2", "V3", "V5")
    best = {"V2": ("cou_uar", "country"), "V3": ("age_mae", "age"), "V5": ("emo_ccc", "emotion")}
    par = Claim("V2, V3 and V5 are on par", section,
                f"Without the adversary no two backbones differ overall by more than {margin:g}.",
                "s_mtl", tuple(itertools.permutations(three, 2)), margin, about_pretraining=True,
                compares_backbones=True)
    return (par, *(Claim(f"{code} is the best of them on {task}", section,
                         f"Of V2, V3 and V5, without the adversary, {code} is best at {task}.",
                         metric, _over(code, three), about_pretraining=True, compares_backbones=True)
                   for code, (metric, task) in best.items()))


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


def _abstract(ensembles: Mapping[str, Sequence[str]]) -> tuple[Claim, ...]:
    best = "A" in ensembles
    others = [code for code in read_leaderboard()["code"] if code not in ("A", "Baseline")]
    return (
        Claim("30 % above the baseline", "Abstract",
              "Ensemble A scores 30 % above the baseline. (The paper says so of test; on validation its gain is 33 %.)",
              "s_mtl", (("A", "Baseline"),) if best else (), factor=THIRTY_PERCENT, split="test",
              about_pretraining=True),
        Claim("First in the challenge", "Abstract",
              "Ensemble A scores higher than every other participant. (The paper says so of test; only the challenge "
              "can tell.)",
              "s_mtl", _over("A", others) if best else (), split="test", about_pretraining=True),
    )


def _conclusions() -> Claim:
    return Claim("V1 is the best single system", "Conclusions",
                 "V1 scores higher than V6. (The paper says so of test, where no other single systems were submitted; "
                 "on validation its V6 scores higher.)", "s_mtl", (("V1", "V6"),), split="test", about_pretraining=True,
                 compares_backbones=True)


def _beside_the_paper(ensembles: Mapping[str, Sequence[str]]) -> Claim:
    systems = (*(code for code in VARIANTS if code != "V7"), *ensembles)
    return Claim("Age is heard beyond the country", "Not in the paper",
                 "V1 to V6 and the ensembles predict age better than the median age of the true country. (On ExVo the "
                 "median errs by about 3.71 years, and they err by 3.58 to 3.71.)",
                 "age_mae", tuple((code, "Country median") for code in systems))
