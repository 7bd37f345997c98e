"""What a run ran on, for the report: the processor, the GPU, the system and the versions of the libraries."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import os
import platform
import re
from pathlib import Path

from burst2vec import __version__

PACKAGES = ("torch", "torchaudio", "transformers", "numpy", "pandas", "scipy", "statsmodels",
            "scikit-learn", "papermill", "jupyter-book")
"""The libraries whose versions the report lists."""


def describe_environment(run_folder: Path) -> dict[str, str]:
    """The processor, GPU, system, versions and date of a run, and the time that its trainings took, as text by name."""
    import torch

    seconds = [json.loads(p.read_text(encoding="utf-8"))["seconds"] for p in sorted(run_folder.glob("*/summary.json"))]
    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    versions = {p: importlib.metadata.version(p) for p in PACKAGES}
    return {
        "Date": datetime.date.today().isoformat(), "Processor": f"{_processor()}, {os.cpu_count()} cores",
        "GPU": ", ".join(gpus) or "none", "System": f"{platform.system()} {platform.machine()}",
        "Training": f"{sum(seconds) / 60:.1f} min for {len(seconds)} systems, one after the other",
        "burst2vec": __version__, "Python": platform.python_version(), **versions,
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.*)", cpuinfo.read_text()) if cpuinfo.is_file() else []
    return names[0] if names else platform.processor() or platform.machine()
