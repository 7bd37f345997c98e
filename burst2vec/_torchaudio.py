"""A stand-in that makes `import torchaudio` work beside a CPU build of torch.

Importing the package `burst2vec` installs the stand-in and loads neither of the two.

The published torchaudio wheel is linked against CUDA: beside a CPU torch its extension cannot be loaded and the import
raises OSError, and transformers, which imports torchaudio where it finds it, fails as well. Nothing that this project
uses needs the extension, so where torch has no CUDA a stand-in module takes the extension's place.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

EXTENSION = "torchaudio._extension"
"""The name of torchaudio's module that loads the extension."""


class _StandIn(Loader):
    def exec_module(self, module: ModuleType) -> None:
        module.__doc__ = "Stand-in: this torch has no CUDA, so torchaudio's extension is not loaded."
        vars(module).update(_IS_TORCHAUDIO_EXT_AVAILABLE=False, _IS_ALIGN_AVAILABLE=False,
                            _check_cuda_version=lambda: None, fail_if_no_align=lambda function: function)


class _Finder(MetaPathFinder):
    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != EXTENSION:
            return None
        import torch  # which torchaudio has imported by now

        return ModuleSpec(name, _StandIn()) if torch.version.cuda is None else None


def install() -> None:
    """Makes Python look here first when it imports torchaudio's extension."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
