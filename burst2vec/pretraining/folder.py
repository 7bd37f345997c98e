"""A pre-trained backbone as a Hugging Face folder, which transformers and `hub.load_backbone` read alike."""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import safetensors.torch
import torch
from huggingface_hub import ModelCard, ModelCardData
from transformers import Wav2Vec2FeatureExtractor

from burst2vec import __version__
from burst2vec.audio.faults import SAMPLE_RATE
from burst2vec.corpora.corpus import Corpus
from burst2vec.corpora.licence import find_licence
from burst2vec.machine.files import write_aside
from burst2vec.models.serialisation import in_half
from burst2vec.models.shipped import FACTS
from burst2vec.pretraining.recipe import Recipe
from burst2vec.pretraining.trainer import Pretrained

_HISTORY, _PROBES, _CARD = "history.csv", "probes.csv", "README.md"

FILES = ("config.json", "model.safetensors", "preprocessor_config.json", FACTS, _HISTORY, _PROBES, _CARD)
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


@dataclass(frozen=True)
class Description:
    """What is said of a pre-trained backbone, and all that its card is made of.

    The `facts` are those of `describe`, the `history` has the columns `trainer.HISTORY`, and the table of `probes` is
    that of `probes.compare`, or None where nothing was probed.
    """

    facts: dict[str, Any]
    history: pd.DataFrame
    probes: pd.DataFrame | None = None


def write_folder(pretrained: Pretrained, folder: Path, description: Description, half: bool = False) -> None:
    """Writes the `FILES` of a pre-trained backbone and its `description`, whole or not at all.

    The weights are written in float32, or with `half` in float16; they are float32 again whenever they are loaded.
    Raises ValueError as `check_free` does, and where a weight is too large for float16.
    """
    check_free(folder)
    model, settings = pretrained.backbone.model, pretrained.backbone.settings
    weights = {name: value.cpu().contiguous() for name, value in model.state_dict().items()}
    if half:
        weights = in_half(weights)
    with write_aside(folder) as aside:
        aside.mkdir()
        model.config.architectures = [type(model).__name__]
        model.config.dtype = torch.float32  # else transformers computes in that of the file
        model.config.save_pretrained(aside)
        # `save_file` would leave a file that only its owner can read.
        (aside / "model.safetensors").write_bytes(safetensors.torch.save(weights, metadata={"format": "pt"}))
        Wav2Vec2FeatureExtractor(sampling_rate=SAMPLE_RATE, do_normalize=settings.do_normalize,
                                 return_attention_mask=settings.attention_mask).save_pretrained(aside)
        write_description(description, aside)


def write_description(description: Description, folder: Path) -> None:
    """Writes what is said of a backbone to its folder: `pretraining.json`, the tables, and the card made of them."""
    (folder / FACTS).write_text(json.dumps(description.facts, indent=1) + "\n", encoding="utf-8")
    description.history.to_csv(folder / _HISTORY, index=False)
    if description.probes is not None:
        description.probes.to_csv(folder / _PROBES, index=False)
    (folder / _CARD).write_text(card(description), encoding="utf-8")


def read_description(folder: Path) -> Description:
    """What is said of the backbone in a folder that `write_folder` wrote. Raises FileNotFoundError for another."""
    if not (folder / FACTS).is_file():
        raise FileNotFoundError(f"{folder}: holds no {FACTS}; expected a folder that burst2vec pretrain wrote")
    probes = pd.read_csv(folder / _PROBES) if (folder / _PROBES).is_file() else None
    facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    return Description(facts, pd.read_csv(folder / _HISTORY), probes)


def without_place(value: object) -> str:
    """A value as text, a folder without where it lies; a name on the hub stays whole."""
    path = Path(str(value)).expanduser()
    return path.resolve().name if path.is_dir() or path.is_absolute() else str(value)


def describe(pretrained: Pretrained, name: str, recipe: Recipe, corpus: Corpus, command: str = "",
             probes: pd.DataFrame | None = None, probed: str = "") -> Description:
    """The description of the backbone `name`, pre-trained as `recipe` says on `corpus` by `command`.

    Its facts can be written as JSON: name, model_type, weights (their number), frames_per_second, the recipe's
    parameters, corpora (name, synthetic, licence and speakers of each), the `trainer.Pretrained.record`, hardware,
    date, version, command, and `probed`, which says on what bursts the `probes` were scored.
    """
    backbone = pretrained.backbone
    heard = [{"name": part.name, "synthetic": part.synthetic, "licence": find_licence(part),
              "speakers": _speakers(part)} for part in corpus.parts or (corpus,)]
    others = {name: value for name in ("checkpoint", "units_from") if (value := getattr(recipe, name))}
    before = [part for other in others.values() for part in corpora_heard(Path(other).expanduser())]
    every = before + heard
    heard = [part for place, part in enumerate(every) if part not in every[:place]]
    facts = {
        "name": name, "model_type": backbone.config.model_type,
        "weights": sum(p.numel() for p in backbone.model.parameters()),
        "frames_per_second": SAMPLE_RATE / backbone.hop,
        "recipe": dataclasses.asdict(recipe) | {name: without_place(value) for name, value in others.items()},
        "corpora": heard,
        "record": pretrained.record, "hardware": hardware(backbone.model.device),
        "date": datetime.date.today().isoformat(), "version": __version__, "command": command, "probed": probed,
    }
    return Description(facts, pretrained.history, probes)


def corpora_heard(folder: Path) -> list[dict[str, Any]]:
    """The corpora that the checkpoint in a folder has heard, as `describe` tells of them, where the folder says so."""
    return read_description(folder).facts["corpora"] if (folder / FACTS).is_file() else []


def _speakers(corpus: Corpus) -> list[str]:
    """The names of those whom a pre-training heard, held-out ones among them; none where they are invented."""
    heard = corpus.table.loc[corpus.table["split"] == "train", "speaker"].dropna()
    return [] if corpus.synthetic else sorted({str(name) for name in heard})


def summary(description: Description) -> dict[str, str]:
    """What was heard, for how long, on what, and what was reached at last, as text by what it is called."""
    facts, last = description.facts, description.history.iloc[-1]
    recipe, record = facts["recipe"], facts["record"]
    return {
        "Hours learnt from": f"{record['hours']:.2f}", "Hours of speakers held out": f"{record['held_out_hours']:.2f}",
        "Steps": f"{record['steps']:,} of {recipe['batch_size']} bursts", "Iterations": str(record["iterations"]),
        "Time": f"{record['minutes']:.1f} minutes", "Hardware": facts["hardware"],
        "Date": facts["date"], "Seed": str(recipe["seed"]),
        "Held-out loss": f"{last['loss']:.3f}", "Loss of a constant guess": f"{last['constant']:.3f}",
        "Held-out accuracy": f"{last['accuracy']:.3f} of masked frames",
        "Written by": f"burst2vec {facts['version']}",
    }


def card(description: Description) -> str:
    """The card of a pre-trained backbone, as Markdown below a header that the hub reads."""
    facts, began = description.facts, description.facts["recipe"]["checkpoint"]
    data = "\n".join(f"- {part['name']}{' (synthetic)' if part['synthetic'] else ''}: its training split"
                     f"{'; licence: ' + part['licence'] if part['licence'] else ''}" for part in facts["corpora"])
    origin = (f"It went on from `{began}`." if began else
              "Its Transformer began with random weights; its feature encoder is a fixed bank of filters.")
    if facts["recipe"].get("units_from"):
        origin += f" Its first units were found in the middle layer of `{facts['recipe']['units_from']}`."
    table = "\n".join(f"| {name} | {value} |" for name, value in summary(description).items())
    sections = [
        f"# {facts['name']}",
        f"A {facts['model_type']} model of {facts['weights'] / 1e6:.1f} million weights and "
        f"{facts['frames_per_second']:g} frames a second, pre-trained on vocal bursts without their labels: it learnt "
        f"{_TASKS[facts['model_type']]}. {origin}",
        f"## Data\n\n{data}", f"## Pre-training\n\n| | |\n|---|---|\n{table}",
        f"```sh\n{facts['command']}\n```" if facts["command"] else "", _probed(description), _USE,
    ]
    header = ModelCardData(library_name="transformers", license="other", license_name="of-the-data",
                           tags=["vocal-bursts", "burst2vec", "pre-training"])
    text = "\n\n".join(section for section in sections if section)
    return ModelCard(f"---\n{header.to_yaml()}\n---\n\n{text}\n").content


def _probed(description: Description) -> str:
    """The section with the scores of the probes; empty where there are none."""
    probes, scored = description.probes, description.facts["probed"]
    if probes is None:
        return ""
    head = "| " + " | ".join(probes.columns) + " |\n|" + "---|" * len(probes.columns)
    rows = "\n".join("| " + " | ".join(f"{v:.3f}" if isinstance(v, float) else str(v) for v in row) + " |"
                     for row in probes.itertuples(index=False))
    where = f"Scored on {scored}.\n\n" if scored else ""
    return f"## What a linear reader finds in frozen features\n\n{where}{head}\n{rows}"


def hardware(device: torch.device) -> str:
    """What computes: the name of the GPU, or the kind of processor and the number of threads."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{torch.get_num_threads()} of {os.cpu_count()} cores, {platform.machine()}"
