import os
import subprocess
import sys


def run(code: str) -> str:
    """What a fresh interpreter prints for `code`; fails where it fails."""
    done = subprocess.run([sys.executable, "-W", "error::UserWarning", "-c", code], capture_output=True, text=True,
                          env={**os.environ, "HF_HUB_OFFLINE": "1"})
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_fresh_interpreter_resamples_and_loads_transformers_models_beside_any_build_of_torch():
    printed = run("import numpy as np, burst2vec.audio.waveform, burst2vec.models.backbone\n"
                  "from transformers import HubertModel\n"
                  "print(len(burst2vec.audio.waveform.to_mono_16k(np.ones((4800, 1), 'float32'), 48000)))")
    assert printed == "1600"


def test_the_stand_in_is_there_only_where_torch_has_no_cuda():
    import torch

    import burst2vec._torchaudio as shim

    stands_in = "Stand-in" in (sys.modules["torchaudio._extension"].__doc__ or "")
    assert shim._NAME == "torchaudio._extension"
    assert stands_in == (torch.version.cuda is None)


def test_importing_the_package_alone_loads_neither_torch_nor_transformers():
    heavy = "{'torch', 'transformers', 'pandas', 'matplotlib'}"
    assert run(f"import sys, burst2vec; print({heavy} & set(sys.modules))") == "set()"
