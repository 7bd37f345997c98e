"""What is fuzzed: for each kind of input, how it is damaged and what the library then does with it.

A new kind of input is one function in a module here, with `@target(cases)`.
"""

from tests.faults.targets import corpora, outcomes, parameters, recordings
from tests.faults.targets.registry import TARGETS, Target

__all__ = ["TARGETS", "Target", "corpora", "outcomes", "parameters", "recordings"]
