"""Bit-equal results of torch, for training and answers alike."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from headwater.training.device import CPU

# A module that replaces its own class at import, which type checkers cannot follow.
deterministic_settings: Any = torch.utils.deterministic


@contextmanager
def deterministic(threads: int, device: torch.device = CPU) -> Iterator[None]:
    """Bit-equal results inside: deterministic algorithms on a fixed number of threads.

    On the CPU alone: CUDA has no deterministic way back through the sampling of maps.
    """
    before = torch.are_deterministic_algorithms_enabled()
    filled = deterministic_settings.fill_uninitialized_memory
    count = torch.get_num_threads()
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(device.type == "cpu")
    # Filling fresh memory guards code that reads what it never wrote; here it is only slow.
    deterministic_settings.fill_uninitialized_memory = False
    try:
        yield
    finally:
        deterministic_settings.fill_uninitialized_memory = filled
        torch.use_deterministic_algorithms(before)
        torch.set_num_threads(count)
