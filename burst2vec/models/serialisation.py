"""A Burst2Vec as a folder of `config.json`, `model.safetensors` and the model card `README.md`.

The folder holds all that predictions need; neither the hub nor the checkpoint of the backbone is asked. What is read is
checked before it is used: the weights must fit the architecture, and all of them must be finite. The card is for people
and the hub; it is written, and never read.
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
from burst2vec.models.hub import ask_hub, one_line, quiet_transformers

if TYPE_CHECKING:
    from burst2vec.models.burst2vec import Burst2Vec

CONFIG, WEIGHTS, CARD = FILES = ("config.json", "model.safetensors", "README.md")
"""The names of a model's files."""

FORMAT = 1
"""The format of `config.json`, which counts its changes that an older release could not read."""

_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")
_EXPECTED = "expected the folder of a Burst2Vec, as a training or save_pretrained writes it"
_NO_CARD = """---
library_name: burst2vec
---
# Burst2Vec

Predicts {tasks} from vocal bursts. It was saved without a model card: nothing is known of its data, its scores or its
licence. `burst2vec.systems.card.describe_model` writes one.
"""


class ModelError(ValueError):
    """A saved model cannot be used; the message names the file and what would be right."""


def find_folder(source: str | Path) -> Path:
    """The local folder that a path or a name on the hub stands for. Raises ModelError where there is none."""
    if Path(source).is_dir():
        return Path(source)
    if Path(source).exists():
        raise ModelError(f"{source}: a file; expected the folder that it lies in")
    if not _HUB_NAME.fullmatch(str(source)) or Path(source).parent.is_dir():  # `results/V9` is a mistyped folder
        raise ModelError(f"{source}: there is no such folder; {_EXPECTED}")
    try:
        return Path(snapshot_download(str(source), allow_patterns=[*FILES, *(f"*/{name}" for name in FILES)],
                                      local_files_only=not _hub_answers(str(source))))
    except (OSError, ValueError) as error:  # the hub's own errors are of these types
        raise ModelError(f"{source}: neither a folder here nor to be had from the hub "
                         f"({type(error).__name__}); {_EXPECTED}, or a model's name on the hub") from error


def _hub_answers(name: str) -> bool:
    """Whether the hub soon answers that it has the model of that name. If not, its cache may still hold a copy."""
    try:
        ask_hub(name)
    except Exception:  # the hub's HTTP client raises errors of many types
        return False
    return True


def read_config(folder: Path) -> dict[str, Any]:
    """The content of `config.json`, as `write_config` was given it. Raises ModelError where it cannot be read."""
    path = folder / CONFIG
    if not path.is_file():
        raise ModelError(f"{path}: there is no such file; {_EXPECTED}")
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelError(f"{path}: not readable as JSON ({error}); {_EXPECTED}") from None
    if not isinstance(config, dict) or not {"format", "burst2vec"} <= set(config):
        raise ModelError(f"{path}: does not describe a Burst2Vec; {_EXPECTED}")
    version, writer = config.pop("format"), config.pop("burst2vec")
    if version != FORMAT:
        raise ModelError(f"{path}: of format {shown(version)}, written by burst2vec {writer}; this is burst2vec "
                         f"{__version__}, which reads format {FORMAT}")
    return config


def write_config(folder: Path, content: Mapping[str, Any]) -> None:
    """Writes `config.json` into `folder`, with the format and the release that wrote it."""
    text = json.dumps({"format": FORMAT, "burst2vec": __version__, **content}, indent=1, ensure_ascii=False)
    (folder / CONFIG).write_text(text, encoding="utf-8")


def read_model(folder: Path, build: Callable[[dict[str, Any]], Burst2Vec]) -> Burst2Vec:
    """The trained model in a folder, in evaluation mode. `build` makes a model from its configuration.

    Raises ModelError where a file is missing, damaged or does not fit the others.
    """
    config = read_config(folder)
    if "members" in config:
        raise ModelError(f"{folder}: an ensemble, which is several models; burst2vec.load loads it")
    with torch.device("meta"):  # shapes alone, since a damaged file may describe a model of any size
        wanted = _build(folder / CONFIG, config, build).state_dict()
    weights = _read_weights(folder / WEIGHTS, wanted)
    model = _build(folder / CONFIG, config, build)
    model.load_state_dict(weights)
    return model.eval()


def write_model(model: Burst2Vec, folder: Path, card: str = "") -> None:
    """Writes the three files of a model into `folder`. `card` is the text of `README.md`."""
    write_config(folder, model.to_config())
    weights = {name: value.cpu().contiguous() for name, value in model.state_dict().items()}
    # `save_file` would leave a file that only its owner can read.
    (folder / WEIGHTS).write_bytes(safetensors.torch.save(weights, metadata={"format": "pt"}))
    text = card or _NO_CARD.format(tasks=", ".join(task.name for task in model.tasks))
    (folder / CARD).write_text(text, encoding="utf-8")


def save(model: Burst2Vec, folder: str | Path, card: str = "") -> None:
    """Writes the folder of a model, whole or not at all. Raises ModelError where `folder` holds other files."""
    folder = Path(folder).resolve()
    others = sorted(p.name for p in folder.iterdir() if p.name not in FILES) if folder.is_dir() else []
    if others:
        raise ModelError(f"{folder}: holds other files, such as {others[0]}; expected a new folder, or one that "
                         "holds nothing but a saved model, which is replaced")
    with write_aside(folder) as aside:
        aside.mkdir()
        write_model(model, aside, card)


def _build(path: Path, config: dict[str, Any], build: Callable[[dict[str, Any]], Burst2Vec]) -> Burst2Vec:
    """The model that the configuration at `path` describes. Raises ModelError where none can be built from it."""
    try:
        Params(**{name: value for name, value in config.items() if name not in ("tasks", "backbone", "heard")})
        with quiet_transformers(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = build(config)
        _check_columns(model.tasks)
    except Exception as error:  # odd values make the libraries below raise errors of many types
        raise ModelError(f"{path}: describes no model that can be built ({one_line(error)}); {_EXPECTED}") from error
    absent = sorted(model.to_config().keys() - config.keys())
    if absent:
        raise ModelError(f"{path}: lacks {', '.join(absent)}; {_EXPECTED}")
    return model


def _check_columns(tasks: Iterable[Task]) -> None:
    """Raises ValueError where two columns of the predictions would have the same name."""
    columns = ["file", "start", "end", *(c for task in tasks for c in (*task.columns, *task.probability_columns))]
    if len(set(columns)) < len(columns):
        raise ValueError(f"the predictions would hold two columns {max(columns, key=columns.count)!r}")


def _read_weights(path: Path, wanted: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The weights in a file. Raises ModelError unless they are those `wanted`, by name and shape, and finite."""
    if not path.is_file():
        raise ModelError(f"{path}: there is no such file; {_EXPECTED}")
    try:
        found = safetensors.torch.load_file(path)
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path}: not readable as weights ({one_line(error)}); {_EXPECTED}, complete") from None
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
