"""The sentences of the page *The experiments*: what was trained, and how far from the paper's settings."""

from __future__ import annotations

from collections.abc import Mapping

from burst2vec.config import Params
from burst2vec.report.sentences import describe_heads_first, initial_weights

TABLE_3 = {
    "batch_size": "batch size", "max_epochs": "epochs at most",
    "validate_every": "iterations between validations",
    "patience": "early stopping patience, in validations",
    "early_stopping_task": "early stopping metric, of the task",
    "learning_rate": "learning rate of Adam",
    "alpha_discriminator": "α₁", "alpha_adversarial": "α₂"}
"""The parameters of the paper's Table 3, with its names for them."""

BEYOND_TABLE_3 = (
    "pretrained", "pooled_layers", "pooled_statistics", "pooled_scale", "head_steps", "head_learning_rate",
    "warmup_steps", "learning_rate_decay", "max_gradient_norm", "epoch", "max_repeat", "reversal")
"""The parameters that change what is trained, and that Table 3 does not have."""

ROUNDING = 0.01
"""The change of an embedding, in percent, up to which rounding in float32 explains it."""


def describe_experiments(params: Params, corpus: str, variants: int, ensembles: int) -> str:
    """Sentences on how many systems there are, what this run heard with which backbones, where its settings are not
    those of the paper's Table 3 or else the defaults, and on the steps in which no backbone learns.

    `corpus` names what was heard, as in `the synthetic corpus`.
    """
    paper = Params()
    other = [f"{meaning} {getattr(params, name)} (paper: {getattr(paper, name)})" for name, meaning in TABLE_3.items()
             if getattr(params, name) != getattr(paper, name)]
    if params.max_steps:
        other.append(f"{params.max_steps:,} steps for every training (paper: no such limit)")
    settings = f"differ in: {'; '.join(other)}" if other else "are the same"
    beyond = [f"`{name}` {getattr(params, name)} (default: {getattr(paper, name)})" for name in BEYOND_TABLE_3
              if getattr(params, name) != getattr(paper, name)]
    more = [f"Beyond Table 3 they differ in: {'; '.join(beyond)}."] if beyond else []
    return " ".join(filter(None, [
        f"The paper's Table 2 has a baseline, {variants} variants and {ensembles} ensembles, and each variant is there "
        f"to answer one question. This run heard {corpus}; its backbones are {initial_weights(vars(params))}. "
        f"Beside the paper's Table 3 its settings {settings}.", *more, describe_heads_first(params)]))


def describe_padding(percent: Mapping[tuple[str, str], float]) -> str:
    """The caption of the figure on padding, from the change in percent of a clip's embedding that fills half of its
    row, by (backbone, `padding`)."""
    published = {name: change for (name, padding), change in percent.items() if padding == "as_published"}
    worst = max(published, key=published.__getitem__)
    exact = max(change for (_, padding), change in percent.items() if padding == "exact")
    rest = "by no more than rounding does" if exact < ROUNDING else f"by up to {exact:.2g} %"
    return (f"Padding changes the embedding of a clip that fills half of its row by up to {published[worst]:.0f} % "
            f"({worst.removeprefix('facebook/')}), as published, and exact padding {rest}. Change in "
            "percent, by the share of the row that the clip fills; grey, along zero, is exact padding.")
