"""The device and the arithmetic in which a model computes, and the memory that it has."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator

import torch

from burst2vec.config import ParameterError


def choose_device(name: str) -> torch.device:
    """The device that the parameter `device` names: `auto` is the GPU where there is one. Raises ParameterError."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError):  # an unknown name, a missing device, a torch without CUDA
        raise ParameterError(f"parameter device is {name!r}; expected auto, cpu, or a GPU of this machine: "
                             "cuda or cuda:N") from None
    return device


def autocast(precision: str, device: torch.device) -> contextlib.AbstractContextManager:
    """The arithmetic that the parameter `precision` names: `auto` is bfloat16 where the hardware multiplies in it."""
    native = (torch.cuda.is_bf16_supported(including_emulation=False) if device.type == "cuda"
              else torch.cpu._is_avx512_bf16_supported())
    wanted = precision == "bfloat16" or (precision == "auto" and native)
    return torch.autocast(device.type, torch.bfloat16, enabled=wanted)


def arithmetic_dtype(precision: str, device: torch.device) -> torch.dtype:
    """The type of the numbers that `autocast` multiplies: bfloat16 or float32."""
    with autocast(precision, device):
        lowered = torch.is_autocast_enabled(device.type)
        return torch.get_autocast_dtype(device.type) if lowered else torch.float32


def keep_memory() -> None:
    """Makes this process keep the memory that it frees.

    By default glibc hands every freed activation back to the system, which clears its pages one by one when they are
    asked for again a moment later.
    """
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):  # musl does not have it
        libc.mallopt(M_ARENA_MAX, 1)
        libc.mallopt(M_MMAP_MAX, 0)
        libc.mallopt(M_TRIM_THRESHOLD, -1)  # never


M_TRIM_THRESHOLD = -1
"""The parameter of glibc's `mallopt` for the free memory above which the heap shrinks, from <malloc.h>."""

M_MMAP_MAX = -4
"""The parameter of glibc's `mallopt` for the number of allocations that get a mapping of their own."""

M_ARENA_MAX = -8
"""The parameter of glibc's `mallopt` for the number of heaps that threads share."""


class OutOfMemory(RuntimeError):
    """The device's memory is too small for some work; the message says which work, and what would help."""


def lacks_memory(error: BaseException) -> bool:
    """Whether an error means that the device's memory is full."""
    return isinstance(error, torch.OutOfMemoryError) or any(
        said in str(error) for said in ("can't allocate memory", "CUBLAS_STATUS_ALLOC_FAILED"))


@contextlib.contextmanager
def explain_out_of_memory(what: str, help: str) -> Iterator[None]:
    """Turns an error of full memory within the block into OutOfMemory, which says `what` did not fit and the `help`."""
    try:
        yield
    except RuntimeError as error:
        if not lacks_memory(error):
            raise
        raise OutOfMemory(f"out of memory {what}; {help}") from error


@contextlib.contextmanager
def arithmetic(device: torch.device, deterministic: bool = False) -> Iterator[None]:
    """Sets up a GPU's arithmetic for the block, and restores it afterwards.

    If `deterministic`, the GPU computes the same bits each time. cuDNN's attention, which makes a new plan for every
    length of a batch, is off.
    """
    backends = torch.backends.cuda
    cudnn, flash = backends.cudnn_sdp_enabled(), backends.flash_sdp_enabled()
    mem_efficient, algorithms = backends.mem_efficient_sdp_enabled(), torch.are_deterministic_algorithms_enabled()
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
        backends.enable_cudnn_sdp(cudnn)
        backends.enable_flash_sdp(flash)
        backends.enable_mem_efficient_sdp(mem_efficient)
        torch.use_deterministic_algorithms(algorithms)
