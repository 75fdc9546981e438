"""Equal bits on a fixed number of threads, and answers that start without the training loop."""

import subprocess
import sys

import torch

from headwater.systems import SYSTEMS
from headwater.training.determinism import deterministic


def test_settings_hold_inside_and_are_as_before_after() -> None:
    threads = torch.get_num_threads()
    with deterministic(threads + 1):
        assert torch.get_num_threads() == threads + 1
        assert torch.are_deterministic_algorithms_enabled()
    assert torch.get_num_threads() == threads
    assert not torch.are_deterministic_algorithms_enabled()


def test_answers_are_imported_without_the_training_loop() -> None:
    """Fabric takes three seconds to import, as long as the head of a photo takes."""
    modules = [f"headwater.systems.{name}.answer" for name in SYSTEMS]
    code = f"import {', '.join(modules)}, sys; sys.exit('lightning' in sys.modules)"
    assert subprocess.run((sys.executable, "-c", code), check=False).returncode == 0
