"""What is random in a training follows from parameter `seed` alone."""

from __future__ import annotations

import numpy as np
import torch


def seed_everything(seed: int) -> None:
    """Seeds the global generators of torch and NumPy. The batches are drawn from generators of their own."""
    np.random.seed(seed)
    torch.manual_seed(seed)


def seed_part(seed: int, iteration: int, part: int) -> None:
    """Seeds what is drawn at random in one part of the step after `iteration`, as for dropout.

    A training that resumes thereby draws what it would have drawn without the interruption.
    """
    entropy = np.random.SeedSequence((seed, iteration, part)).generate_state(1, np.uint64)[0]
    torch.manual_seed(int(entropy >> 1))
