"""A made-up training as a folder of a run, for the tests of the results and the report."""

from __future__ import annotations

import json

import pandas as pd

from burst2vec.evaluation.predictions import write_predictions

METRICS = {"emotion": ("CCC", (0.1, 0.3, 0.2)), "age": ("MAE", (5.0, 4.5, 4.0)), "country": ("UAR", (0.5, 0.6, 0.6))}
"""Each task's metric and its values at three validations: best at the second, at the last, and at the second."""


def history(steps=(10, 20, 30)):
    """A history with the metric of each task and two terms of its loss at each of these steps."""
    rows = [(step, 1, "validation", task, metric, value) for task, (metric, values) in METRICS.items()
            for step, value in zip(steps, values, strict=False)]
    rows += [(step, 1, "train", task, term, step / 10) for task in METRICS for step in steps
             for term in ("combined", "total")]
    return pd.DataFrame(rows, columns=["iteration", "epoch", "stage", "task", "term", "value"])


def write_training(folder, predictions, params):
    """Writes what a training leaves: parameters, a summary, a history and predictions."""
    folder.mkdir(parents=True)
    (folder / "params.json").write_text(json.dumps(params))
    (folder / "summary.json").write_text(json.dumps({"iterations": 30, "best_iteration": 20, "seconds": 6.0}))
    history().to_csv(folder / "history.csv", index=False)
    write_predictions(predictions, folder / "predictions.csv")
