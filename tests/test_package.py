"""What importing the package does: torchaudio works, names are offered, nothing heavy is loaded."""

import importlib
import os
import subprocess
import sys

import pytest

import burst2vec


def run(code: str) -> str:
    """What a fresh interpreter prints for `code`; fails where it fails."""
    done = subprocess.run([sys.executable, "-W", "error::UserWarning", "-c", code], capture_output=True, text=True,
                          env={**os.environ, "HF_HUB_OFFLINE": "1"})
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_fresh_interpreter_resamples_and_loads_transformers_models_beside_any_build_of_torch():
    printed = run("import numpy as np, burst2vec.audio.waveform, burst2vec.models.backbone\n"
                  "from transformers import HubertModel\n"
                  "print(len(burst2vec.audio.waveform.resample(np.ones(4800, 'float32'), 48000)))")
    assert printed == "1600"


def test_the_stand_in_is_there_only_where_torch_has_no_cuda():
    printed = run("import burst2vec, sys, torchaudio, torch\n"
                  "extension = sys.modules['torchaudio._extension']\n"
                  "print('Stand-in' in (extension.__doc__ or ''), torch.version.cuda is None)")
    assert len(set(printed.split())) == 1


def test_importing_the_package_alone_loads_neither_torch_nor_transformers():
    heavy = "{'torch', 'transformers', 'pandas', 'matplotlib'}"
    assert run(f"import sys, burst2vec; print({heavy} & set(sys.modules))") == "set()"


@pytest.mark.parametrize("name", burst2vec.__all__)
def test_every_name_that_the_package_offers_is_there_and_documented(name):
    assert name in dir(burst2vec)
    home = importlib.import_module(f"burst2vec.{burst2vec._HOMES[name]}")
    assert getattr(burst2vec, name) is getattr(home, name) and getattr(home, name).__doc__


def test_a_name_that_it_does_not_offer_is_refused_as_by_any_module():
    with pytest.raises(AttributeError, match="module 'burst2vec' has no attribute 'laod'"):
        _ = burst2vec.laod
