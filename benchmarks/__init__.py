"""What is claimed of speed and memory, as commands that measure it."""

import burst2vec  # noqa: F401  before transformers, so that transformers can import torchaudio beside a CPU torch
