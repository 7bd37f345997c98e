"""Devices and arithmetic are those that were asked for, and memory that is full is told from other errors."""

from __future__ import annotations

import os

import pytest
import torch

from burst2vec.config import ParameterError
from burst2vec.machine.hardware import (
    OutOfMemory,
    arithmetic,
    autocast,
    choose_device,
    explain_out_of_memory,
    lacks_memory,
)

CPU, GPU = torch.device("cpu"), torch.device("cuda")
FULL = {
    "of a GPU": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    "of the processor": RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory"),
    "of cuBLAS": RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
}


def test_the_device_is_as_asked():
    assert choose_device("cpu") == torch.device("cpu")
    assert choose_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.parametrize("name", ["abacus", "cuda:99"])
def test_a_device_that_is_not_there_is_refused(name):
    with pytest.raises(ParameterError, match=f"device is '{name}'; expected auto, cpu, or a GPU of this machine"):
        choose_device(name)


@pytest.mark.parametrize(("precision", "native", "found"), [
    ("float32", True, torch.float32), ("bfloat16", False, torch.bfloat16), ("auto", True, torch.bfloat16),
    ("auto", False, torch.float32)])
def test_matrices_are_multiplied_as_asked_or_as_the_processor_does_by_itself(monkeypatch, precision, native, found):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: native)
    with autocast(precision, CPU):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == found
    assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32


@pytest.mark.parametrize("error", FULL.values(), ids=FULL)
def test_full_memory_is_told_from_other_errors(error):
    words = "^out of memory with 3 bursts; take fewer$"
    with pytest.raises(OutOfMemory, match=words) as told, explain_out_of_memory("with 3 bursts", "take fewer"):
        raise error
    assert told.value.__cause__ is error


@pytest.mark.parametrize("error", [RuntimeError("CUDA error: device-side assert triggered"), ValueError("memory"),
                                   KeyboardInterrupt()], ids=repr)
def test_any_other_error_passes_as_it_is(error):
    assert not lacks_memory(error)
    with pytest.raises(type(error)) as passed, explain_out_of_memory("with 3 bursts", "take fewer"):
        raise error
    assert passed.value is error


def test_an_allocation_that_no_machine_could_serve_is_full_memory():
    with pytest.raises(OutOfMemory), explain_out_of_memory("at once", "take less"):
        torch.empty(2 ** 58)


def settings():
    backends = torch.backends.cuda
    return (backends.cudnn_sdp_enabled(), backends.flash_sdp_enabled(), backends.mem_efficient_sdp_enabled(),
            torch.are_deterministic_algorithms_enabled())


@pytest.mark.parametrize("deterministic", [False, True])
@pytest.mark.parametrize("enabled", [False, True])
def test_a_gpus_arithmetic_is_as_before_after_the_block_even_where_it_fails(deterministic, enabled):
    before = settings()
    torch.backends.cuda.enable_cudnn_sdp(enabled)
    torch.backends.cuda.enable_flash_sdp(enabled)
    own = settings()
    try:
        with pytest.raises(ZeroDivisionError), arithmetic(CPU, deterministic):
            assert settings() == ((False, False, False, True) if deterministic else (False, *own[1:]))
            raise ZeroDivisionError
        assert settings() == own
    finally:
        torch.backends.cuda.enable_cudnn_sdp(before[0])
        torch.backends.cuda.enable_flash_sdp(before[1])


@pytest.mark.parametrize(("device", "deterministic", "own", "found"), [
    (CPU, True, None, None), (GPU, False, None, None), (GPU, True, None, ":4096:8"), (GPU, True, ":16:8", ":16:8")])
def test_cublas_is_given_the_workspace_that_fixed_results_need_unless_it_has_one(
        monkeypatch, device, deterministic, own, found):
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", own or "")
    if own is None:
        monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG")
    with arithmetic(device, deterministic):
        assert os.environ.get("CUBLAS_WORKSPACE_CONFIG") == found
