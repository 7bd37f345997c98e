"""What can go wrong, staged: `python -m tests.faults.fuzz` feeds the library what it was never meant to read."""
