"""A Burst2Vec as a folder of `config.json`, `model.safetensors` and the model card `README.md`.

The folder holds all that predictions need; neither the hub nor the checkpoint of the backbone is asked. What is read is
checked before it is used: the weights must fit the architecture, and all of them must be finite. They may be stored in
half precision; a model is one of float32 all the same. The card is for people and the hub; it is written, and never
read.
"""

from __future__ import annotations

import json
import os
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
from burst2vec.models.shipped import MODEL, shipped

if TYPE_CHECKING:
    from burst2vec.models.burst2vec import Burst2Vec

CONFIG, WEIGHTS, CARD = FILES = ("config.json", "model.safetensors", "README.md")
"""The names of a model's files."""

FORMAT = 4
"""The format of `config.json`, which counts its changes that an older release could not read."""

_ADDED: dict[int, dict[str, Any]] = {2: {"pooled_layers": "last", "pooled_statistics": "mean"},
                                     3: {"pooled_scale": "as_is"}, 4: {"temperatures": {}}}
"""What each format has added to the configuration of a model, with the value that every older model has."""

_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")
_EXPECTED = "expected the folder of a Burst2Vec, as a training or save_pretrained writes it"
_OR_SHIPPED = f"or {MODEL}, which comes with burst2vec"
_NO_CARD = """---
library_name: burst2vec
---
# Burst2Vec

Predicts {tasks} from vocal bursts. It was saved without a model card: nothing is known of its data, its scores or its
licence. `burst2vec.systems.card.describe_model` writes one.
"""


class ModelError(ValueError):
    """A saved model cannot be used; the message names the file and what would be right."""


def find_folder(source: str | Path | None = None) -> Path:
    """The local folder that a path, or a name, stands for; by default that of the model that comes with the package.

    The text `emogator` (`shipped.MODEL`) names that model wherever it is said. Where a file or folder of this name lies
    here, the bare name is refused, and `./emogator` or a `Path` is the folder. Other texts are paths, or else names on
    the hub. Raises ModelError where there is no such folder.
    """
    if source is None or source == MODEL:  # a Path equals no text
        return _find_shipped(source)
    if not str(source):  # which would be the current folder
        raise ModelError(f"the model's name is empty; {_EXPECTED}, {_OR_SHIPPED}")
    if Path(source).is_dir():
        return Path(source)
    if Path(source).exists():
        raise ModelError(f"{source}: a file; expected the folder that it lies in")
    if not _HUB_NAME.fullmatch(str(source)) or Path(source).parent.is_dir():  # `results/V9` is a mistyped folder
        raise ModelError(f"{source}: there is no such folder; {_EXPECTED}, {_OR_SHIPPED}")
    try:
        return Path(snapshot_download(str(source), allow_patterns=[*FILES, *(f"*/{name}" for name in FILES)],
                                      local_files_only=not _hub_answers(str(source))))
    except (OSError, ValueError) as error:  # the hub's own errors are of these types
        raise ModelError(f"{source}: neither a folder here nor to be had from the hub ({type(error).__name__}); "
                         f"{_EXPECTED}, a model's name on the hub, {_OR_SHIPPED}") from error


def _find_shipped(named: str | Path | None) -> Path:
    """The folder of the model that comes with the package, whether it is `named` or meant by default."""
    folder = shipped(MODEL)
    if folder is None:
        raise ModelError(f"{MODEL}: its weights, which come with burst2vec, are not in this installation; install "
                         "burst2vec anew, or name the folder of another model")
    if named is not None and os.path.lexists(named):
        raise ModelError(f"{named}: comes with burst2vec, and lies here as well; expected ./{named} for what lies "
                         f"here, or {folder} for the other")
    return folder


def _hub_answers(name: str) -> bool:
    """Whether the hub soon answers that it has the model of that name. If not, its cache may still hold a copy."""
    try:
        ask_hub(name)
    except Exception:  # the hub's HTTP client raises errors of many types
        return False
    return True


def read_config(folder: Path) -> dict[str, Any]:
    """The content of `config.json`, as `write_config` was given it.

    What a model of an older format did not say has the value that it had then. Raises ModelError where the file cannot
    be read.
    """
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
    if version not in range(1, FORMAT + 1):
        raise ModelError(f"{path}: of format {shown(version)}, written by burst2vec {writer}; this is burst2vec "
                         f"{__version__}, which reads formats 1 to {FORMAT}")
    if "members" not in config:
        for later in range(version + 1, FORMAT + 1):
            config = _ADDED[later] | config
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


def write_model(model: Burst2Vec, folder: Path, card: str = "", half: bool = False) -> None:
    """Writes the three files of a model into `folder`. `card` is the text of `README.md`.

    With `half` the weights are stored in half precision (float16), in half the space. Raises ModelError where one is
    too large for that.
    """
    weights = {name: value.cpu().contiguous() for name, value in model.state_dict().items()}
    if half:
        weights = in_half(weights)
    write_config(folder, model.to_config())
    # `save_file` would leave a file that only its owner can read.
    (folder / WEIGHTS).write_bytes(safetensors.torch.save(weights, metadata={"format": "pt"}))
    text = card or _NO_CARD.format(tasks=", ".join(task.name for task in model.tasks))
    (folder / CARD).write_text(text, encoding="utf-8")


def in_half(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The weights in half precision (float16); those of whole numbers stay as they are.

    Raises ModelError where one is too large for that.
    """
    halved = {name: value.half() if value.is_floating_point() else value for name, value in weights.items()}
    for name, value in halved.items():
        if not torch.isfinite(value).all():
            raise ModelError(f"{name} holds values of up to {weights[name].abs().max():.3g}, too large for half "
                             f"precision, which ends at {torch.finfo(torch.half).max:g}; save the model in float32")
    return halved


def save(model: Burst2Vec, folder: str | Path, card: str = "", half: bool = False) -> None:
    """Writes the folder of a model, whole or not at all, as `write_model` does.

    Raises ModelError where `folder` holds other files.
    """
    folder = Path(folder).resolve()
    others = sorted(p.name for p in folder.iterdir() if p.name not in FILES) if folder.is_dir() else []
    if others:
        raise ModelError(f"{folder}: holds other files, such as {others[0]}; expected a new folder, or one that "
                         "holds nothing but a saved model, which is replaced")
    with write_aside(folder) as aside:
        aside.mkdir()
        write_model(model, aside, card, half)


def holds_model(path: str | Path) -> bool:
    """Whether a path is the folder of a model or an ensemble, complete or not, as far as its `config.json` shows."""
    try:
        return '"burst2vec"' in (Path(path) / CONFIG).read_text(encoding="utf-8", errors="replace")
    except (OSError, ValueError):  # ValueError for a path that none can be
        return False


def _build(path: Path, config: dict[str, Any], build: Callable[[dict[str, Any]], Burst2Vec]) -> Burst2Vec:
    """The model that the configuration at `path` describes. Raises ModelError where none can be built from it."""
    try:
        Params(**{name: value for name, value in config.items()
                  if name not in ("tasks", "backbone", "heard", "temperatures")})
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
