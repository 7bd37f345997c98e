"""A Burst2Vec as a folder: `config.json`, `model.safetensors` and the model card `README.md`.

The folder holds all that predictions need; neither the hub nor the backbone's checkpoint is asked. What is read is held
against itself before it is used: the weights against the architecture, every number against infinity.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import safetensors.torch
import torch
from huggingface_hub import snapshot_download
from safetensors import SafetensorError

from burst2vec import __version__
from burst2vec.config import Params
from burst2vec.corpora.corpus import Task
from burst2vec.machine.files import write_aside
from burst2vec.messages import shown
from burst2vec.models.hub import ask_hub, quiet

if TYPE_CHECKING:
    from burst2vec.models.burst2vec import Burst2Vec

CONFIG, WEIGHTS, CARD = FILES = ("config.json", "model.safetensors", "README.md")
FORMAT = 1
"""Counts the changes of `config.json` that an older release could not read."""

HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")
EXPECTED = "expected the folder of a Burst2Vec, as a training or save_pretrained writes it"

NO_CARD = """---
library_name: burst2vec
---
# Burst2Vec

Predicts {tasks} from vocal bursts. It was saved without a model card: nothing is known of its data, its scores or its
licence. `burst2vec.systems.card.describe` writes one.
"""


class ModelError(ValueError):
    """A saved model that cannot be used; the message names the file and what would be right."""


def find_folder(source: str | Path) -> Path:
    """The local folder of a folder or hub name."""
    if Path(source).is_dir():
        return Path(source)
    if Path(source).exists():
        raise ModelError(f"{source}: a file; expected the folder that it lies in")
    if not HUB_NAME.fullmatch(str(source)) or Path(source).parent.is_dir():  # `results/V9` is a mistyped folder
        raise ModelError(f"{source}: there is no such folder; {EXPECTED}")
    try:
        return Path(snapshot_download(str(source), allow_patterns=[*FILES, *(f"*/{n}" for n in FILES)],
                                      local_files_only=not _answers(str(source))))
    except (OSError, ValueError) as error:  # among them the hub's own errors
        raise ModelError(f"{source}: neither a folder here nor to be had from the hub "
                         f"({type(error).__name__}); {EXPECTED}, or a model's name on the hub") from error


def _answers(name: str) -> bool:
    """Whether the hub soon tells of the model of that name; where it does not, there may be a copy in its cache."""
    try:
        ask_hub(name)
    except Exception:  # whatever the hub's HTTP client raises
        return False
    return True


def read_config(folder: Path) -> dict[str, Any]:
    """What `write_config` was given."""
    path = folder / CONFIG
    if not path.is_file():
        raise ModelError(f"{path}: there is no such file; {EXPECTED}")
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelError(f"{path}: not readable as JSON ({error}); {EXPECTED}") from None
    if not isinstance(config, dict) or not {"format", "burst2vec"} <= set(config):
        raise ModelError(f"{path}: does not describe a Burst2Vec; {EXPECTED}")
    version, writer = config.pop("format"), config.pop("burst2vec")
    if version != FORMAT:
        raise ModelError(f"{path}: of format {shown(version)}, written by burst2vec {writer}; this is burst2vec "
                         f"{__version__}, which reads format {FORMAT}")
    return config


def write_config(folder: Path, content: Mapping[str, Any]) -> None:
    """Writes `config.json` into `folder`."""
    text = json.dumps({"format": FORMAT, "burst2vec": __version__, **content}, indent=1, ensure_ascii=False)
    (folder / CONFIG).write_text(text, encoding="utf-8")


def read_model(folder: Path, build: Callable[[dict[str, Any]], Burst2Vec]) -> Burst2Vec:
    """The trained model in a folder, in evaluation mode; `build` makes it from its configuration.

    Raises ModelError where a file is missing, damaged or does not fit the others.
    """
    config = read_config(folder)
    if "members" in config:
        raise ModelError(f"{folder}: an ensemble, which is several models; burst2vec.load loads it")
    with torch.device("meta"):  # its shapes alone: a damaged file may describe a model of any size
        wanted = _build(folder / CONFIG, config, build).state_dict()
    weights = _read_weights(folder / WEIGHTS, wanted)
    model = _build(folder / CONFIG, config, build)
    model.load_state_dict(weights)
    return model.eval()


def write_model(model: Burst2Vec, folder: Path, card: str = "") -> None:
    """Writes a model's three files into `folder`; `card` is the text of `README.md`."""
    write_config(folder, model.to_config())
    weights = {name: value.cpu().contiguous() for name, value in model.state_dict().items()}
    # `save_file` would leave a file that none but its owner can read.
    (folder / WEIGHTS).write_bytes(safetensors.torch.save(weights, metadata={"format": "pt"}))
    text = card or NO_CARD.format(tasks=", ".join(task.name for task in model.tasks))
    (folder / CARD).write_text(text, encoding="utf-8")


def save(model: Burst2Vec, folder: str | Path, card: str = "") -> None:
    """Writes a model's folder, whole or not at all. Raises ModelError where `folder` holds other files."""
    folder = Path(folder).resolve()
    others = sorted(p.name for p in folder.iterdir() if p.name not in FILES) if folder.is_dir() else []
    if others:
        raise ModelError(f"{folder}: holds other files, such as {others[0]}; expected a new folder, or one that "
                         "holds nothing but a saved model, which is replaced")
    with write_aside(folder) as aside:
        aside.mkdir()
        write_model(model, aside, card)


def _build(path: Path, config: dict[str, Any], build: Callable[[dict[str, Any]], Burst2Vec]) -> Burst2Vec:
    try:
        Params(**{name: value for name, value in config.items() if name not in ("tasks", "backbone")})
        with quiet(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = build(config)
        _check_columns(model.tasks)
    except Exception as error:  # whatever the file's values make the libraries below raise
        raise ModelError(f"{path}: describes no model that can be built ({_line(error)}); {EXPECTED}") from error
    absent = sorted(model.to_config().keys() - config.keys())
    if absent:
        raise ModelError(f"{path}: lacks {', '.join(absent)}; {EXPECTED}")
    return model


def _check_columns(tasks: Iterable[Task]) -> None:
    """Raises ValueError where two columns of the predictions would have one name."""
    columns = ["file", "start", "end", *(c for task in tasks for c in (*task.columns, *task.probability_columns))]
    if len(set(columns)) < len(columns):
        raise ValueError(f"the predictions would hold two columns {max(columns, key=columns.count)!r}")


def _read_weights(path: Path, wanted: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The weights in a file, which are those `wanted` by name and shape, and numbers."""
    if not path.is_file():
        raise ModelError(f"{path}: there is no such file; {EXPECTED}")
    try:
        found = safetensors.torch.load_file(path)
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path}: not readable as weights ({_line(error)}); {EXPECTED}, complete") from None
    for lacking, said in ((wanted.keys() - found.keys(), "lacks"), (found.keys() - wanted.keys(), "has")):
        if lacking:
            raise ModelError(f"{path}: {said} {min(lacking)} and {len(lacking) - 1} more, unlike the model that "
                             f"{CONFIG} describes")
    for name, weight in found.items():
        if weight.shape != wanted[name].shape:
            raise ModelError(f"{path}: {name} is {tuple(weight.shape)}; {CONFIG} describes {tuple(wanted[name].shape)}")
        if not torch.isfinite(weight).all():
            raise ModelError(f"{path}: {name} holds values that are not finite numbers; the training has failed, "
                             "or the file is damaged")
    return found


def _line(error: Exception) -> str:
    """The error in one line."""
    return f"{type(error).__name__}: " + " ".join(str(error).split())[:200]
