"""Parameters of an experiment: one flat dataclass, checked before anything runs.

Defaults are the paper's values (section 4, appendix C) and, where it is silent, the choices that the book's page
*Where the paper is silent* explains. A run layers over them a scale (`params/scales/demo.yaml`), a variant
(`params/variants/V4.yaml`) and whatever a notebook, papermill or the command line sets.
"""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import json
import math
import os
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from burst2vec.messages import shown

JOB = "BURST2VEC_JOB"
"""The environment variable of kernels that run a notebook from its first cell to its last, as papermill's do."""

BY_HAND = "by-hand"
"""The folder within a run's for what a notebook writes that is run by hand, where the run has it already."""


class ParameterError(ValueError):
    """A parameter is unknown, ill-typed or out of range; the message names it and says what would be right."""


def _p(default, help: str, *, choices: tuple = (), low: float | None = None, high: float | None = None) -> Any:
    metadata = {"help": help, "choices": choices, "low": low, "high": high}
    if isinstance(default, list):
        return field(default_factory=lambda: list(default), metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class Params:
    """All parameters of all notebooks; each notebook uses those that concern it.

    `scale` and `variant` are names here, and no more: `Params.resolve` reads the files that they name, `Params(...)`
    does not.
    """

    scale: str = _p("", "File of params/scales that this run starts from.")
    variant: str = _p("", "File of params/variants: the code of the system in Table 2.")
    title: str = _p("", "The system's name in Table 2.")
    question: str = _p("", "The question that this variant answers.")

    corpus: list[str] = _p(["synthetic"], "Folder of the corpus, or `synthetic` or `example` for the embedded ones; "
                                          "several corpora are joined.", low=1)
    layout: str = _p("auto", "The corpus's layout on disk, recognised by default.",
                     choices=("auto", "generic", "exvo", "emogator", "vocalsound"))
    tasks: list[str] = _p([], "Tasks to train on, as `age` or, for one corpus only, `exvo:age`; empty for all.")
    split_seed: int = _p(0, "Seed of the splits of a corpus that comes without splits.", low=0)
    synthetic_train: int = _p(640, "Training clips of the embedded corpus.", low=4)
    synthetic_val: int = _p(320, "Validation clips of the embedded corpus.", low=4)
    synthetic_test: int = _p(320, "Test clips of the embedded corpus.", low=4)
    synthetic_bias: float = _p(1.0, "Planted association of age and country: 0 for none, 1 as measured, 2 for twice as "
                                    "strong.", low=0, high=2)
    synthetic_ageing: float = _p(0.0, "How audible age is: 0 as in people, which is hardly, 1 plainly.", low=0, high=1)
    synthetic_seed: int = _p(0, "Seed of the embedded corpus.", low=0)

    audio: str = _p("provided", "The corpus's own processed audio, or our preprocessing of the raw recordings.",
                    choices=("provided", "own"))
    oversampling: bool = _p(False, "Balance the cells of strongest emotion, age band and country (section 4.1).")
    max_repeat: int = _p(2, "How often oversampling may repeat a burst in an epoch.", low=1)

    backbone: str = _p("facebook/hubert-large-ls960-ft", "Speech representation model: a hub name or a local folder.")
    backbone_size: str = _p("published", "The published weights, a small pre-trained model of the same family that "
                                         "comes with the package, or a tiny one with random weights.",
                            choices=("published", "small", "tiny"))
    pretrained: bool = _p(True, "Begin with the backbone's weights; false for a Transformer with random weights behind "
                                "the same feature encoder, which shows what they are worth.")
    freeze_feature_encoder: bool = _p(True, "Keep the backbone's convolutional encoder as it was pre-trained.")
    encode_once: bool = _p(True, "Keep a frozen feature encoder's output for all bursts in memory (ExVo: up to 9 GB).")
    padding: str = _p("exact", "Whether a clip's features are independent of the padding in its batch.",
                      choices=("exact", "as_published"))
    pooling: str = _p("real", "Average over real frames only, or over the zero padding's frames too.",
                      choices=("real", "padded"))
    pooled_layers: str = _p("last", "What is averaged: the Transformer's last layer, or its input and all layers "
                                    "side by side.", choices=("last", "all"))
    pooled_statistics: str = _p("mean", "What the embedding holds of each feature: its mean over time, or its standard "
                                        "deviation too.", choices=("mean", "mean_deviation"))
    pooled_scale: str = _p("as_is", "Whether each feature of the embedding is brought to mean 0 and deviation 1, like "
                                    "those of the training bursts before the first step.",
                           choices=("as_is", "standardised"))
    width: int = _p(256, "Features of the projected, shared, task-specific and combined representations.", low=1)
    hidden: int = _p(128, "Width of the hidden layer of heads and discriminator.", low=1)
    dropout: float = _p(0.1, "Dropout after projection, extractors and combination.", low=0, high=0.99)

    adversarial: bool = _p(True, "Adversarial debiasing (section 3.4); false in the variants marked -Adv.")
    reversal: str = _p("upstream", "What ascends the adversarial losses: all layers upstream, or the extractors alone.",
                       choices=("upstream", "extractors"))
    alpha_discriminator: float = _p(0.5, "Weight of the task discrimination loss, alpha 1 of Eq. 8.", low=0)
    alpha_adversarial: float = _p(0.25, "Weight of the task-specific adversarial losses, alpha 2 of Eq. 8.", low=0)

    batch_size: int = _p(32, "Bursts in a batch.", low=2)
    accumulate: int = _p(1, "Parts in which each process computes its share of a batch, one after the other: less "
                            "memory, same result.", low=1)
    gradient_checkpointing: bool = _p(False, "Compute the Transformer's activations again in the backward pass: less "
                                             "memory, same result.")
    out_of_memory: str = _p("stop", "Whether a batch that does not fit stops the run, or is split until it fits.",
                            choices=("stop", "split"))
    learning_rate: float = _p(1e-5, "Adam's learning rate.", low=0)
    head_learning_rate: float = _p(0, "Adam's learning rate for all that is not the backbone; 0 for the same.", low=0)
    warmup_steps: int = _p(0, "Steps over which the learning rate rises linearly; `head_steps` have a rise of their "
                              "own.", low=0)
    learning_rate_decay: str = _p("none", "Whether the learning rate stays, or falls to zero over the training, "
                                          "and over `head_steps`.",
                                  choices=("none", "linear"))
    head_steps: int = _p(0, "Steps at the start in which only what follows the embedding learns, from embeddings that "
                            "are computed once (Kumar et al., 2022).", low=0)
    max_gradient_norm: float = _p(0, "The norm to which longer gradients are shortened; 0 for no clipping.", low=0)
    epoch: str = _p("one_pass", "Whether an epoch shows each burst once, for one task, or once to each task.",
                    choices=("one_pass", "each_task"))
    max_epochs: int = _p(100, "Epochs at most.", low=1)
    max_steps: int = _p(0, "Steps at most, which makes trainings comparable; 0 for as many as the epochs have.", low=0)
    validate_every: int = _p(800, "Iterations between validations.", low=1)
    patience: int = _p(20, "Validations without improvement before training stops; those of `head_steps` do not "
                           "count.", low=1)
    early_stopping_task: str = _p("auto", "The task whose validation metric decides: emotion if it is posed, or else "
                                          "the corpus's first (auto), or as named.")
    collapse_patience: int = _p(0, "Validations in a row with one and the same prediction for all bursts, in the task "
                                   "that decides, before training stops; 0 for no such check.", low=0)
    inference_batch_size: int = _p(128, "Bursts in a batch of validation and of predictions.", low=1)
    precision: str = _p("auto", "Arithmetic of the model: bfloat16 where the hardware has it (auto), or as named.",
                        choices=("auto", "float32", "bfloat16"))
    device: str = _p("auto", "Where to train: on the GPU where there is one (auto), or on a torch device.")
    processes: int = _p(1, "Processes that compute each batch together: as many as there are GPUs.", low=1)
    compile_layers: bool = _p(False, "Compile the Transformer's layers, where there is a compiler for the device.")
    length_multiple: int = _p(0, "Padded lengths are multiples of this many frames; 0 for what suits the device.",
                              low=0)
    deterministic: bool = _p(False, "The same bits from the same seed on a GPU too, at the cost of speed.")
    tensorboard: str = _p("", "Folder in which TensorBoard finds losses and metrics as they come; empty for none.")
    checkpoint_minutes: float = _p(5.0, "Minutes between checkpoints, the most that a killed training loses; 0 for one "
                                        "after every step.", low=0)
    restart: bool = _p(False, "Begin anew where an interrupted training has left checkpoints of other parameters, or "
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
    play_recordings: bool = _p(False, "Make recordings of people part of the pages, so that they can be heard; the "
                                      "licence of the corpus has to allow that.")

    def __post_init__(self):
        for f in dataclasses.fields(self):
            object.__setattr__(self, f.name, _checked(f, getattr(self, f.name)))

    @classmethod
    def names(cls) -> list[str]:
        """The names of all parameters."""
        return [f.name for f in dataclasses.fields(cls)]

    @classmethod
    def resolve(cls, values: Mapping[str, Any]) -> Params:
        """The parameters in `values`, a mapping or a notebook's `globals()`, over the scale and variant that they name.

        Raises ParameterError for an unknown name, a wrong type or a value out of range, and FileNotFoundError for a
        scale or variant without a file.
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
        """The name of the run's folder within `results`."""
        return self.run or self.scale or "run"

    @property
    def run_folder(self) -> Path:
        """The folder of this run's results."""
        return self.path(self.results) / self.run_name

    @property
    def folder(self) -> Path:
        """The folder of this system's results, within the run's."""
        return self.run_folder / (self.variant or "system")

    def output(self, *parts: str) -> Path:
        """Where a notebook writes a file or a folder of the run, named by its parts within the run's folder.

        A notebook that is run by hand, as in JupyterLab, leaves alone what is there already: then this is a place in
        the run's folder `by-hand`, which is said in a line.
        """
        place = self.run_folder.joinpath(*parts)
        if JOB in os.environ or not place.exists():
            return place
        aside = self.run_folder.joinpath(BY_HAND, *parts)
        print(f"{place} stays as it is; a notebook that is run by hand writes to {aside}")
        return aside

    def to_json(self) -> str:
        """The parameters as JSON text."""
        return json.dumps(dataclasses.asdict(self), indent=1)


CHANGES_NOTHING = ("scale", "variant", "title", "question", "results", "run", "cache", "restart", "tensorboard",
                   "checkpoint_minutes", "play_recordings", "accumulate", "gradient_checkpointing", "out_of_memory")
"""The parameters on which the numbers of a training do not depend, or only in which features of the backbone dropout
drops. They may change before a training resumes, and from one seed of a variant to another."""


def project_root() -> Path:
    """The nearest folder, from the current one upwards, that holds `params/scales`, or else the current folder."""
    here = Path.cwd()
    return next((p for p in (here, *here.parents) if (p / "params" / "scales").is_dir()), here)


def read_yaml(path: Path) -> dict[str, Any]:
    """The parameters in a YAML file of lines `name: value`.

    Raises FileNotFoundError and ParameterError, naming the file.
    """
    if not path.is_file():
        others = ", ".join(sorted(p.stem for p in path.parent.glob("*.yaml"))) or "none"
        raise FileNotFoundError(f"{path}: no such parameter file; there are {others}")
    content = read_mapping(path)
    for name in content:
        _refuse_unknown(name, f"{path}: ")
    return content


def read_mapping(path: Path) -> dict[Any, Any]:
    """What a YAML file of lines `name: value` says; an empty file says nothing.

    Raises OSError, and ParameterError, naming the file, the line and what is wrong, for a file that is no such YAML, a
    name that is there twice, and a number that YAML reads as another number than it looks like.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _Loader) or {}
    except yaml.MarkedYAMLError as error:
        where = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ParameterError(f"{path}{where}: not readable as YAML ({error.problem})") from None
    except UNREADABLE:
        raise ParameterError(f"{path}: not readable as YAML; expected lines `name: value`") from None
    if not isinstance(content, dict):
        raise ParameterError(f"{path}: expected lines `name: value`")
    return content


def parse(typed: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The values of parameters that were typed as text, as pairs of name and text, by their declared types.

    Text stays as it was typed. A list is written in brackets, as in `[emotion, age]`, or item by item, by naming the
    parameter several times; its items are text, too. Of other parameters that are named several times the last counts.
    Text that is no value of its parameter's type is left for `Params` to refuse. Raises ParameterError for an unknown
    name and for a list that is not readable.
    """
    kinds = {f.name: str(f.type) for f in dataclasses.fields(Params)}
    values: dict[str, Any] = {}
    for name, text in typed:
        _refuse_unknown(name)
        if kinds[name] == "list[str]":
            values[name] = values.get(name, []) + _items(name, text)
        else:
            values[name] = _typed(kinds[name], text)
    return values


UNREADABLE = (yaml.YAMLError, ValueError, RecursionError)
"""The errors that reading text by `StrictLoader` raises: YAML's own, and Python's for bytes that are not UTF-8 and for
brackets without end."""


class StrictLoader(yaml.SafeLoader):
    """YAML in which no key stands twice: the later one would win without a word."""

    twice = "{} is there twice"
    """What is said of such a key."""

    def construct_mapping(self, node, deep=False):
        keys = [key.value for key, _ in node.value]
        twice = [key for key, _ in node.value if keys.count(key.value) > 1]
        if twice:
            raise yaml.constructor.ConstructorError(
                problem=self.twice.format(twice[-1].value), problem_mark=twice[-1].start_mark)
        return super().construct_mapping(node, deep)

    def construct_object(self, node, deep=False):
        try:
            return super().construct_object(node, deep)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):  # PyYAML's, of a tag gone wrong
            raise yaml.constructor.ConstructorError(
                problem=f"{shown(node.value)} is none of the type {node.tag}", problem_mark=node.start_mark) from None


class _Loader(StrictLoader):
    """YAML that refuses a number that it would read as another number than it looks like."""

    def construct_yaml_int(self, node):
        number = super().construct_yaml_int(node)
        if node.value.lstrip("+").replace("_", "") != str(number):
            raise yaml.constructor.ConstructorError(
                problem=f"{node.value} means {number} there; write that, or put quotes around text",
                problem_mark=node.start_mark)
        return number


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)


def _items(name: str, text: str) -> list[Any]:
    """The items of a list that was typed; text without brackets is one item."""
    if not (text.startswith("[") and text.endswith("]")):
        return [text]
    try:
        return yaml.load(text, yaml.BaseLoader)  # which takes every item for text
    except UNREADABLE:
        raise ParameterError(f"parameter {name} is {shown(text)}; expected a list such as [a, \"b, c\"]") from None


def _typed(kind: str, text: str) -> Any:
    """The text as a value of its parameter's type, or as it is where it is none."""
    read: dict[str, Callable[[str], Any]] = {"bool": _true_or_false, "int": int, "float": float, "str": str}
    try:
        return read[kind](text)
    except ValueError:
        return text


def _true_or_false(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError
    return text.lower() == "true"


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
    """Whether an object that is no plain value was given as a parameter (`results = Path("out")`) and not imported."""
    return name in Params.names() and not callable(value) and not isinstance(value, types.ModuleType)


def _alike(name: str) -> list[str]:
    return difflib.get_close_matches(str(name), Params.names(), n=1, cutoff=0.85)


def _refuse_unknown(name: Any, where: str = "") -> None:
    if name not in Params.names():
        alike = difflib.get_close_matches(str(name), Params.names(), n=1)
        hint = f"; did you mean {alike[0]}?" if alike else f"; known are {', '.join(Params.names())}"
        raise ParameterError(f"{where}unknown parameter {shown(name)}{hint}")


KINDS = {"str": "text", "bool": "true or false", "int": "a whole number", "float": "a number",
         "list[str]": "a list of texts"}
"""What is expected of a parameter of each type, in words."""


def _checked(f: dataclasses.Field, value: Any) -> Any:
    """The value in the field's type. Raises ParameterError where it is of another type or out of range."""
    value = _converted(str(f.type), value)
    low, high, choices = (f.metadata[k] for k in ("low", "high", "choices"))
    expected = ""
    if not _is_a(str(f.type), value) or (isinstance(value, list) and low and len(value) < low):
        expected = f"{KINDS[str(f.type)]}. {f.metadata['help']}"
    elif choices and value not in choices:
        expected = f"one of {', '.join(choices)}"
    elif isinstance(value, list):
        return value
    elif (low is not None and value < low) or (high is not None and value > high):
        bounds = (("least", low), ("most", high))
        expected = " and ".join(f"at {end} {bound}" for end, bound in bounds if bound is not None)
    if expected:
        quotes = "; in a YAML file put quotes around text" if f.type == "str" and isinstance(value, float | int) else ""
        raise ParameterError(f"parameter {f.name} is {shown(value)}; expected {expected}{quotes}")
    return value


def _converted(kind: str, value: Any) -> Any:
    """The value in its parameter's type, where it is as good as of that type: YAML reads `1e-3` as text."""
    if kind == "float" and isinstance(value, str | int) and not isinstance(value, bool):
        with contextlib.suppress(ValueError, OverflowError):
            return float(value)
    if kind == "list[str]" and isinstance(value, str | tuple):
        return [value] if isinstance(value, str) else list(value)
    return value


def _is_a(kind: str, value: Any) -> bool:
    return {
        "str": isinstance(value, str), "bool": isinstance(value, bool),
        "int": isinstance(value, int) and not isinstance(value, bool),
        "float": isinstance(value, float) and math.isfinite(value),
        "list[str]": isinstance(value, list) and all(isinstance(v, str) and v for v in value),
    }[kind]
