"""Where a training takes its bursts from: encoded once and for all, or their waveforms on the device or on the disk."""

from __future__ import annotations

import contextlib

import numpy as np
from tqdm.auto import tqdm

from burst2vec.audio.packed import Packed, resident
from burst2vec.audio.store import Store
from burst2vec.config import Params
from burst2vec.models.burst2vec import Burst2Vec
from burst2vec.models.encoding import encodable, encode_once, encoding_fits
from burst2vec.training.team import Team


def encodes_once(model: Burst2Vec, lengths: np.ndarray, params: Params, team: Team) -> bool:
    """Whether the bursts with those `lengths` in samples are encoded before training and kept on the device.

    They are where parameter `encode_once` asks for it, the feature encoder is frozen, and every process has room. Where
    only the room is missing, a line says so.
    """
    if not (params.encode_once and encodable(model.backbone)):
        return False
    if team.any(not encoding_fits(model.backbone, lengths, team.size)):
        tqdm.write("encode_once: there is no room for the encoded bursts; they are encoded anew in every epoch")
        return False
    return True


def open_source(model: Burst2Vec, store: Store, rows: np.ndarray, params: Params, team: Team,
                precision: contextlib.AbstractContextManager, encoded: bool) -> Packed | Store:
    """The bursts of those `rows`, encoded if `encoded`; otherwise their waveforms, on the device where it has room."""
    if encoded:
        return encode_once(model.backbone, store, rows, params.batch_size, precision)
    source = resident(store, rows, team.device, team.size)
    if source is store:
        tqdm.write("there is no room for the waveforms beside the model; each batch is read from the store")
    return source


def length_multiple(model: Burst2Vec, encoded: bool, params: Params) -> int:
    """The number of samples, or of frames where bursts are encoded, of which the length of every group is a multiple.

    It is 1 where padding changes the result. Otherwise parameter `length_multiple` counts in frames. By default it is 8
    for waveforms on a GPU, which leaves fewer lengths to plan convolutions for, and else 1.
    """
    if not model.independent:
        return 1
    on_gpu = next(model.parameters()).device.type == "cuda"
    frames = params.length_multiple or (8 if on_gpu and not encoded else 1)
    return frames if encoded or frames == 1 else frames * model.backbone.hop
