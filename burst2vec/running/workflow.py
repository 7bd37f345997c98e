"""What the Snakefile needs to know before it plans anything: parameters, and trainings beside the variants."""

from __future__ import annotations

import contextlib
import json
import operator
import shlex
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import nbformat

from burst2vec.config import ParameterError, Params, parse, project_root, read_mapping, read_yaml
from burst2vec.machine.files import write_aside
from burst2vec.messages import REFUSALS, refusal, shown


@contextlib.contextmanager
def refusing() -> Iterator[None]:
    """Ends the process in one line on standard error where the block refuses what was given.

    Snakemake would show where in the Snakefile that was, in several lines.
    """
    try:
        yield
    except REFUSALS as error:
        sys.exit(refusal(error))


def given(config: Mapping[str, Any], arguments: Iterable[str]) -> dict[str, Any]:
    """The parameters given to snakemake, at the scale `demo` unless they name another.

    `config` holds the values of configuration files; the `arguments` of `--config`, each `NAME=VALUE`, go before them
    and are read by `config.parse`, because snakemake reads them by its own rules, which cut `exp #2` at the `#`. Raises
    ParameterError and FileNotFoundError, as `Params.resolve` does, and ParameterError for braces in a path, which mean
    something to snakemake.
    """
    pairs = [argument.partition("=") for argument in arguments]
    values = {"scale": "demo"} | dict(config) | parse((name, value) for name, _, value in pairs)
    values["scale"] = values["scale"] or "demo"
    _refuse_braces(Params.resolve(values))
    return values


def _refuse_braces(params: Params) -> None:
    for name, path in (("results", params.results), ("run", params.run_name), *(("corpus", c) for c in params.corpus)):
        if set("{}") & set(path):
            raise ParameterError(f"parameter {name} is {shown(path)}; for snakemake a path must be without braces")


def trainable(params: Mapping[str, Params], absent: Collection[str], baseline: str) -> list[str]:
    """The codes of the variants that can be trained on a corpus without recordings for the `absent` kinds of audio.

    `params` has the parameters of all by code. Raises ParameterError where the `baseline` is none of them.
    """
    if params[baseline].audio in absent:
        raise ParameterError(f"the corpus {', '.join(params[baseline].corpus)} has no recordings for "
                             f"audio: {params[baseline].audio}, which {baseline} needs")
    return [code for code in params if code != baseline and params[code].audio not in absent]


def check_joined(path: Path, params: Params, absent: Collection[str]) -> None:
    """Raises ParameterError where a corpus of the file `path`, whose parameters are `params`, has no recordings for
    their kind of audio; `absent` are the kinds for which it has none."""
    if params.audio in absent:
        raise ParameterError(f"{path}: a corpus of {', '.join(params.corpus)} has no recordings for audio: "
                             f"{params.audio}, which {params.variant} needs; expected another variant or other corpora")


def write_left_out(path: Path, code: str, audio: str) -> None:
    """Writes, as an executed notebook, the page of a variant for whose kind of `audio` there are no recordings."""
    text = (f"# {code}\n\nThis variant is left out, since the corpus has no recordings for `audio: {audio}`. Ensembles "
            "of which it is a member are left out, too.")
    with write_aside(path) as aside:
        nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text, id=code)]), aside)


def options(values: Mapping[str, Any]) -> str:
    """The options of `burst2vec run` that give these values, quoted for a shell; `config.parse` reads them back."""
    texts = ((name, json.dumps(value, ensure_ascii=False) if isinstance(value, list) else str(value))
             for name, value in values.items())
    return shlex.join(part for name, text in texts for part in ("-p", name, text))


def further_seeds(path: Path, trained: Mapping[str, Params]) -> dict[str, list[int]]:
    """The seeds to train each variant with besides its own, by its code, from a file such as `params/seeds.yaml`.

    `trained` has the variants' parameters by code. A variant's own seed is left out where the file lists it. Raises
    OSError and ParameterError, naming the file, the variant and what would be right.
    """
    found = {}
    for code, seeds in read_mapping(path).items():
        where = f"{path}: {shown(code)}: "
        if code not in trained:
            raise ParameterError(f"{where}no such variant; expected one of {', '.join(trained)}")
        seeds = [] if seeds is None else seeds
        if not isinstance(seeds, list) or not all(type(seed) is int and seed >= 0 for seed in seeds):
            raise ParameterError(f"{where}the seeds are {shown(seeds)}; expected whole numbers such as [1, 2]")
        twice = [seed for seed in seeds if seeds.count(seed) > 1]
        if twice:
            raise ParameterError(f"{where}seed {twice[0]} is there twice")
        found[code] = [seed for seed in seeds if seed != trained[code].seed]
    return found


SIZES = Params.__dataclass_fields__["backbone_size"].metadata["choices"]
"""The values of `backbone_size`."""


def further_reaches(path: Path, trained: Mapping[str, Params]) -> list[str]:
    """The codes of the variants to train once more with the other `reversal`, from a file such as `params/reach.yaml`.

    The file lists, for each variant, the values of `backbone_size` with which that is done. A variant needs a twin
    without an adversary, beside which the page shows it. `trained` has the variants' parameters by code. Raises OSError
    and ParameterError, naming the file, the variant and what would be right.
    """
    found = []
    for code, sizes in read_mapping(path).items():
        where = f"{path}: {shown(code)}: "
        debiased = [name for name, params in trained.items() if params.adversarial and _has_twin(params, trained)]
        if code not in debiased:
            raise ParameterError(f"{where}no such variant with an adversary, and a twin without; expected one of "
                                 + ", ".join(debiased))
        found += [code] * (trained[code].backbone_size in _sizes(sizes, where))
    return found


def further_random(path: Path, trained: Mapping[str, Params]) -> list[str]:
    """The codes of the variants to train once more from random weights, from a file such as `params/random.yaml`.

    The file lists, for each variant, the values of `backbone_size` with which that is done. A tiny backbone has random
    weights anyway. `trained` has the variants' parameters by code. Raises OSError and ParameterError, naming the file,
    the variant and what would be right.
    """
    found = []
    for code, sizes in read_mapping(path).items():
        where = f"{path}: {shown(code)}: "
        if code not in trained:
            raise ParameterError(f"{where}no such variant; expected one of {', '.join(trained)}")
        asked = _sizes(sizes, where)
        if "tiny" in asked:
            raise ParameterError(f"{where}the sizes are {shown(sizes)}; expected none that has random weights anyway")
        found += [code] * (trained[code].backbone_size in asked and trained[code].pretrained)
    return found


def _sizes(sizes: object, where: str) -> list[str]:
    """A list of values of `backbone_size`, empty for None."""
    sizes = [] if sizes is None else sizes
    if not isinstance(sizes, list) or not all(size in SIZES for size in sizes):
        raise ParameterError(f"{where}the sizes are {shown(sizes)}; expected a list of {', '.join(SIZES)}")
    return sizes


def _has_twin(params: Params, trained: Mapping[str, Params]) -> bool:
    """Whether a variant was trained without an adversary, too, all else being the same."""
    alike = operator.attrgetter("backbone", "audio", "oversampling")
    return any(not other.adversarial and alike(other) == alike(params) for other in trained.values())


def other_reach(params: Params, run: str) -> dict[str, Any]:
    """The parameters in which a variant's training with the other reach of the reversed gradients differs from its own.

    Its results stand in the folder `reach` of the `run`.
    """
    return {"reversal": "extractors" if params.reversal == "upstream" else "upstream", "run": f"{run}/reach"}


def from_random_weights(run: str, seed: str = "") -> dict[str, Any]:
    """The parameters in which a variant's training from random weights differs from its own, with its seed or another.

    Its results stand in the folder `random` of the `run`, and those of another seed in that folder's `seeds`.
    """
    others = {"seed": seed, "run": f"{run}/random/seeds/{seed}"} if seed else {"run": f"{run}/random"}
    return {"pretrained": False, **others}


def joined_training(path: Path, values: Mapping[str, Any], variants: Iterable[str],
                    embedded: Collection[str]) -> dict[str, Any]:
    """The parameters of the training on several corpora, from a file such as `params/joined.yaml`, over `values`.

    Where all its corpora are `embedded` and the run's backbones are published ones, the parameters of the scale `demo`
    go before `values`, `backbone_size: small` among them: hundreds of synthetic clips are not worth a large model, and
    small ones have learning rates of their own. A `backbone_size` in the file prevents that.

    The results stand in the folder `joined` of the run. Raises FileNotFoundError and ParameterError, naming the file.
    """
    said, codes = read_yaml(path), list(variants)
    for name, meaning in (("corpus", "a list of corpora"), ("variant", f"one of {', '.join(codes)}")):
        if name not in said:
            raise ParameterError(f"{path}: {name} is missing; expected {meaning}")
    if said["variant"] not in codes:
        raise ParameterError(f"{path}: variant is {shown(said['variant'])}; expected one of {', '.join(codes)}")
    own = Params.resolve(values)
    try:
        corpora = Params.resolve({"corpus": said["corpus"]}).corpus
        small = {}
        if set(corpora) <= set(embedded) and "backbone_size" not in said and own.backbone_size == "published":
            small = read_yaml(project_root() / "params" / "scales" / "demo.yaml")
        joined = {**values, **small, **said, "run": f"{own.run_name}/joined"}
        _refuse_braces(Params.resolve(joined))
    except ParameterError as error:
        raise ParameterError(f"{path}: {error}") from None
    return joined
