"""What the benchmarks of training and of inference work on: bursts as many as ExVo's and on the mean as long, its
tasks, and models at the published sizes with random weights.

The bursts are noise: how long a step takes depends on their lengths, not on what they sound like, nor on the labels.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from transformers import AutoModel, HubertConfig, PreTrainedModel

from burst2vec.audio.waveform import SAMPLE_RATE
from burst2vec.config import Params
from burst2vec.corpora.corpus import Corpus, Task
from burst2vec.corpora.readers.exvo import COUNTRIES, EMOTIONS
from burst2vec.models.backbone import Backbone, Settings, feature_norm
from burst2vec.models.burst2vec import Burst2Vec
from burst2vec.report.speed.measured import EXVO, exvo_seconds

SIZES = {
    "tiny": {"conv_dim": (32,) * 7, "hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
             "intermediate_size": 96, "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4},
    "base": {},
    "large": {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096,
              "feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True},
}
"""How each size differs from `HubertConfig`'s defaults, which are HuBERT base; `tiny` proves a command, nothing else.
SpecAugment and LayerDrop are on in the defaults, as in the published configurations."""

TASKS = (Task("emotion", "intensities", tuple(EMOTIONS)),
         Task("age", "scalar", ("age",), unit="years", low=20, high=40),
         Task("country", "classes", ("country",), classes=tuple(COUNTRIES)))


def draw_lengths(bursts: int, seed: int = 0) -> np.ndarray:
    """Samples (bursts,) at 16 kHz, by the law of `measured.exvo_seconds`."""
    return (SAMPLE_RATE * exvo_seconds(bursts, seed)).astype(np.int64)


def corpus(train: int = EXVO["train"], val: int = 64, seed: int = 0) -> Corpus:
    """A corpus of so many bursts that poses ExVo's three tasks. Every burst has all labels, drawn at random."""
    rng, bursts = np.random.default_rng(seed), train + val
    splits = np.repeat(["train", "val"], [train, val])
    ratings = rng.random((bursts, len(EMOTIONS)))
    table = pd.DataFrame(ratings / ratings.max(axis=1, keepdims=True), columns=list(EMOTIONS),
                         index=pd.Index([f"{n:05d}" for n in range(bursts)], name="file"))
    speakers = [f"{split}-{n // 35}" for n, split in enumerate(splits)]
    table = table.assign(corpus="noise", split=splits, speaker=speakers, sex=None, raw=None, provided=None,
                         age=rng.uniform(20, 40, bursts), country=rng.choice(COUNTRIES, bursts))
    return Corpus("noise", Path("."), table, TASKS, synthetic=True)


class Noise:
    """A waveform store of noise bursts of given `lengths` (bursts,), in memory: `store[row]` is float32 (samples,)."""

    def __init__(self, lengths: np.ndarray, seed: int = 0):
        self.lengths, self.seed = lengths, seed
        self._made: dict[int, np.ndarray] = {}

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, row: int) -> np.ndarray:
        samples, scale = self.quantised(row)
        return samples * scale

    def quantised(self, row: int) -> tuple[np.ndarray, np.float32]:
        """A burst's 16-bit integers (samples,), and what to multiply them by."""
        if row not in self._made:
            rng = np.random.default_rng((self.seed, row))
            self._made[row] = rng.integers(-32_767, 32_768, self.lengths[row], dtype=np.int16)
        return self._made[row], np.float32(1 / 32_768)

    def make(self, rows: Iterable[int]) -> None:
        """Makes those bursts, so that no later reading waits for it."""
        for row in rows:
            self.quantised(int(row))


def config(size: str, **changes) -> HubertConfig:
    """The configuration of a size of `SIZES`, with `changes`."""
    return HubertConfig(**{**SIZES[size], **changes})


def encoder(size: str, **changes) -> PreTrainedModel:
    """transformers' HuBERT of that size, with random weights."""
    return AutoModel.from_config(config(size, **changes), dtype=torch.float32)


def burst2vec(size: str, params: Params | None = None, **changes) -> Burst2Vec:
    """Our model on a backbone of that size, with `changes`, as `params` describe it, with random weights."""
    model, params = encoder(size, apply_spec_augment=False, layerdrop=0.0, **changes), params or Params()
    settings = Settings(f"hubert-{size}", True, attention_mask=wants_mask(model.config))
    backbone = Backbone(model, settings, params.padding, params.freeze_feature_encoder)
    return Burst2Vec(backbone, TASKS, params.width, params.hidden, params.dropout, params.adversarial, params.pooling,
                     params.reversal)


def wants_mask(shape: HubertConfig) -> bool:
    """Whether the checkpoint of that configuration comes with a feature extractor that returns an attention mask."""
    return feature_norm(shape) == "layer"
