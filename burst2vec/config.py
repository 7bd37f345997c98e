"""Parameters of an experiment: one flat dataclass, checked before anything runs.

Defaults are the paper's values (section 4, appendix C) and, where it is silent, the choices that the book's page
*Where the paper is silent* explains. A run layers over them a scale (`params/scales/demo.yaml`), a variant
(`params/variants/V4.yaml`) and whatever a notebook or papermill sets.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from burst2vec.messages import shown


class ParameterError(ValueError):
    """A parameter that is unknown, ill-typed or out of range; the message names it and what would be right."""


def _p(default, help: str, *, choices: tuple = (), low: float | None = None, high: float | None = None):
    metadata = {"help": help, "choices": choices, "low": low, "high": high}
    if isinstance(default, list):
        return field(default_factory=lambda: list(default), metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class Params:
    """Every parameter of every notebook; each uses those that concern it."""

    scale: str = _p("", "File of params/scales that this run starts from.")
    variant: str = _p("", "File of params/variants: the code of the system in Table 2.")
    title: str = _p("", "The system's name in Table 2.")
    question: str = _p("", "The question that this variant answers.")

    corpus: list[str] = _p(["synthetic"], "Folder of the corpus, or `synthetic` or `example` for those embedded; several "
                                          "are joined.")
    layout: str = _p("auto", "The corpus's layout on disk, recognised by default.",
                     choices=("auto", "generic", "exvo", "emogator", "vocalsound"))
    tasks: list[str] = _p([], "Tasks to train on, as `age` or, of one corpus only, `exvo:age`; empty for all.")
    split_seed: int = _p(0, "Draws the splits of a corpus that has none.", low=0)
    synthetic_train: int = _p(640, "Training clips of the embedded corpus.", low=4)
    synthetic_val: int = _p(320, "Validation clips of the embedded corpus.", low=4)
    synthetic_test: int = _p(320, "Test clips of the embedded corpus.", low=4)
    synthetic_bias: float = _p(1.0, "How much of the measured association of age and country is planted.", low=0, high=1)
    synthetic_seed: int = _p(0, "Seed of the embedded corpus.", low=0)

    audio: str = _p("provided", "The corpus's own processed audio, or our preprocessing of the raw recordings.",
                    choices=("provided", "own"))
    oversampling: bool = _p(False, "Balance the cells of strongest emotion, age band and country (section 4.1).")
    max_repeat: int = _p(10, "How often oversampling may repeat a burst in an epoch.", low=1)

    backbone: str = _p("facebook/hubert-large-ls960-ft", "Speech representation model: a hub name or a local folder.")
    backbone_size: str = _p("published", "The published weights, or a tiny model of the same family.",
                            choices=("published", "tiny"))
    freeze_feature_encoder: bool = _p(True, "Keep the backbone's convolutional encoder as it is.")
    encode_once: bool = _p(True, "Keep a frozen feature encoder's output for all bursts in memory (ExVo: up to 9 GB).")
    padding: str = _p("exact", "Whether a clip's features are kept from depending on its batch's padding.",
                      choices=("exact", "as_published"))
    pooling: str = _p("real", "Average over real frames only, or over the zero padding's frames too.",
                      choices=("real", "padded"))
    width: int = _p(256, "Features of the projected, shared, task-specific and combined representations.", low=1)
    hidden: int = _p(128, "Width of the hidden layer of heads and discriminator.", low=1)
    dropout: float = _p(0.1, "Dropout after projection, extractors and combination.", low=0, high=0.99)

    adversarial: bool = _p(True, "Adversarial debiasing (section 3.4); -Adv where false.")
    reversal: str = _p("upstream", "What ascends the adversarial losses: all that is upstream, or the extractors alone.",
                       choices=("upstream", "extractors"))
    alpha_discriminator: float = _p(0.5, "Weight of the task discrimination loss, alpha 1 of Eq. 8.", low=0)
    alpha_adversarial: float = _p(0.25, "Weight of the task-specific adversarial losses, alpha 2 of Eq. 8.", low=0)

    batch_size: int = _p(32, "Bursts in a batch.", low=2)
    accumulate: int = _p(1, "In how many parts, one after the other, each process computes its share of a batch: less "
                            "memory, same result.", low=1)
    gradient_checkpointing: bool = _p(False, "Compute the Transformer's activations again on the way back: less memory, "
                                             "same result.")
    out_of_memory: str = _p("stop", "What follows a batch that does not fit: an error, or its being split until it does.",
                            choices=("stop", "split"))
    bucket_batches: int = _p(50, "Batches whose bursts are sorted by length among themselves; 1 for none.", low=1)
    learning_rate: float = _p(1e-5, "Adam's learning rate.", low=0)
    learning_rate_decay: str = _p("none", "Whether the learning rate stays, or falls to zero over `max_epochs`.",
                                  choices=("none", "linear"))
    max_epochs: int = _p(100, "Epochs at most.", low=1)
    validate_every: int = _p(800, "Iterations between validations.", low=1)
    patience: int = _p(20, "Validations without improvement before training stops.", low=1)
    early_stopping_task: str = _p("emotion", "The task whose validation metric decides.")
    inference_batch_size: int = _p(128, "Bursts in a batch of validation and of predictions.", low=1)
    precision: str = _p("auto", "Arithmetic of the model: bfloat16 where the hardware has it (auto), or fixed.",
                        choices=("auto", "float32", "bfloat16"))
    device: str = _p("auto", "Where to train: the GPU where there is one (auto), or a torch device.")
    processes: int = _p(1, "Processes that compute each batch together: as many as there are GPUs.", low=1)
    compile_layers: bool = _p(False, "Compile the Transformer's layers, where there is a compiler for the device.")
    length_multiple: int = _p(0, "Padded lengths are multiples of so many frames, of 20 ms; 0 for what suits the device.", low=0)
    deterministic: bool = _p(False, "On a GPU, too, the same bits from the same seed, at the cost of speed.")
    checkpoint_minutes: float = _p(5.0, "Minutes between checkpoints, of which a killed training loses no more; 0 for one "
                                        "after every step.", low=0)
    restart: bool = _p(False, "Begin anew where an interrupted training of other parameters has left checkpoints, or "
                              "damaged ones.")
    seed: int = _p(0, "Seed of weights, batches and dropout.", low=0)

    baseline_learning_rate: float = _p(1e-3, "Adam's learning rate for the ComParE baseline.", low=0)
    baseline_weight_decay: float = _p(1e-4, "Weight decay for the ComParE baseline.", low=0)
    baseline_batch_size: int = _p(8, "Bursts in a batch of the ComParE baseline.", low=2)
    baseline_max_epochs: int = _p(20, "Epochs of the ComParE baseline at most.", low=1)
    baseline_patience: int = _p(5, "Epochs without improvement before the ComParE baseline stops.", low=1)

    results: str = _p("results", "Folder of results.")
    run: str = _p("", "Name of the run, a folder of `results`; the scale's name by default.")
    cache: str = _p("cache", "Folder of what can be made again: the embedded corpus, waveform stores, features.")

    def __post_init__(self):
        for f in dataclasses.fields(self):
            object.__setattr__(self, f.name, _checked(f, getattr(self, f.name)))

    @classmethod
    def names(cls) -> list[str]:
        """The names of all parameters."""
        return [f.name for f in dataclasses.fields(cls)]

    @classmethod
    def resolve(cls, values: Mapping[str, Any]) -> Params:
        """Parameters from `values`, a mapping or a notebook's `globals()`, over those of the scale and variant it names.

        Raises ParameterError for an unknown name, a wrong type or range, and FileNotFoundError for a scale or
        variant without a file.
        """
        given = _parameters_in(values)
        layered: dict[str, Any] = {}
        for folder, kind in (("scales", "scale"), ("variants", "variant")):
            if isinstance(given.get(kind), str) and given[kind]:
                layered |= read_yaml(project_root() / "params" / folder / f"{given[kind]}.yaml")
        return cls(**{**layered, **given})

    def path(self, name: str) -> Path:
        """The path that a parameter names, relative to the project's root."""
        return project_root() / Path(name).expanduser()

    @property
    def run_name(self) -> str:
        """The run's folder within `results`."""
        return self.run or self.scale or "run"

    @property
    def run_folder(self) -> Path:
        """Where this run's results stand."""
        return self.path(self.results) / self.run_name

    @property
    def folder(self) -> Path:
        """Where this system's results stand within the run."""
        return self.run_folder / (self.variant or "system")

    def to_json(self) -> str:
        """The parameters as JSON text."""
        return json.dumps(dataclasses.asdict(self), indent=1)


UNREADABLE = (yaml.YAMLError, ValueError, RecursionError)
"""What text that is no YAML raises: besides YAML's own errors bytes that are no UTF-8, a date that is none, a number of
thousands of digits, and brackets without end."""


def project_root() -> Path:
    """The nearest folder, from here upwards, that holds `params/scales`; the current folder where there is none."""
    here = Path.cwd()
    return next((p for p in (here, *here.parents) if (p / "params" / "scales").is_dir()), here)


def read_yaml(path: Path) -> dict[str, Any]:
    """The flat mapping of parameters in a YAML file. Raises FileNotFoundError and ParameterError, naming the file."""
    if not path.is_file():
        others = ", ".join(sorted(p.stem for p in path.parent.glob("*.yaml"))) or "none"
        raise FileNotFoundError(f"{path}: no such parameter file; there are {others}")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except UNREADABLE as error:
        where = f", line {error.problem_mark.line + 1}" if getattr(error, "problem_mark", None) else ""
        raise ParameterError(f"{path}{where}: not readable as YAML; expected lines `name: value`") from None
    if not isinstance(content, dict):
        raise ParameterError(f"{path}: expected lines `name: value`")
    for name in content:
        _refuse_unknown(name, f"{path}: ")
    return content


def _parameters_in(values: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters among a namespace's plain values.

    A notebook's first cell holds nothing but parameters, so a plain value of another name is a mistake. In a notebook
    where cells have run already, other names are the reader's own, unless they look like a misspelt parameter.
    """
    fresh = "params" not in values
    plain = {k: v for k, v in values.items() if not k.startswith("_") and k not in ("In", "Out")
             and (isinstance(v, str | int | float | list | tuple | dict | type(None)) or fresh and _meant(k, v))}
    for name in plain:
        if fresh or _alike(name):
            _refuse_unknown(name)
    return {k: v for k, v in plain.items() if k in Params.names()}


def _meant(name: str, value: Any) -> bool:
    """Whether an object that is no plain value was given as a parameter (`results = Path("out")`), not imported."""
    return name in Params.names() and not callable(value) and not isinstance(value, types.ModuleType)


def _alike(name: str) -> list[str]:
    return difflib.get_close_matches(str(name), Params.names(), n=1, cutoff=0.85)


def _refuse_unknown(name: str, where: str = "") -> None:
    if name not in Params.names():
        alike = difflib.get_close_matches(str(name), Params.names(), n=1)
        hint = f"; did you mean {alike[0]}?" if alike else f"; known are {', '.join(Params.names())}"
        raise ParameterError(f"{where}unknown parameter {shown(name)}{hint}")


def _checked(f: dataclasses.Field, value: Any) -> Any:
    """The value in the field's type. YAML reads `1e-3` as text, so a number in quotes is taken as the number."""
    kind = str(f.type)
    if kind == "float" and isinstance(value, str | int) and not isinstance(value, bool):
        try:
            value = float(value)
        except (ValueError, OverflowError):
            pass
    if kind == "list[str]" and isinstance(value, str | tuple):
        value = [value] if isinstance(value, str) else list(value)
    right = {
        "str": isinstance(value, str), "bool": isinstance(value, bool), "float": isinstance(value, float),
        "int": isinstance(value, int) and not isinstance(value, bool),
        "list[str]": isinstance(value, list) and all(isinstance(v, str) for v in value),
    }[kind]
    if not right:
        raise ParameterError(f"parameter {f.name} is {shown(value)}; expected {kind}. {f.metadata['help']}")
    low, high, choices = (f.metadata[k] for k in ("low", "high", "choices"))
    if choices and value not in choices:
        raise ParameterError(f"parameter {f.name} is {shown(value)}; expected one of {', '.join(choices)}")
    if (low is not None and not value >= low) or (high is not None and not value <= high):
        bounds = " and ".join(b for b in (f"at least {low}" * (low is not None), f"at most {high}" * (high is not None)) if b)
        raise ParameterError(f"parameter {f.name} is {shown(value)}; expected {bounds}")
    return value
