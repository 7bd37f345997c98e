"""One of the processes that train together; `launch` starts it by `python -m burst2vec.training.worker TASK`."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import traceback
from pathlib import Path

import torch

from burst2vec.training.launch import OUTCOME


def _report(error: BaseException) -> None:
    """Writes why this process failed, unless another process failed before it."""
    failure = {"rank": int(os.environ["RANK"]), "message": f"{type(error).__name__}: {error}", "signal": None,
               "traceback": traceback.format_exc(), "consequence": _is_consequence(error)}
    if isinstance(error, KeyboardInterrupt):
        failure |= {"message": str(error) or "training stopped before its first step",
                    "signal": getattr(error, "by", signal.SIGINT)}
    with contextlib.suppress(FileExistsError), open(os.environ[OUTCOME], "x") as file:
        json.dump(failure, file)


def _is_consequence(error: BaseException) -> bool:
    """Whether an error is only the consequence of the end of another process."""
    return isinstance(error, RuntimeError) and any(said in str(error) for said in (
        "Connection closed by peer", "Connection reset by peer", "Broken pipe", "ncclRemoteError"))


def _main(task: Path) -> None:
    """Trains as the file `task`, which `launch` has written, says."""
    if os.environ["RANK"] != "0":
        os.environ["TQDM_DISABLE"] = "1"
    try:
        from burst2vec.audio.store import open_store
        from burst2vec.config import Params
        from burst2vec.corpora.opening import open_corpus
        from burst2vec.training.trainer import train

        asked = json.loads(task.read_text())
        params = Params(**json.loads(asked["params"]))
        corpus = open_corpus(params)
        train(corpus, open_store(corpus, params.audio, params.path(params.cache)), params, Path(asked["folder"]))
    except BaseException as error:
        _report(error)
        raise
    finally:
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
