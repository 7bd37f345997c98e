"""Commands that a page runs, shown as one sees them in a terminal."""

from __future__ import annotations

import subprocess
from pathlib import Path

from IPython.display import Markdown

from burst2vec.messages import printable


def terminal(command: str) -> Markdown:
    """Runs a shell command in the current folder, and shows it with all that it printed, whether as output or error.

    The current folder's own path is printed as `…`, so that a page does not depend on where it was made. Raises
    RuntimeError with what was printed where the command's exit code is not 0.
    """
    done = subprocess.run(command, shell=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8",
                          errors="replace")
    said = done.stdout.replace(str(Path.cwd()), "…").rstrip()
    if done.returncode:
        raise RuntimeError(f"{command}: ended with exit code {done.returncode}: {said}")
    lines = ["````console", f"$ {command}", *([printable(said)] if said else []), "````"]
    return Markdown("\n".join(lines))
