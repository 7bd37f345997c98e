"""What a machine without a GPU measured."""

from __future__ import annotations

import pytest

from burst2vec.report.speed.measured import read_benchmarks
from tests.support import speed_files as made


@pytest.fixture
def found(tmp_path):
    """What a machine without a GPU writes: HuBERT base, and full runs that rest on it."""
    step = made.training_step()
    return read_benchmarks(made.write(
        tmp_path, training_step_base_cpu=step, packing_base_cpu=made.packing(), full_run_cpu=made.full_run(step),
        growth_base_cpu=made.growth(), inference_base_cpu=made.inference(), preparation=made.preparation(),
        scale=made.scale(), bootstrap=made.bootstrap()))
