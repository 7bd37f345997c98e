"""The `transformers` Trainer as a peer: as its documentation shows it, and with every switch set well, once on batches
sorted by length and once on random ones.

`documented` follows the guide *Audio classification* of transformers 5: bursts that the feature extractor normalised
beforehand (`map`), padded by it in the collator, random batches, the default optimiser and float32, gradients clipped
and losses watched and logged as they are by default. The guide freezes nothing, and the published configurations have
SpecAugment and LayerDrop on. It cuts clips at one second and gathers gradients of four batches; neither is done here.

`tuned` groups lengths, computes in bfloat16 where the hardware does, freezes the feature encoder, which then leaves no
graph, has neither SpecAugment nor LayerDrop, updates with the fused optimiser, and neither clips, nor logs, nor watches
losses. On a GPU batches come from worker processes through pinned memory. `tuned_random` is the same without the
grouping of lengths: what meets in its batches is chance, as in ours. Attention is SDPA in all, the default.

Random batches are long: at HuBERT base's size 32 bursts may take more than 20 GB. Where that is too much a Trainer
computes a random batch in `parts`, whose gradients it gathers: each is padded as the whole batch would be, so that the
work is the same.

All hold the bursts in memory, and train Burst2Vec's heads on its losses, one task a batch. Where a checkpoint's
feature extractor returns no mask (HuBERT base), padding is part of a burst, as published.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from accelerate.state import AcceleratorState
from torch import nn
from transformers import (
    PreTrainedModel,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    Wav2Vec2FeatureExtractor,
)
from transformers.trainer_pt_utils import LengthGroupedSampler

from benchmarks import workload
from burst2vec.audio.waveform import SAMPLE_RATE
from burst2vec.corpora.corpus import Corpus
from burst2vec.machine.hardware import arithmetic_dtype
from burst2vec.models.burst2vec import Burst2Vec
from burst2vec.models.losses import objective

KINDS = ("documented", "tuned", "tuned_random")
WORKERS = 4


class Published(nn.Module):
    """A model of transformers in the place of our backbone: padding and mask are what its users have them be."""

    def __init__(self, model: PreTrainedModel):
        super().__init__()
        self.model, self.features, self.padding = model, model.config.hidden_size, "as_published"

    def forward(self, waveforms: torch.Tensor, mask: torch.Tensor | None, every_layer: bool = False
                ) -> tuple[torch.Tensor, torch.Tensor]:
        """Hidden states (batch, frames, features) of waveforms (batch, samples), and the frames (batch,) to average.

        They are those of the last layer; no user of the published models asks for more.
        """
        hidden = self.model(waveforms, attention_mask=mask).last_hidden_state
        if mask is None:
            return hidden, torch.full((len(hidden),), hidden.shape[1], device=hidden.device)
        return hidden, self.model._get_feat_extract_output_lengths(mask.sum(1))


class Multitask(nn.Module):
    """Burst2Vec as the Trainer wants a model: `forward` returns the loss of a batch."""

    def __init__(self, model: Burst2Vec):
        super().__init__()
        self.burst2vec = model

    def forward(self, input_values: torch.Tensor, labels: torch.Tensor, task: str,
                attention_mask: torch.Tensor | None = None) -> dict[str, torch.Tensor]:
        """The weighted sum of all terms of Eq. 8, as `loss`."""
        model = self.burst2vec
        [posed] = (t for t in model.tasks if t.name == task)
        return {"loss": objective(model, model.represent(input_values, attention_mask), posed, labels)["total"]}


def build(kind: str, size: str) -> Multitask:
    """The model of that peer at that size, with random weights."""
    if kind == "documented":
        return Multitask(Burst2Vec(Published(workload.encoder(size)), workload.TASKS))
    model = workload.encoder(size, apply_spec_augment=False, layerdrop=0.0)
    model.feature_extractor._freeze_parameters()
    return Multitask(Burst2Vec(Published(model), workload.TASKS))


class Bursts(torch.utils.data.Dataset):
    """The bursts of `batches` as `map` leaves them: each normalised by the feature extractor, in memory, with the
    length to which its batch is padded."""

    def __init__(self, store: workload.Noise, extractor: Wav2Vec2FeatureExtractor, batches: Sequence[np.ndarray]):
        self._bursts = len(store)
        self._inputs, self._longest = {}, {}
        for row, longest in ((int(row), int(store.lengths[rows].max())) for rows in batches for row in rows):
            self._inputs[row] = extractor(store[row], sampling_rate=SAMPLE_RATE).input_values[0]
            self._longest[row] = longest

    def __len__(self) -> int:
        return self._bursts

    def __getitem__(self, row: int) -> dict[str, np.ndarray | int]:
        return {"input_values": self._inputs[row], "row": row, "longest": self._longest[row]}


class Collator:
    """Has the feature extractor pad the bursts of a batch, or of one of its `parts`, with the labels of one task: the
    tasks take turns, batch by batch."""

    def __init__(self, extractor: Wav2Vec2FeatureExtractor, corpus: Corpus, parts: int = 1):
        self._extractor, self._parts, self._turn = extractor, parts, 0
        self._targets = [(t.name, torch.from_numpy(t.targets(corpus.table))) for t in corpus.tasks]

    def __call__(self, bursts: Sequence[dict]) -> dict[str, torch.Tensor | str]:
        task, targets = self._targets[self._turn // self._parts % len(self._targets)]
        self._turn += 1
        inputs = self._extractor.pad({"input_values": [b["input_values"] for b in bursts]}, padding="max_length",
                                     max_length=max(b["longest"] for b in bursts), return_tensors="pt")
        return {**inputs, "labels": targets[[b["row"] for b in bursts]], "task": task}


def feature_extractor(size: str) -> Wav2Vec2FeatureExtractor:
    """The feature extractor that the checkpoint of that size comes with."""
    return Wav2Vec2FeatureExtractor(do_normalize=True, return_attention_mask=workload.wants_mask(workload.config(size)))


def plan(kind: str, lengths: np.ndarray, batch_size: int, seed: int = 0) -> list[np.ndarray]:
    """The batches of an epoch, rows each, as that peer's sampler deals them."""
    generator = torch.Generator().manual_seed(seed)
    dealt = (LengthGroupedSampler(batch_size, lengths=lengths.tolist(), generator=generator) if kind == "tuned"
             else torch.utils.data.RandomSampler(range(len(lengths)), generator=generator))
    rows = np.fromiter(dealt, np.int64)
    return [rows[start:start + batch_size] for start in range(0, len(rows), batch_size)]


def arguments(kind: str, device: torch.device, batch_size: int, folder: str, parts: int = 1) -> TrainingArguments:
    """What that peer's Trainer is told. `folder` is where it would write. Batches are computed in `parts`."""
    gpu = device.type == "cuda"
    common = {"output_dir": folder, "per_device_train_batch_size": batch_size // parts, "num_train_epochs": 100,
              "gradient_accumulation_steps": parts, "save_strategy": "no", "report_to": "none", "disable_tqdm": True,
              "use_cpu": not gpu, "remove_unused_columns": False, "dataloader_pin_memory": gpu}
    if kind == "documented":
        told = TrainingArguments(**common, learning_rate=3e-5, warmup_steps=0.1, logging_steps=10)
    else:
        sampling = "group_by_length" if kind == "tuned" else "random"
        told = TrainingArguments(
            **common, train_sampling_strategy=sampling, bf16=arithmetic_dtype("auto", device) == torch.bfloat16,
            optim="adamw_torch_fused", max_grad_norm=0.0, logging_strategy="no", logging_nan_inf_filter=False,
            dataloader_num_workers=WORKERS * gpu, dataloader_persistent_workers=gpu)
    told._n_gpu = min(told.n_gpu, 1)  # else it would deal each batch to all GPUs that it sees
    return told


class Ticking(TrainerCallback):
    """Calls `done` after each step of a training."""

    def __init__(self, done: Callable[[], None]):
        self._done = done

    def on_step_end(self, args, state, control, **_):
        """Called by the Trainer."""
        self._done()


class Told(Trainer):
    """A Trainer that takes its batches from a list, an epoch's own or a sample of it."""

    def __init__(self, *, batches: Sequence[np.ndarray], **others):
        super().__init__(**others)
        self._told = batches

    def _get_train_sampler(self, train_dataset=None) -> Sequence[int]:
        return _Listed(np.concatenate(self._told))


class _Listed(torch.utils.data.Sampler):
    def __init__(self, rows: np.ndarray):
        self._rows = rows.tolist()

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[int]:
        return iter(self._rows)


def program(size: str, model: Multitask, corpus: Corpus, store: workload.Noise, batches: Sequence[np.ndarray],
            told: TrainingArguments) -> Callable[[Callable[[], None]], None]:
    """The Trainer's training on `batches`, rows each, over and over, for `turns.Turns`."""
    extractor = feature_extractor(size)
    dataset = Bursts(store, extractor, batches)
    collator = Collator(extractor, corpus, told.gradient_accumulation_steps)

    def train(done: Callable[[], None]) -> None:
        AcceleratorState._shared_state = {}  # accelerate has one arithmetic a process; here each Trainer has its own
        trainer = Told(batches=batches, model=model, args=told, train_dataset=dataset, data_collator=collator,
                       callbacks=[Ticking(done)])
        trainer.remove_callback(PrinterCallback)
        trainer.train()

    return train
