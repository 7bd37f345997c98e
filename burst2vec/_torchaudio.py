"""Makes `import torchaudio` work beside a CPU build of torch; import this before torchaudio or transformers.

The published torchaudio wheel is linked against CUDA, so beside a CPU torch its extension cannot be loaded and the
import raises OSError; transformers, which imports torchaudio when it finds it, fails with it. Nothing used here needs
that extension: where torch has no CUDA, a stand-in module says so.
"""

from __future__ import annotations

import sys
import types

import torch

_NAME = "torchaudio._extension"


def _stand_in() -> types.ModuleType:
    module = types.ModuleType(_NAME, "Stand-in: this torch has no CUDA, so torchaudio's extension is not loaded.")
    module._IS_TORCHAUDIO_EXT_AVAILABLE = False
    module._IS_ALIGN_AVAILABLE = False
    module._check_cuda_version = lambda: None
    module.fail_if_no_align = lambda function: function
    return module


if torch.version.cuda is None and "torchaudio" not in sys.modules:
    sys.modules.setdefault(_NAME, _stand_in())
