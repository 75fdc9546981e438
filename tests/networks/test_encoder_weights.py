"""First weights of encoders from files: of safetensors and of torch, whole, wrong and hostile."""

import hashlib
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from headwater.errors import HeadwaterError
from headwater.networks.encoder_weights import load_encoder
from headwater.networks.mobilenet import MobileNet
from headwater.networks.mobilenet_v2 import MobileNetV2
from headwater.networks.resnet import ResNet

Save = Callable[[dict[str, Tensor], Path], None]


def small() -> ResNet:
    return ResNet(4, (1, 1, 1, 1))


def legacy(tensors: dict[str, Tensor], path: Path) -> None:
    torch.save(tensors, path, _use_new_zipfile_serialization=False)


def loaded(encoder: nn.Module, path: Path) -> nn.Module:
    load_encoder(encoder, path, hashlib.sha256(path.read_bytes()).hexdigest())
    return encoder


def saved(path: Path, **changes: Tensor | None) -> Path:
    """A file of the small network's weights with other entries, or without some."""
    state: dict[str, Tensor | None] = {**small().state_dict(), **changes}
    torch.save({name: value for name, value in state.items() if value is not None}, path)
    return path


@pytest.mark.parametrize(
    ("make", "save", "name"),
    [
        (small, save_file, "own.safetensors"),
        (small, torch.save, "own.pth"),
        (small, legacy, "own.pth"),
        (lambda: MobileNetV2(0.25), torch.save, "own.pt"),
    ],
)
def test_weights_of_either_kind_of_file_are_taken_without_the_classifier(
    make: Callable[[], nn.Module], save: Save, name: str, tmp_path: Path
) -> None:
    torch.manual_seed(1)
    own = {key: torch.rand_like(value.float()) for key, value in make().state_dict().items()}
    save({**own, "fc.weight": torch.zeros(3, 3)}, tmp_path / name)
    found = loaded(make(), tmp_path / name).state_dict()
    for key, value in found.items():
        torch.testing.assert_close(value, own[key].to(value.dtype), msg=key)


def test_files_of_before_batches_were_counted_are_taken(tmp_path: Path) -> None:
    own = {k: v for k, v in small().state_dict().items() if not k.endswith("num_batches_tracked")}
    torch.save(own, tmp_path / "old.pth")
    assert torch.equal(loaded(small(), tmp_path / "old.pth").conv1.weight, own["conv1.weight"])


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "own.pth")
    with pytest.raises(HeadwaterError, match="set its width"):
        loaded(ResNet(8, (1, 1, 1, 1)), path)
    for other in (MobileNet(), MobileNetV2()):
        with pytest.raises(HeadwaterError, match="others are missing"):
            loaded(other, path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"conv1.weight": None}, r"conv1\.weight and 0 others are missing"),
        ({"bn1.bias": torch.zeros(5)}, r"bn1\.bias is \(5,\) instead of \(4,\)"),
        # One number that claims to be four times 2^40 of them.
        ({"bn1.bias": torch.zeros(1).expand(2**40)}, r"instead of \(4,\)"),
        ({"bn1.bias": torch.full((4,), float("nan"))}, "not finite numbers"),
        ({"bn1.bias": torch.ones(4).to_sparse()}, "not finite numbers"),
        ({"bn1.bias": torch.ones(4, dtype=torch.complex64)}, "not finite numbers"),
    ],
)
def test_missing_and_misshapen_entries_are_named(
    change: dict[str, Tensor | None], message: str, tmp_path: Path
) -> None:
    with pytest.raises(HeadwaterError, match=message) as refused:
        loaded(small(), saved(tmp_path / "own.pth", **change))
    assert "\n" not in str(refused.value)
    assert str(tmp_path / "own.pth") in str(refused.value)


class Touching:
    """Makes a file where it is unpickled without care."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., None], tuple[Path]]:
        return Path.touch, (self.path,)


def test_nothing_that_a_file_names_is_called(tmp_path: Path) -> None:
    path = tmp_path / "own.pth"
    torch.save({"conv1.weight": Touching(tmp_path / "touched")}, path)
    with pytest.raises(HeadwaterError, match="no readable weights"):
        loaded(small(), path)
    assert not (tmp_path / "touched").exists()


def deflated(path: Path) -> None:
    whole = saved(path.with_name("whole.pth"))
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))


@pytest.mark.parametrize(
    ("name", "write", "message"),
    [
        ("a.safetensors", lambda path: path.write_text("no weights"), "no readable weights"),
        ("a.pth", lambda path: path.write_text("no weights"), "no readable weights"),
        ("a.pth", lambda path: path.write_bytes(b""), "no readable weights"),
        ("a.pth", lambda path: path.write_bytes(saved(path).read_bytes()[:-99]), "no readable"),
        ("a.pth", lambda path: torch.save([torch.zeros(3)], path), "no tensors by name"),
        ("a.pth", lambda path: torch.save({"conv1.weight": 3}, path), "no tensors by name"),
        ("a.pth", deflated, "packed in a way that torch does not"),
    ],
)
def test_files_of_anything_else_are_refused_in_a_sentence(
    name: str, write: Callable[[Path], object], message: str, tmp_path: Path
) -> None:
    write(tmp_path / name)
    with pytest.raises(HeadwaterError, match=message) as refused:
        loaded(small(), tmp_path / name)
    assert "\n" not in str(refused.value)


def test_a_file_that_changed_since_it_was_looked_at_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "own.pth")
    with pytest.raises(HeadwaterError, match="changed while the build ran"):
        load_encoder(small(), path, "0" * 64)
