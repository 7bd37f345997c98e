"""Where and in which arithmetic a model computes."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator

import torch

from burst2vec.config import ParameterError


def choose_device(name: str) -> torch.device:
    """The device that parameter `device` names: `auto` is the GPU where there is one. Raises ParameterError."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError):  # a name that is none, a device that is not there, a torch without CUDA
        raise ParameterError(f"parameter device is {name!r}; expected auto, cpu, or a GPU of this machine: "
                             "cuda or cuda:N") from None
    return device


def autocast(precision: str, device: torch.device) -> contextlib.AbstractContextManager:
    """The arithmetic that parameter `precision` names: `auto` is bfloat16 where the hardware multiplies in it."""
    native = (torch.cuda.is_bf16_supported(including_emulation=False) if device.type == "cuda"
              else torch.cpu._is_avx512_bf16_supported())
    wanted = precision == "bfloat16" or (precision == "auto" and native)
    return torch.autocast(device.type, torch.bfloat16, enabled=wanted)


def keep_memory() -> None:
    """Has this process keep the memory that it frees. By default glibc hands every freed activation back to the system,
    which clears its pages, one by one, when they are asked for again a moment later."""
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):  # musl has none
        for parameter, value in ((ARENA_MAX, 1), (MMAP_MAX, 0), (TRIM_THRESHOLD, -1)):
            libc.mallopt(parameter, value)


TRIM_THRESHOLD, MMAP_MAX, ARENA_MAX = -1, -4, -8
"""Of glibc's <malloc.h>: M_TRIM_THRESHOLD, of which -1 is never, M_MMAP_MAX, and M_ARENA_MAX."""


class OutOfMemory(RuntimeError):
    """Work that the device's memory does not hold; the message says which and what would help."""


def lacks_memory(error: BaseException) -> bool:
    """Whether an error says that the device's memory is full."""
    return isinstance(error, torch.OutOfMemoryError) or any(
        said in str(error) for said in ("can't allocate memory", "CUBLAS_STATUS_ALLOC_FAILED"))


@contextlib.contextmanager
def says_what_lacks_memory(what: str, help: str) -> Iterator[None]:
    """Within it an error of full memory becomes OutOfMemory: `what` did not fit, and what would help."""
    try:
        yield
    except RuntimeError as error:
        if not lacks_memory(error):
            raise
        raise OutOfMemory(f"out of memory {what}; {help}") from error


@contextlib.contextmanager
def arithmetic(device: torch.device, deterministic: bool = False) -> Iterator[None]:
    """Within it a GPU computes the same bits each time if `deterministic`, and attention has no plan made for every new
    length of a batch, which cuDNN's would."""
    backends = torch.backends.cuda
    before = (backends.cudnn_sdp_enabled(), backends.flash_sdp_enabled(), backends.mem_efficient_sdp_enabled(),
              torch.are_deterministic_algorithms_enabled())
    if deterministic and device.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    backends.enable_cudnn_sdp(False)
    if deterministic:
        backends.enable_flash_sdp(False)
        backends.enable_mem_efficient_sdp(False)
        torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        for restore, was in zip((backends.enable_cudnn_sdp, backends.enable_flash_sdp, backends.enable_mem_efficient_sdp,
                                 torch.use_deterministic_algorithms), before, strict=True):
            restore(was)
