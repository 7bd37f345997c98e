"""The work of `burst2vec pretrain`: from folders of corpora to the folder of a backbone."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Sequence
from pathlib import Path

from burst2vec.audio.store import open_store
from burst2vec.config import Params
from burst2vec.corpora.opening import EMBEDDED, open_corpus
from burst2vec.machine.hardware import choose_device
from burst2vec.pretraining.folder import check_free, describe, without_place, write_folder
from burst2vec.pretraining.heard import open_unlabelled
from burst2vec.pretraining.probes import compare
from burst2vec.pretraining.recipe import Recipe
from burst2vec.pretraining.trainer import Pretrained, pretrain
from burst2vec.training.checkpoints import checkpoints_beside, discard


def pretrain_folder(corpora: Sequence[str], folder: Path, recipe: Recipe, params: Params, probed: str = "",
                    half: bool = False) -> Pretrained:
    """The backbone that learns as `recipe` says from the corpora in those folders, written to `folder`.

    Of `params` count those on the machine (device, cache, checkpoints) and on the corpora (layout, audio, seeds).
    `probed` names a labelled corpus on which its features are compared with those of random weights
    (`probes.compare`). With `half` the weights are rounded to float16 once they are learnt, and take half the room in
    their file. A backbone in `folder` is replaced with `params.restart` only. Raises ValueError where the
    folder holds anything else, and what `pretrain` and `open_unlabelled` raise.
    """
    check_free(folder)
    if folder.is_dir() and any(folder.iterdir()) and not params.restart:
        raise ValueError(f"{folder}: holds a pre-trained backbone already; name another folder: --out FOLDER, or give "
                         "--restart to have it replaced")
    choose_device(params.device)
    corpus, cache, folder = open_unlabelled(corpora, params), params.path(params.cache), folder.absolute()
    labelled = open_corpus(dataclasses.replace(params, corpus=[probed])) if probed else None
    checkpoints = checkpoints_beside(folder)
    found = pretrain(corpus, open_store(corpus, params.audio, cache), recipe, checkpoints, params.device,
                     params.checkpoint_minutes, params.restart, params.deterministic)
    if half:
        found.backbone.half().float()  # what is probed and returned is what is written
    probes = compare(labelled, open_store(labelled, params.audio, cache), {folder.name: found.backbone},
                     seed=recipe.seed) if labelled else None
    description = describe(found, folder.name, recipe, corpus, command(corpora, folder, recipe, params, half), probes,
                           f"validation bursts of {labelled.name}" if labelled else "")
    write_folder(found, folder, description, half)
    discard(checkpoints)
    return found


def command(corpora: Sequence[str], folder: Path, recipe: Recipe, params: Params, half: bool = False) -> str:
    """The command by which others pre-train the same, in which folders are named without where they lie."""
    given = {("from" if f.name == "checkpoint" else f.name): getattr(recipe, f.name) for f in dataclasses.fields(Recipe)
             if getattr(recipe, f.name) != f.default}
    if set(EMBEDDED) & set(corpora):
        given |= {"synthetic_seed": params.synthetic_seed, "synthetic_train": params.synthetic_train}
    options = [text for name, value in given.items() for text in (f"--{name.replace('_', '-')}", without_place(value))]
    return shlex.join(["burst2vec", "pretrain", *map(without_place, corpora), *options, *["--half"] * half,
                       "--out", folder.name])
