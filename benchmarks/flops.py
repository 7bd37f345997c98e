"""Floating-point operations of a model, and how many a second the machine does: what utilisation is made of.

A multiplication and an addition are two operations. *Model* FLOP are those that the architecture calls for: of a
training step forward, and twice as many backward, whatever is computed a second time. Norms, activations, softmax,
dropout, the heads and the optimiser are left out, as is usual: next to the matrices they are few.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoModel, PreTrainedConfig

from benchmarks.turns import synchronise

SQUARES = {"cpu": (1024, 2048, 4096), "cuda": (4096, 8192, 16384)}
"""Rows of the square matrices of which the machine's rate is taken."""


def forward(shape: PreTrainedConfig, frames: np.ndarray | int) -> np.ndarray | int:
    """FLOP of the forward pass of bursts of so many `frames` each behind the convolutional encoder: the projection of
    its features, the positional convolution, and the transformer."""
    d, ff = shape.hidden_size, shape.intermediate_size
    projection = shape.conv_dim[-1] * d
    positional = d * d // shape.num_conv_pos_embedding_groups * shape.num_conv_pos_embeddings
    layer = 4 * d * d + 2 * d * ff
    one_more = shape.num_conv_pos_embeddings % 2 == 0  # an even kernel gives a frame more, which is cut off
    attention = 2 * frames * frames * d
    return 2 * (frames * projection + (frames + one_more) * positional
                + shape.num_hidden_layers * (frames * layer + attention))


def encoder(shape: PreTrainedConfig, samples: int) -> int:
    """FLOP of the forward pass of one burst of so many `samples` through the convolutional encoder."""
    total, channels = 0, 1
    for width, kernel, stride in zip(shape.conv_dim, shape.conv_kernel, shape.conv_stride, strict=True):
        samples = (samples - kernel) // stride + 1
        total += 2 * samples * width * channels * kernel
        channels = width
    return total


def frames(shape: PreTrainedConfig, samples: np.ndarray) -> np.ndarray:
    """Frames that the convolutional encoder makes of bursts of so many `samples` each."""
    for kernel, stride in zip(shape.conv_kernel, shape.conv_stride, strict=True):
        samples = (samples - kernel) // stride + 1
    return samples.astype(np.int64)


def step(shape: PreTrainedConfig, frames: np.ndarray | int) -> int:
    """Model FLOP of a training step on bursts of so many `frames` each, of which the encoder's output was kept."""
    return int(np.sum(3 * forward(shape, frames)))


def counted_step(shape: PreTrainedConfig, frames: int) -> int:
    """FLOP of the same step on one burst, operation by operation, on tensors without content."""
    shape = copy.deepcopy(shape)
    shape.layerdrop = 0.0
    with torch.device("meta"):
        model = AutoModel.from_config(shape, dtype=torch.float32).train()
        features = torch.empty(1, frames, shape.conv_dim[-1])
    projected = model.feature_projection
    return counted(lambda: model.encoder(projected(features)).last_hidden_state)


def counted(run: Callable[[], torch.Tensor], backward: bool = True) -> int:
    """FLOP of `run()`, and of the backward pass from the tensor that it returns, counted operation by operation.

    torch counts the weight's gradient of a convolution in groups as if there were none, sixteen times too high for the
    positional convolution: here either gradient of a convolution costs what its forward pass does.
    """
    mine = {torch.ops.aten.convolution_backward: _convolution_backward}
    with FlopCounterMode(display=False, custom_mapping=mine) as counter:
        result = run()
        if backward:
            result.sum().backward()
    return counter.get_total_flops()


def _convolution_backward(gradient, inputs, weight, _bias, _stride, _padding, _dilation, _transposed, _more, _groups,
                          wanted, out_shape=None, **_) -> int:
    points = torch.Size(gradient[2:]).numel() * gradient[0]
    return (wanted[0] + wanted[1]) * 2 * points * torch.Size(weight).numel()


def matrix_rate(device: torch.device, dtype: torch.dtype, repeats: int = 5) -> dict:
    """FLOP a second of the best product of two square matrices, `flop_s`, of how many rows, `rows`, and its `dtype`."""
    rates = {rows: _rate(device, dtype, rows, repeats) for rows in SQUARES[device.type]}
    rows = max(rates, key=rates.__getitem__)
    return {"flop_s": rates[rows], "rows": rows, "dtype": str(dtype).removeprefix("torch.")}


def _rate(device: torch.device, dtype: torch.dtype, rows: int, repeats: int) -> float:
    a, b = (torch.randn(rows, rows, device=device).to(dtype) for _ in range(2))
    seconds = []
    for _ in range(repeats + 1):  # the first warms up
        synchronise(device)
        start = time.perf_counter()
        a @ b
        synchronise(device)
        seconds.append(time.perf_counter() - start)
    return 2 * rows**3 / min(seconds[1:])
