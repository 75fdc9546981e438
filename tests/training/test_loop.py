from pathlib import Path

import pytest
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from headwater.errors import HeadwaterError
from headwater.training.checkpoint import (
    KEPT,
    Training,
    latest_checkpoint,
    read_safetensors,
    safetensors_bytes,
    save_checkpoint,
)
from headwater.training.determinism import deterministic
from headwater.training.draws import Share, pass_over, stream
from headwater.training.loop import Plan
from headwater.training.schedules import Rate
from headwater.training.turns import Turn
from tests.training.small_training import Killed, network, run, train, weights


def flip_a_bit(path: Path, place: float) -> None:
    data = bytearray(path.read_bytes())
    data[int(place * (len(data) - 1))] ^= 4
    path.write_bytes(bytes(data))


def test_it_learns(tmp_path: Path) -> None:
    _, curve = run(tmp_path)
    assert [record["step"] for record in curve] == [10, 20, 30, 40, 50, 60]
    assert curve[-1]["loss"] < 0.5 * curve[0]["loss"]


@pytest.mark.fault("old weights are never taken for those of new code")
@pytest.mark.parametrize("killed_at", [5, 10, 37, 59])
def test_a_killed_training_ends_as_an_unbroken_one(tmp_path: Path, killed_at: int) -> None:
    whole, whole_curve = run(tmp_path / "whole")
    with pytest.raises(Killed):
        run(tmp_path / "broken", killed_at=killed_at)
    resumed, curve = run(tmp_path / "broken")
    assert weights(resumed) == weights(whole)
    assert curve == whole_curve


@pytest.mark.fault("old weights are never taken for those of new code")
@pytest.mark.parametrize("place", [0.02, 0.5, 0.99])
def test_a_damaged_checkpoint_is_passed_over(tmp_path: Path, place: float) -> None:
    whole, _ = run(tmp_path / "whole")
    with pytest.raises(Killed):
        run(tmp_path / "broken", killed_at=45)
    newest = max((tmp_path / "broken").iterdir())
    flip_a_bit(newest, place)
    found = latest_checkpoint(tmp_path / "broken", "sums 1 32-true")
    assert found is not None
    assert found.step == 30
    assert weights(run(tmp_path / "broken")[0]) == weights(whole)


@pytest.mark.fault("old weights are never taken for those of new code")
def test_a_cut_off_checkpoint_is_passed_over(tmp_path: Path) -> None:
    with pytest.raises(Killed):
        run(tmp_path, killed_at=45)
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes()[:-7])
    assert latest_checkpoint(tmp_path, "sums 1 32-true") is None


@pytest.mark.parametrize("notes", ["[]", "3", "[" * 100_000, '{"step": 10}', "{"])
def test_a_checkpoint_with_strange_notes_is_passed_over(tmp_path: Path, notes: str) -> None:
    content = safetensors.torch.save({"a": torch.zeros(1)}, {"headwater": notes})
    (tmp_path / "step-00000010.safetensors").write_bytes(content)
    assert latest_checkpoint(tmp_path, "sums 1 32-true") is None


def test_every_tensor_and_note_comes_back_as_it_was(tmp_path: Path) -> None:
    tensors = {
        "half": torch.ones(2, 3, dtype=torch.bfloat16).T,
        "none": torch.zeros(0, 4),
        "one": torch.tensor(0.25, dtype=torch.float64),
        "flags": torch.tensor([True, False]),
    }
    notes = {"sizes": (1, 2), "counts": {10: 1, 9: 2}}
    path = tmp_path / "tensors.safetensors"
    path.write_bytes(safetensors_bytes(tensors, notes))
    read, read_notes = read_safetensors(path)
    assert read_notes == {"sizes": [1, 2], "counts": {"10": 1, "9": 2}}
    assert read.keys() == tensors.keys()
    for name, value in tensors.items():
        assert (read[name].dtype, read[name].shape) == (value.dtype, value.shape)
        assert torch.equal(read[name], value)


@pytest.mark.fault("old weights are never taken for those of new code")
def test_checkpoints_of_another_training_are_passed_over(tmp_path: Path) -> None:
    with pytest.raises(Killed):
        run(tmp_path, killed_at=45, fingerprint="other")
    assert latest_checkpoint(tmp_path, "sums 1 32-true") is None
    assert latest_checkpoint(tmp_path, "other 1 32-true") is not None


def test_only_the_newest_checkpoints_are_kept(tmp_path: Path) -> None:
    run(tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["step-00000050.safetensors", "step-00000060.safetensors"]
    assert len(names) == KEPT


def test_a_checkpoint_is_plain_tensors_and_json(tmp_path: Path) -> None:
    model = network()
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.ones(1, 4)).sum().backward()
    optimizer.step()
    curve = [{"step": 10.0, "loss": 0.5}]
    training = Training(model, {"model": optimizer}, step=10, curve=curve)
    save_checkpoint(tmp_path, training, "x")
    tensors, notes = read_safetensors(tmp_path / "step-00000010.safetensors")
    assert notes["step"] == 10
    assert notes["curve"] == [{"step": 10, "loss": 0.5}]
    assert {name.split(".")[0] for name in tensors} == {"model", "optimizer"}


@given(*([st.tuples(st.integers(0, 10_000), st.integers(0, 3), st.integers(0, 7))] * 2))
def test_every_step_turn_and_device_has_its_own_random_numbers(
    one: tuple[int, int, int], other: tuple[int, int, int]
) -> None:
    first, again = (torch.rand(4, generator=drawn(*one)) for _ in range(2))
    assert torch.equal(first, again)
    assert (one == other) == torch.equal(first, torch.rand(4, generator=drawn(*other)))


def drawn(step: int, turn: int, rank: int) -> torch.Generator:
    return torch.Generator().manual_seed(stream(1, step, turn, rank))


def test_a_checkpoint_between_two_records_is_refused() -> None:
    with pytest.raises(ValueError, match="multiple of 10"):
        Plan(20, checkpoint_every=15)


@given(st.integers(1, 40), st.integers(1, 6), st.integers(1, 4), st.integers(1, 3))
def test_devices_share_the_rows_of_every_step(
    count: int, own: int, ranks: int, passes: int
) -> None:
    batch = own * ranks
    steps = -(-passes * count // batch)
    seen: list[int] = []
    for step in range(steps):
        parts = [pass_over(count, batch, step, Share(rank, ranks)) for rank in range(ranks)]
        assert [len(part) for part in parts] == [own] * ranks
        assert torch.equal(torch.cat(parts), pass_over(count, batch, step))
        seen += torch.cat(parts).tolist()
    for start in range(0, passes * count, count):
        assert sorted(seen[start : start + count]) == list(range(count))


def test_a_batch_that_devices_cannot_share_is_refused() -> None:
    with pytest.raises(HeadwaterError, match="batch of 8 cannot be shared equally by 3 devices"):
        pass_over(20, 8, 0, Share(0, 3))


def test_dropout_is_resumed_like_all_else_that_is_random(tmp_path: Path) -> None:
    def trained(folder: Path, killed_at: int | None) -> bytes:
        model = nn.Sequential(network(), nn.Linear(1, 8), nn.Dropout(0.5), nn.Linear(8, 1))

        def losses(step: int, generator: torch.Generator) -> dict[str, Tensor]:
            if step == killed_at:
                raise Killed
            return {"loss": model(torch.randn(16, 4, generator=generator)).square().mean()}

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(1)
            for part in (model[1], model[3]):
                part.reset_parameters()
        turn = Turn(torch.optim.Adam(model.parameters()), losses, Rate(0.01))
        train(model, [turn], folder)
        return weights(model)

    whole = trained(tmp_path / "whole", None)
    with pytest.raises(Killed):
        trained(tmp_path / "broken", 25)
    assert trained(tmp_path / "broken", None) == whole


def test_training_leaves_the_global_random_numbers_alone(tmp_path: Path) -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    run(tmp_path)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("gradient_norm", [1.0, None])
def test_a_diverging_training_ends_with_a_sentence(
    tmp_path: Path, gradient_norm: float | None
) -> None:
    model = nn.Linear(1, 1)

    def losses(step: int, generator: torch.Generator) -> dict[str, Tensor]:
        loss = model(torch.ones(1, 1)).square().mean()
        return {"loss": loss * float("inf") if step == 12 else loss}

    turn = Turn(torch.optim.SGD(model.parameters(), lr=0.1), losses, Rate(0.1), gradient_norm)
    with pytest.raises(
        HeadwaterError, match=r"diverged: .* is not finite in step .* learning_rate"
    ):
        train(model, [turn], tmp_path)
    assert latest_checkpoint(tmp_path, "sums 1 32-true") is not None


def test_determinism_is_put_back_afterwards() -> None:
    threads = torch.get_num_threads()
    with deterministic(threads + 1):
        assert torch.are_deterministic_algorithms_enabled()
        assert torch.get_num_threads() == threads + 1
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.get_num_threads() == threads
