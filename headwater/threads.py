"""Threads of numerical libraries: environment variables that are read when these are imported."""

import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

# Sums do not depend on the number of cores, and processes share those.
ONE_THREAD: Final[Mapping[str, str]] = MappingProxyType(
    dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
)


def calm_threads() -> None:
    """Let no thread of this process spin while it waits; to call before numpy or torch is imported.

    OpenBLAS, of numpy and scipy, gets one thread: its others yield the processor over and over
    between calls (a quarter of an evaluation's processor time), and sums depend on their number.
    Torch has its number of threads as a setting; those of OpenMP sleep while they wait.
    """
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
