"""Trainings that devices share: processes on the CPU stand for GPUs."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from headwater.errors import HeadwaterError
from headwater.training.checkpoint import latest_checkpoint, read_safetensors
from headwater.training.device import Devices, chosen_devices
from headwater.training.loop import Plan
from headwater.training.processes import fabric_of, train_on
from headwater.training.run import Curve, Run
from headwater.training.schedules import Rate
from headwater.training.turns import Turn
from tests.training import shared_gradients
from tests.training.shared_training import BATCH, ROWS, build, train
from tests.training.small_training import train as train_small

PROJECT = Path(__file__).resolve().parents[2]
STEPS = 40


def trained(folder: Path, count: int, **config: int) -> tuple[dict[str, Tensor], Curve, list[int]]:
    """Weights, curve, and the steps that were shown, of a training on ``count`` processes."""
    folder.mkdir(exist_ok=True)
    shown: list[int] = []
    run = Run(3, folder / "checkpoints", lambda step, steps, record: shown.append(step))
    settings = {"steps": STEPS, **config}
    curve = train_on(Devices("cpu", count, "32"), train, settings, folder, run, folder / "weights")
    return read_safetensors(folder / "weights")[0], curve, shown


def seen(folder: Path, rank: int) -> dict[str, list[int]]:
    return dict(json.loads((folder / f"seen-{rank}.json").read_text()))


@pytest.mark.slow
@pytest.mark.fault("old weights are never taken for those of new code")
def test_two_devices_train_what_one_trains_on_the_joined_batch(tmp_path: Path) -> None:
    one, curve, _ = trained(tmp_path / "one", 1)
    two, joint_curve, shown = trained(tmp_path / "two", 2)
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=1e-4, atol=1e-5)
    for record, joint in zip(curve, joint_curve, strict=True):
        assert joint == pytest.approx(record, rel=1e-4)
    assert shown == [10, 20, 30, 40]
    alone, first, second = (seen(tmp_path / name, rank) for name, rank in
                            (("one", 0), ("two", 0), ("two", 1)))  # fmt: skip
    for step in map(str, range(STEPS)):
        assert len(first[step]) == len(second[step]) == BATCH // 2
        assert not set(first[step]) & set(second[step])
        assert first[step] + second[step] == alone[step]
    one_pass = [row for step in range(ROWS // BATCH) for row in alone[str(step)]]
    assert sorted(one_pass) == list(range(ROWS))

    # Resumed on two devices, from what the first of them has written, to the same bytes.
    with pytest.raises(HeadwaterError, match=r"^head 7 has no views; add some$"):
        trained(tmp_path / "broken", 2, fails_at=25)
    checkpoints = tmp_path / "broken" / "checkpoints"
    assert latest_checkpoint(checkpoints, "sums 1 32-true") is None
    halfway = latest_checkpoint(checkpoints, "sums 2 32-true")
    assert halfway is not None
    assert halfway.step == 20
    resumed, resumed_curve, shown = trained(tmp_path / "broken", 2)
    assert shown == [30, 40]
    assert resumed_curve == joint_curve
    assert all(torch.equal(resumed[name], value) for name, value in two.items())


@pytest.mark.slow
def test_two_devices_have_the_gradients_that_one_has(tmp_path: Path) -> None:
    """Of the joined batch, in every step; a scene that neither device sees has none."""
    gradients = []
    for count in (1, 2):
        folder = tmp_path / str(count)
        folder.mkdir()
        run = Run(3, folder / "checkpoints")
        devices = Devices("cpu", count, "32")
        train_on(devices, shared_gradients.train, None, folder, run, folder / "weights")
        paths = [folder / f"gradients-{rank}" for rank in range(count)]
        gradients += [read_safetensors(path)[0] for path in paths]
    alone, first, second = gradients
    assert (
        len([name for name in alone if name.startswith("layers.0.weight ")])
        == shared_gradients.STEPS
    )
    assert not any(name.startswith("unused") for name in alone)
    for joint in (first, second):
        assert joint.keys() == alone.keys()
        for name, gradient in alone.items():
            torch.testing.assert_close(joint[name], gradient, rtol=0, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_no_process_is_left_by_one_that_is_stopped(tmp_path: Path, number: signal.Signals) -> None:
    code = (
        "from pathlib import Path; from tests.training.test_devices import trained\n"
        f"if __name__ == '__main__': trained(Path({str(tmp_path)!r}), 2, waits_at=3)\n"
    )
    script = tmp_path / "script.py"
    script.write_text(code)
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    started = subprocess.Popen([sys.executable, script], env=environment, stderr=subprocess.DEVNULL)
    waiting = [tmp_path / "waits-0", tmp_path / "waits-1"]
    until(lambda: all(path.exists() for path in waiting))
    children = children_of(started.pid)
    assert len(children) >= 2
    started.send_signal(number)
    started.wait(30)
    until(lambda: not any(Path(f"/proc/{child}").exists() for child in children))


@pytest.mark.slow
@pytest.mark.fault("a fault of one item fails its stage alone and is named")
def test_a_process_that_is_killed_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(HeadwaterError, match=r"process 2 of 2 .* SIGKILL; .*memory"):
        trained(tmp_path, 2, dies_at=13, waits_at=13)


def children_of(parent: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def until(holds: object, seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_one_device_is_this_process(tmp_path: Path) -> None:
    weights, curve, shown = trained(tmp_path, 1)
    assert shown == [10, 20, 30, 40]
    assert curve[-1]["validation"] < curve[0]["validation"]
    assert torch.equal(weights["unused.weight"], build()["unused"].weight)
    assert list(seen(tmp_path, 0)) == [str(step) for step in range(STEPS)]


def test_every_gpu_that_is_there_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    assert chosen_devices("cuda", 0, "bf16", "systems.glvd") == Devices("cuda", 3, "bf16")
    assert chosen_devices("cuda", 2, "32", "systems.glvd") == Devices("cuda", 2, "32")
    assert chosen_devices("cpu", 0, "32", "systems.glvd") == Devices("cpu", 1, "32")
    said = r"systems\.glvd\.devices is 4, but there are 3 CUDA devices here; set it to at most 3"
    with pytest.raises(HeadwaterError, match=said):
        chosen_devices("cuda", 4, "32", "systems.glvd")


def test_settings_that_this_machine_has_not_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(HeadwaterError, match=r"systems\.lvd\.device is 'cuda', but .* set it to"):
        chosen_devices("cuda", 0, "32", "systems.lvd")
    with pytest.raises(HeadwaterError, match=r"systems\.lvd\.devices is 9999, but there are"):
        chosen_devices("cpu", 9999, "32", "systems.lvd")
    with pytest.raises(HeadwaterError, match=r"systems\.lvd\.precision is 'bf16', .* to '32'"):
        chosen_devices("cpu", 0, "bf16", "systems.lvd")


def test_mixed_precision_multiplies_in_bfloat16_and_keeps_weights_in_float32(
    tmp_path: Path,
) -> None:
    """The CPU stands for a GPU, which alone is let do it: it is no faster there."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = nn.Linear(4, 1)
    kinds: set[torch.dtype] = set()

    def losses(step: int, generator: torch.Generator) -> dict[str, Tensor]:
        x = torch.randn(16, 4, generator=generator)
        products = model(x)
        kinds.add(products.dtype)
        return {"loss": (products[:, 0] - x.sum(dim=1)).square().mean()}

    turn = Turn(torch.optim.Adam(model.parameters(), lr=0.05), losses, Rate(0.05), 1.0)
    fabric = fabric_of(Devices("cpu", 1, "bf16"))
    curve = train_small(model, [turn], tmp_path, fabric=fabric, plan=Plan(100, 100))
    assert kinds == {torch.bfloat16}
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert curve[-1]["loss"] < 0.05 * curve[0]["loss"]


def test_checkpoints_of_another_precision_are_passed_over(tmp_path: Path) -> None:
    model = nn.Linear(4, 1)
    turn = Turn(
        torch.optim.Adam(model.parameters()),
        lambda step, generator: {"loss": model(torch.ones(1, 4)).square().mean()},
        Rate(0.01),
    )
    train_small(model, [turn], tmp_path, fabric=fabric_of(Devices("cpu", 1, "bf16")))
    assert latest_checkpoint(tmp_path, "sums 1 32-true") is None
    assert latest_checkpoint(tmp_path, "sums 1 bf16-mixed") is not None
