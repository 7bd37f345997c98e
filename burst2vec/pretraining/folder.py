"""A pre-trained backbone as a Hugging Face folder, which transformers and `hub.load_backbone` read alike."""

from __future__ import annotations

import datetime
import os
import platform
from pathlib import Path

import pandas as pd
import safetensors.torch
import torch
from huggingface_hub import ModelCard, ModelCardData
from transformers import Wav2Vec2FeatureExtractor

from burst2vec import __version__
from burst2vec.audio.faults import SAMPLE_RATE
from burst2vec.corpora.corpus import Corpus
from burst2vec.machine.files import write_aside
from burst2vec.pretraining.heard import find_licence
from burst2vec.pretraining.recipe import Recipe
from burst2vec.pretraining.trainer import Pretrained

FILES = ("config.json", "model.safetensors", "preprocessor_config.json", "history.csv", "probes.csv", "README.md")
"""The names of a folder's files. There are no `probes.csv` where nothing was probed."""

_USE = """## Use

```python
from burst2vec.models.hub import load_backbone

backbone = load_backbone("FOLDER")
```

where `FOLDER` is the one that holds this card; `transformers.AutoModel.from_pretrained` reads it, too. As the backbone
of a Burst2Vec it is named by the parameter `backbone: FOLDER`."""

_TASKS = {
    "wav2vec2": "to tell the quantised frame that was masked from others of the same burst (Baevski et al., 2020)",
    "hubert": "to predict the units of masked frames (Hsu et al., 2021)",
}


def check_free(folder: Path) -> None:
    """Raises ValueError where `folder` holds anything but a pre-trained backbone, which would be replaced."""
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder}: a file; expected a folder, or a name for a new one")
    others = sorted(p.name for p in folder.iterdir() if p.name not in FILES) if folder.is_dir() else []
    if others:
        raise ValueError(f"{folder}: holds other files, such as {others[0]}; expected a new folder, or one that holds "
                         "nothing but a pre-trained backbone, which is replaced")


def write_folder(pretrained: Pretrained, folder: Path, recipe: Recipe, corpus: Corpus, command: str = "",
                 probes: pd.DataFrame | None = None) -> None:
    """Writes the `FILES` of a pre-trained backbone, whole or not at all. Raises ValueError as `check_free` does.

    The card in `README.md` says on what `corpus` and by what `command` it was pre-trained, and has the scores of its
    `probes` where they are given.
    """
    check_free(folder)
    backbone = pretrained.backbone
    model = backbone.model
    with write_aside(folder) as aside:
        aside.mkdir()
        model.config.architectures = [type(model).__name__]
        model.config.save_pretrained(aside)
        weights = {name: value.cpu().contiguous() for name, value in model.state_dict().items()}
        # `save_file` would leave a file that only its owner can read.
        (aside / "model.safetensors").write_bytes(safetensors.torch.save(weights, metadata={"format": "pt"}))
        Wav2Vec2FeatureExtractor(
            sampling_rate=SAMPLE_RATE, do_normalize=backbone.settings.do_normalize,
            return_attention_mask=backbone.settings.attention_mask).save_pretrained(aside)
        pretrained.history.to_csv(aside / "history.csv", index=False)
        if probes is not None:
            probes.to_csv(aside / "probes.csv", index=False)
        card = describe(pretrained, folder.name, recipe, corpus, command, probes)
        (aside / "README.md").write_text(card, encoding="utf-8")


def without_place(value: object) -> str:
    """A value as text, a folder without where it lies; a name on the hub stays whole."""
    path = Path(str(value)).expanduser()
    return path.resolve().name if path.is_dir() or path.is_absolute() else str(value)


def describe(pretrained: Pretrained, title: str, recipe: Recipe, corpus: Corpus, command: str = "",
             probes: pd.DataFrame | None = None) -> str:
    """The card of a pre-trained backbone, as Markdown below a header that the hub reads."""
    record, last = pretrained.record, pretrained.history.iloc[-1]
    parts = corpus.parts or (corpus,)
    data = "\n".join(f"- {part.name}{' (synthetic)' if part.synthetic else ''}: its training split"
                     f"{'; licence: ' + said if (said := find_licence(part)) else ''}" for part in parts)
    backbone = pretrained.backbone
    count = sum(p.numel() for p in backbone.model.parameters())
    origin = (f"It went on from `{without_place(recipe.checkpoint)}`." if recipe.checkpoint else
              "Its Transformer began with random weights; its feature encoder is a fixed bank of filters.")
    facts = {
        "Hours learnt from": f"{record['hours']:.2f}", "Hours of speakers held out": f"{record['held_out_hours']:.2f}",
        "Steps": f"{record['steps']:,} of {recipe.batch_size} bursts, in {record['iterations']} iterations",
        "Time": f"{record['minutes']:.1f} minutes", "Hardware": hardware(backbone.model.device),
        "Date": datetime.date.today().isoformat(), "Seed": str(recipe.seed),
        "Held-out loss": f"{last['loss']:.3f} (a constant guess: {last['constant']:.3f})",
        "Held-out accuracy": f"{last['accuracy']:.3f} of masked frames",
        "Written by": f"burst2vec {__version__}",
    }
    rows = "\n".join(f"| {name} | {value} |" for name, value in facts.items())
    sections = [
        f"# {title}",
        f"A {backbone.config.model_type} model of {count / 1e6:.1f} million weights and "
        f"{SAMPLE_RATE / backbone.hop:g} frames a second, pre-trained on vocal bursts without their labels: it learnt "
        f"{_TASKS[backbone.config.model_type]}. {origin}",
        f"## Data\n\n{data}", f"## Pre-training\n\n| | |\n|---|---|\n{rows}",
        f"```sh\n{command}\n```" if command else "", _table(probes), _USE,
    ]
    header = ModelCardData(library_name="transformers", license="other", license_name="of-the-data",
                           tags=["vocal-bursts", "burst2vec", "pre-training"])
    text = "\n\n".join(section for section in sections if section)
    return ModelCard(f"---\n{header.to_yaml()}\n---\n\n{text}\n").content


def _table(probes: pd.DataFrame | None) -> str:
    """The section with the scores of the probes; empty where there are none."""
    if probes is None:
        return ""
    head = "| " + " | ".join(probes.columns) + " |\n|" + "---|" * len(probes.columns)
    rows = "\n".join("| " + " | ".join(f"{v:.3f}" if isinstance(v, float) else str(v) for v in row) + " |"
                     for row in probes.itertuples(index=False))
    return f"## What a linear reader finds in frozen features\n\n{head}\n{rows}"


def hardware(device: torch.device) -> str:
    """What computes: the name of the GPU, or the kind of processor and the number of threads."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{torch.get_num_threads()} of {os.cpu_count()} cores, {platform.machine()}"
