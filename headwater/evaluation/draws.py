"""The generators that a process shares, seeded for each question.

A system that draws from them would else answer by what was asked before in the same process, and
so by the number of processes.
"""

import random
import sys
from hashlib import sha256

import numpy as np


def seed_by(*words: str) -> None:
    """Seed the global generators of Python, NumPy and, where it is imported, torch by ``words``."""
    seed = int.from_bytes(sha256("\0".join(words).encode()).digest()[:4])
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002, TID251  that of code from outside
    if torch := sys.modules.get("torch"):
        torch.manual_seed(seed)
