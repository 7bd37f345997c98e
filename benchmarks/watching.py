"""What a step needs beside seconds: memory, and which operations take the time."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import nn

from benchmarks.turns import Stopped, synchronise

MIB = 2**20


class Meter:
    """Notes memory: of a GPU what torch has allotted there, of a CPU what is resident, libraries and all, as Linux
    counts it; NaN where nobody tells."""

    def __init__(self, device: torch.device):
        self._device = device
        self.peak_mib = self.rise_mib = 0.0

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Keeps the highest peak within, and the highest rise over what was there before, of all that was watched."""
        before = self._reset()
        yield
        peak = self._peak()
        self.peak_mib, self.rise_mib = max(peak, self.peak_mib), max(peak - before, self.rise_mib)

    def _reset(self) -> float:
        if self._device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self._device)
            return torch.cuda.memory_allocated(self._device) / MIB
        with contextlib.suppress(OSError):  # not Linux, or it forbids it: then the peak is that since the start
            Path("/proc/self/clear_refs").write_text("5")
        return _resident("VmRSS")

    def _peak(self) -> float:
        if self._device.type == "cuda":
            return torch.cuda.max_memory_allocated(self._device) / MIB
        return _resident("VmHWM")


def _resident(name: str) -> float:
    status = Path("/proc/self/status")
    told = re.search(rf"{name}:\s*(\d+) kB", status.read_text()) if status.is_file() else None
    return int(told[1]) / 1024 if told else float("nan")


def held(model: nn.Module) -> float:
    """MiB that a model holds between the steps of Adam: weights, buffers, two moments for each weight that learns, and
    the gradients that are kept."""
    size = sum(t.numel() * t.element_size() for t in (*model.parameters(), *model.buffers()))
    size += sum(2 * p.numel() * p.element_size() for p in model.parameters() if p.requires_grad)
    size += sum(p.grad.numel() * p.grad.element_size() for p in model.parameters() if p.grad is not None)
    return size / MIB


def profiled(program: Callable[[Callable[[], None]], None], steps: int, warm: int, device: torch.device) -> list[dict]:
    """The ten operations that take most of `steps` steps of a program (see `turns.Turns`) after `warm` others.

    Each with its `name`, its `ms` and its `calls` a step, and its `share` of all operations' time.
    """
    gpu = device.type == "cuda"
    kinds = [torch.profiler.ProfilerActivity.CPU] + [torch.profiler.ProfilerActivity.CUDA] * gpu
    profiler, taken = torch.profiler.profile(activities=kinds), 0

    def done() -> None:
        nonlocal taken
        taken += 1
        if taken == warm:
            synchronise(device)
            profiler.start()
        elif taken == warm + steps:
            synchronise(device)
            profiler.stop()
            raise Stopped

    with contextlib.suppress(Stopped):
        program(done)
    # The time of a GPU's kernel is told twice: with itself, and with the operation of torch that started it.
    events = [e for e in profiler.key_averages() if e.device_type == torch.autograd.DeviceType.CPU]
    return _ten(events, "self_device_time_total" if gpu else "self_cpu_time_total", steps)


def _ten(events, attribute: str, steps: int) -> list[dict]:
    micro = {e.key: (getattr(e, attribute), e.count) for e in events if getattr(e, attribute) > 0}
    total = sum(t for t, _ in micro.values())
    most = sorted(micro.items(), key=lambda item: -item[1][0])[:10]
    return [{"name": name, "ms": t / 1000 / steps, "calls": count / steps, "share": t / total}
            for name, (t, count) in most]


def timed(work: Callable[[], object], device: torch.device) -> float:
    """Seconds of `work()`, until the device is done."""
    synchronise(device)
    start = time.perf_counter()
    work()
    synchronise(device)
    return time.perf_counter() - start
