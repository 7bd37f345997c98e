"""Small things to be damaged: corpora of tones in every layout, recordings, a waveform store, a saved model.

Each is made once, in a folder of its own, and copied for every case; recordings are linked.
"""

from __future__ import annotations

import functools
import io
import json
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile

from burst2vec.corpora.corpus import Corpus
from burst2vec.corpora.opening import read_corpus
from burst2vec.corpora.readers.emogator import CATEGORIES
from burst2vec.corpora.readers.exvo import COUNTRIES, EMOTIONS

BURSTS = {"Train": 8, "Val": 4, "Test": 2}

DECLARATION = {
    "table": "bursts.csv", "file": "path", "speaker": "who", "sex": "gender", "split": "part", "synthetic": True,
    "tasks": {"age": {"kind": "scalar", "columns": ["years"], "unit": "years"},
              "mood": {"kind": "intensities", "columns": ["Awe", "Fear"]},
              "land": {"kind": "classes", "columns": ["country"]}},
}

SPEAKERS = [[f"{'fm'[n % 2]}{n:04d}", ("female", "male")[n % 2], str(20 + n), ("USA", "India")[n % 2], "English", "no"]
            for n in range(3, 15)]
"""VocalSound's entries of `meta/all_meta.json`."""


@functools.cache
def workshop() -> Path:
    """The folder in which the originals stand; it goes with this process."""
    folder = tempfile.TemporaryDirectory(prefix="burst2vec-faults-")
    workshop.folder = folder  # which is deleted with it
    return Path(folder.name)


def labels() -> pd.DataFrame:
    """ExVo's `data_info.csv` with all labels."""
    n, rng = sum(BURSTS.values()), np.random.default_rng(0)
    table = pd.DataFrame({
        "File_ID": [f"[{i:05d}]" for i in range(n)], "Split": np.repeat(list(BURSTS), list(BURSTS.values())),
        "Subject_ID": [f"Speaker_{i}" for i in range(n)], "Country": np.arange(n) % 4,
        "Country_string": [COUNTRIES[i % 4] for i in range(n)], "Age": rng.uniform(20, 39, n).round(2),
    })
    table[list(EMOTIONS)] = rng.random((n, len(EMOTIONS))).round(3)
    return table


def tone(number: int, rate: int = 16_000, seconds: float = 0.1) -> np.ndarray:
    """A noisy tone (samples,) whose pitch tells its number."""
    time = np.arange(int(seconds * rate)) / rate
    noise = np.random.default_rng(number).normal(size=len(time))
    return (0.5 * (np.sin(2 * np.pi * (200 + 100 * number) * time) + 0.05 * noise)).astype(np.float32)


@functools.cache
def recordings() -> Path:
    """A folder of as many tones as there are bursts."""
    folder = workshop() / "recordings"
    folder.mkdir()
    for number in range(sum(BURSTS.values())):
        soundfile.write(folder / f"{number:05d}.wav", tone(number), 16_000)
    return folder


@functools.cache
def exvo_files() -> dict[str, bytes]:
    """The tables of a corpus in ExVo's layout."""
    table = labels()
    test = table["Split"] == "Test"
    blank = table.astype(object).mask(test.to_numpy()[:, None] & ~table.columns.isin(["File_ID", "Split"]))
    speakers = pd.DataFrame({"Subject_ID": table["Subject_ID"], "Sex": "f"})
    frames = {"data_info.csv": blank, "test_labels.csv": table[test], "speakers.csv": speakers}
    return {name: frame.to_csv(index=False).encode() for name, frame in frames.items()}


def exvo(root: Path, **files: bytes) -> Path:
    """A corpus in ExVo's layout in folder `root`; `files` replace its tables, by name without suffix."""
    root.mkdir()
    for name, content in exvo_files().items():
        (root / name).write_bytes(files.get(name.partition(".")[0], content))
    for folder in ("wav", "raw"):
        (root / folder).symlink_to(recordings())
    return root


@functools.cache
def generic_table() -> bytes:
    """The table of a corpus of one's own."""
    table = labels()
    return pd.DataFrame({
        "path": [f"sounds/{i:05d}.wav" for i in range(len(table))], "who": table["Subject_ID"], "gender": "f",
        "part": table["Split"].str.lower(), "years": table["Age"], "Awe": table["Awe"], "Fear": table["Fear"],
        "country": table["Country_string"],
    }).to_csv(index=False).encode()


def generic(root: Path, declaration: bytes, table: bytes) -> Path:
    """A corpus of one's own."""
    root.mkdir()
    (root / "corpus.yaml").write_bytes(declaration)
    (root / "bursts.csv").write_bytes(table)
    (root / "sounds").symlink_to(recordings())
    return root


def emogator_names() -> list[str]:
    """Names of EmoGator's recordings: ten speakers, three categories."""
    return [f"{speaker:06d}-{category:02d}-1" for speaker in range(1, 11) for category in (1, 15, len(CATEGORIES))]


def vocalsound_names() -> list[str]:
    """Names of VocalSound's recordings."""
    return [f"{entry[0]}_0_{sound}" for entry in SPEAKERS for sound in ("cough", "laughter")]


def named(folder: Path, names: list[str], suffix: str) -> None:
    """Links in a folder, by these names, all to one recording. What can be no file's name is left out."""
    folder.mkdir(parents=True)
    for name in names:
        called = os.fsencode(name) + suffix.encode()
        path = os.path.join(os.fsencode(folder), called)
        possible = not set(b"\0/") & set(called) and len(called) < 255
        if possible and not os.path.lexists(path):
            os.symlink(os.fsencode(recordings() / "00000.wav"), path)


@functools.cache
def encoded(form: str, subtype: str | None, rate: int, channels: int, seconds: float) -> bytes:
    """A recording's bytes in a format of libsndfile."""
    out = io.BytesIO()
    soundfile.write(out, np.stack([tone(1, rate, seconds)] * channels, 1), rate, format=form, subtype=subtype)
    return out.getvalue()


@functools.cache
def corpus() -> Corpus:
    """The corpus in ExVo's layout, sound."""
    return read_corpus(exvo(workshop() / "exvo"))


@functools.cache
def store() -> Path:
    """A cache that holds the waveform store of `corpus`."""
    import joblib

    from burst2vec.audio.store import open_store

    with joblib.parallel_config(backend="sequential"):
        open_store(corpus(), "provided", workshop() / "cache")
    return workshop() / "cache"


IDENTITY = {"seed": 0}


def weights(number: int):
    """A tensor that tells its number."""
    import torch

    return torch.full((4,), float(number))


@functools.cache
def checkpoints() -> Path:
    """A folder with the checkpoints of iterations 1 and 2 of a training."""
    from burst2vec.training.checkpoints import Checkpoint, Checkpoints

    folder = workshop() / "training"
    folder.mkdir()
    for number in (1, 2):
        Checkpoints(folder, IDENTITY).write(number, Checkpoint({"now.w": weights(number)}, {
            "iteration": number, "finished": False}))
    return folder


@functools.cache
def model() -> Path:
    """The folder of a saved model, untrained, as small as can be."""
    from transformers import HubertConfig, HubertModel

    from burst2vec.models.backbone import Backbone, Settings
    from burst2vec.models.burst2vec import Burst2Vec

    small = HubertConfig(conv_dim=(8, 8), conv_kernel=(64, 8), conv_stride=(32, 10), hidden_size=8, num_hidden_layers=1,
                         num_attention_heads=2, intermediate_size=8, num_conv_pos_embeddings=4,
                         num_conv_pos_embedding_groups=2, apply_spec_augment=False, layerdrop=0.0)
    Burst2Vec(Backbone(HubertModel(small), Settings("small", True, False)), corpus().tasks, width=8,
              hidden=4).save_pretrained(workshop() / "V4")
    return workshop() / "V4"


@functools.cache
def predictions() -> Path:
    """The folder of a system's results: `predictions.csv`, which tells the truth, and `params.json`."""
    from burst2vec.evaluation.predictions import tabulate, write_predictions

    folder, table = workshop() / "system", corpus().table
    outputs = {t.name: np.eye(t.outputs)[t.targets(table)] if t.kind == "classes" else t.targets(table)
               for t in corpus().tasks}
    write_predictions(tabulate(outputs, corpus().tasks, table), folder / "predictions.csv")
    (folder / "params.json").write_text(json.dumps({"corpus": [str(corpus().root)]}))
    return folder


def copied(source: Path, target: Path, **files: bytes) -> Path:
    """A copy of a folder, in which `files` stand by their names (`__` for the dot)."""
    shutil.copytree(source, target)
    for name, content in files.items():
        (target / name.replace("__", ".")).write_bytes(content)
    return target
