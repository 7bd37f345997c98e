"""What is claimed of speed and memory, as commands that measure it."""
