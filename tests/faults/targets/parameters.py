"""Parameters: files of YAML, options of the command line, names in a notebook."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import yaml
from hypothesis import strategies as st

from burst2vec import cli
from burst2vec.config import Params, read_yaml
from tests.faults.damage import LAUGHS, NASTY_TEXTS, SHORT, damage, nasty_values
from tests.faults.outcome import Broken
from tests.faults.targets.registry import Action, ensure, target

NAMES = tuple(Params.names())

def _shown_names() -> st.SearchStrategy[str]:
    return st.sampled_from(NAMES) | st.sampled_from(("batchsize", "model", "", "_x", "é", "x" * 5_000)) | SHORT


def _parameter_files() -> st.SearchStrategy[bytes]:
    def dumped(values: dict) -> bytes:
        return yaml.safe_dump(values, allow_unicode=True).encode("utf-8", "surrogatepass")

    def spelt(lines: list[tuple[str, str]]) -> bytes:
        return "".join(f"{name}: {text}\n" for name, text in lines).encode("utf-8", "surrogatepass")

    shipped = (Path(__file__).parents[3] / "params" / "scales" / "demo.yaml").read_bytes()
    tokens = (b": ", b"- ", b"&a ", b"*a", b"!!int ", b"{", b"[", b"\xff", b"\0", b"2022-13-45", b"---\n", b"<<: ")
    nested = [f"width: {'[' * 5_000}".encode(), LAUGHS.encode(), f"width: {LAUGHS}".encode(),
              ("corpus: " + LAUGHS.splitlines()[0].partition(": ")[2] + "\n" + LAUGHS + "title: *z").encode()]
    return (st.dictionaries(_shown_names(), nasty_values(), max_size=4).map(dumped)
            | st.lists(st.tuples(_shown_names(), st.sampled_from(NASTY_TEXTS) | SHORT), max_size=4).map(spelt)
            | damage(shipped, tokens).map(lambda d: d.data) | st.sampled_from(nested))


@target(_parameter_files)
def parameter_files(content: bytes, folder: Path) -> Action:
    path = folder / "X.yaml"
    path.write_bytes(content)
    return lambda: _used(Params.resolve(read_yaml(path)))


def _used(params: Params) -> None:
    """What every run does with its parameters."""
    params.folder, params.path(params.cache), [params.path(c) for c in params.corpus]  # noqa: B018
    again = Params(**json.loads(params.to_json()))
    ensure(again == params, "parameters do not survive JSON")


@target(lambda: st.lists(st.tuples(_shown_names(), st.sampled_from(NASTY_TEXTS) | st.text(max_size=12)), max_size=3))
def parameter_options(given: list[tuple[str, str]], folder: Path) -> Action:
    options = [word for name, value in given for word in ("-p", name, value)]

    def act():
        run("run", str(folder / "missing.ipynb"), str(folder / "out.ipynb"), *options)
        raise Broken("a notebook that is not there was run")
    return act


def run(*arguments: str) -> int:
    """A command of `burst2vec`, with its errors as they are, before `cli.main` makes a line of them."""
    options = cli._parser().parse_args(arguments)
    return options.command(options) or 0


OBJECTS = (np.float64(2), np.arange(3), np.array("x"), len, os, Path("x"), b"x", {1}, object, Params(), 1j, range(3),
           (1, "a"))
"""What a notebook's names may stand for."""


@target(lambda: st.dictionaries(_shown_names(), nasty_values() | st.sampled_from(OBJECTS), max_size=4))
def notebook_globals(values: dict, folder: Path) -> Action:
    return lambda: _used(Params.resolve(values))
