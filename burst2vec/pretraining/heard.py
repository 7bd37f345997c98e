"""What is heard in pre-training: the training splits of corpora, encoded once, and random batches of masked bursts."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from burst2vec.audio.faults import SAMPLE_RATE
from burst2vec.audio.packed import Packed, group_by_length, to_device
from burst2vec.audio.store import Store
from burst2vec.config import Params
from burst2vec.corpora.corpus import Corpus, CorpusError
from burst2vec.corpora.joining import join
from burst2vec.corpora.opening import EMBEDDED, open_corpus, read
from burst2vec.evaluation.speaker_sums import speaker_indices
from burst2vec.machine.hardware import OutOfMemory
from burst2vec.models.backbone import Backbone
from burst2vec.models.encoding import encode_once, encoding_fits
from burst2vec.models.packing import Group
from burst2vec.pretraining.masking import LEAST, draw_negatives, mask_spans

LONGEST = 10.0
"""The length in seconds above which a recording is learnt from in pieces, as if these were bursts."""

SPAN = 0.2
"""The length in seconds of a masked span, as in the published models."""


def open_unlabelled(names: Sequence[str], params: Params) -> Corpus:
    """The corpora in the folders `names`, joined into one that poses no task; their labels may be missing.

    `synthetic` stands for the embedded corpus. Layout, cache, and seeds are those of `params`. Raises
    FileNotFoundError, and CorpusError with the file, the row and what would be right.
    """
    corpora = []
    for name in names:
        if name in EMBEDDED:
            corpus = open_corpus(dataclasses.replace(params, corpus=[name], tasks=[]))
            corpora.append(dataclasses.replace(corpus, tasks=()))
        else:
            reading = read(params.path(name), params.layout, params.split_seed)
            corpora.append(dataclasses.replace(reading, tasks=()).corpus())
    return corpora[0] if len(corpora) == 1 else join(corpora)


def divide(corpus: Corpus, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows of the training split to learn from, and those of a random `share` of its speakers, which are held out.

    A burst of unknown speaker counts as a speaker of its own. Raises CorpusError where there are fewer than two
    speakers.
    """
    train = np.flatnonzero(corpus.table["split"] == "train")
    speakers = speaker_indices(corpus.table.iloc[train])
    count = speakers.max() + 1
    if count < 2:
        raise CorpusError(f"corpus {corpus.name}: its training split has a single speaker; pre-training needs two or "
                          "more, since one is held out")
    away = np.random.default_rng(seed).permutation(count)[:min(max(1, round(share * count)), count - 1)]
    held_out = np.isin(speakers, away)
    return train[~held_out], train[held_out]


@dataclass(frozen=True)
class Batch:
    """Bursts in packed groups of similar length, and which of their frames are masked.

    `groups` are encoded (`packing.Group`). `masked` is bool (frames,), over the packed sequence with its padding.
    `places` (masked frames,) are the places of the masked frames in that sequence, and `frames` (masked frames,) those
    in `Frames`. `bursts` (masked frames,) is the number of each one's burst in the batch, on the host. `negatives`
    (masked frames, count) are other masked frames of the same burst, by their place among the masked frames.
    """

    groups: list[Group]
    masked: torch.Tensor
    places: torch.Tensor
    frames: torch.Tensor
    bursts: np.ndarray
    negatives: torch.Tensor

    @property
    def encoded(self) -> torch.Tensor:
        """The packed sequence of encoded frames (1, frames, channels)."""
        return torch.cat([values.flatten(0, 1) for values, _ in self.groups])[None]

    @property
    def shapes(self) -> list[tuple[torch.Size, torch.Tensor]]:
        """The shape (bursts, frames) of each group, and the number of real frames (bursts,)."""
        return [(values.shape[:2], sizes) for values, sizes in self.groups]


class Frames:
    """The encoded frames of bursts, one burst after the other, on the backbone's device.

    Recordings that are longer than `LONGEST` are cut into equal pieces, each of which counts as a burst; those of fewer
    than `LEAST` frames are not used. `sizes` (bursts,) are the numbers of frames, `starts` (bursts,) the places of the
    first ones, and `rows` (bursts,) the rows of the corpus. Raises `hardware.OutOfMemory` where they do not fit.
    """

    def __init__(self, backbone: Backbone, store: Store, rows: np.ndarray,
                 precision: contextlib.AbstractContextManager | None = None):
        if not encoding_fits(backbone, store.lengths[rows]):
            raise OutOfMemory("pre-training keeps the encoded frames of all bursts in memory, and there is no room for "
                              f"{hours(store, rows):.1f} hours; name fewer corpora, or a device with more memory")
        encoded = encode_once(backbone, store, rows, precision=precision)
        self.device, self.span = encoded.device, max(1, round(SPAN * SAMPLE_RATE / backbone.hop))
        self._most = int(LONGEST * SAMPLE_RATE / backbone.hop)
        pieces = [_cut(size, self._most) for size in encoded.sizes[rows]]
        self.rows = np.repeat(rows, [len(sizes) for sizes in pieces])
        self.sizes = np.concatenate(pieces)
        self.starts = np.cumsum(self.sizes) - self.sizes
        self._packed = Packed(encoded.values, np.arange(len(self.sizes)), self.sizes, self.sizes)

    def __len__(self) -> int:
        return int(self.sizes.sum())

    def of(self, rows: np.ndarray) -> np.ndarray:
        """The numbers of the bursts of those rows of the corpus that are long enough to learn from."""
        return np.flatnonzero(np.isin(self.rows, rows) & (self.sizes >= LEAST))

    def places(self, bursts: np.ndarray) -> np.ndarray:
        """The places (frames,) of the frames of those bursts, in the order of the bursts."""
        return np.concatenate([np.arange(self.starts[b], self.starts[b] + self.sizes[b]) for b in bursts])

    def parts(self, bursts: np.ndarray, seconds: float = 120) -> list[np.ndarray]:
        """The bursts, in their order, in parts of about so many seconds."""
        most = seconds / LONGEST * self._most
        return np.split(bursts, np.flatnonzero(np.diff(np.cumsum(self.sizes[bursts]) // most)) + 1)

    def batch(self, bursts: np.ndarray, share: float, negatives: int, rng: np.random.Generator) -> Batch:
        """Those bursts, with spans masked that would cover `share` of them without overlap (`mask_spans`).

        For each masked frame as many `negatives` are drawn. Where `share` is 0, nothing is masked, and all real frames
        are listed in place of the masked ones. The device is not waited for.
        """
        groups, places, frames, numbers, start = [], [], [], [], 0
        for group in group_by_length(self.sizes[bursts]):
            members = bursts[group]
            groups.append(self._packed.batch(members))
            for number, burst in zip(group, members, strict=True):
                size = int(self.sizes[burst])
                masked = np.flatnonzero(mask_spans(size, share, self.span, rng)) if share else np.arange(size)
                places.append(start + masked)
                frames.append(self.starts[burst] + masked)
                numbers.append(np.full(len(masked), number))
                start += int(self.sizes[members].max())
        hidden, place, of = np.zeros(start, bool), np.concatenate(places), np.concatenate(numbers)
        hidden[place] = share > 0
        others = draw_negatives(of, negatives, rng) if negatives else np.empty((len(of), 0), np.int64)
        return Batch(groups, self._there(hidden), self._there(place), self._there(np.concatenate(frames)), of,
                     self._there(others))

    def _there(self, array: np.ndarray) -> torch.Tensor:
        return to_device(array, self.device)


def _cut(size: int, most: int) -> np.ndarray:
    """The sizes of the equal pieces, of at most `most` frames each, of a recording of `size` frames."""
    count = -(-size // most)
    return np.diff(size * np.arange(count + 1) // count)


def hours(store: Store, rows: np.ndarray) -> float:
    """The hours of those rows of a store."""
    return float(store.lengths[rows].sum()) / SAMPLE_RATE / 3600
