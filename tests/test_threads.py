"""Threads of the numerical libraries in the programs of a build."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

# More than the size from which OpenBLAS uses its threads; /proc counts those that were started.
_THREADS_AFTER_A_PRODUCT = """
import os
import {entry}
import numpy as np
a = np.ones((400, 400))
a @ a
print(len(os.listdir("/proc/self/task")), os.environ["OMP_WAIT_POLICY"])
"""


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="counts threads in /proc")
@pytest.mark.parametrize("entry", ["tasks", "headwater.cli"])
def test_a_product_of_numpy_starts_no_thread(entry: str) -> None:
    free = {
        name: value
        for name, value in os.environ.items()
        if name not in {"OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "OMP_WAIT_POLICY"}
    }
    done = subprocess.run(
        (sys.executable, "-c", _THREADS_AFTER_A_PRODUCT.format(entry=entry)),
        capture_output=True,
        text=True,
        check=True,
        env=free,
    )
    assert done.stdout.split() == ["1", "PASSIVE"]
