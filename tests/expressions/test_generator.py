"""A generator's training, its file, and its composite in a frame."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from headwater.errors import HeadwaterError
from headwater.expressions.amounts import drawn_amounts
from headwater.expressions.generator import (
    KINDS,
    LABELS,
    Generator,
    Kind,
    Training,
    blended,
    feathered,
    frame_to_crop,
    load_generator,
    one_hot,
)
from headwater.expressions.generator_training import (
    EXAMPLE_PX,
    EXAMPLE_TO_FACE,
    SCALE,
    Batch,
    Objective,
    Pair,
    drawn_batch,
    l1_of_face,
    train_generator,
)
from headwater.expressions.patterns import PATTERNS
from headwater.expressions.warped import PatternMask, pattern_mask
from headwater.faces.affine import labels_in_frame
from headwater.faces.canonical_crop import Placement
from headwater.faces.face_search import FRAME_TO_FACE
from headwater.faces.resampling import resampled
from headwater.faces.vocabulary import FaceClass, Part
from headwater.networks.spade import Spade
from headwater.parsing.crop import raised
from headwater.training.checkpoint import safetensors_bytes
from tests.expressions.faces import SIZE, drawn_face, parts_of
from tests.parsing.frames import face_classes, face_picture

SMALL = Kind(
    side=64,
    network=lambda: Spade(LABELS, 64, (16, 16, 8, 8), hidden=8),
    discriminator_width=8,
    gan="hinge",
    rates=(2e-3, 4e-3),
    training=Training(steps=60, batch=2, checkpoint_every=10),
)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that learns within seconds, in the place of the real one."""
    monkeypatch.setitem(KINDS, "spade", SMALL)


def examples() -> tuple[Tensor, Tensor]:
    """The made-up face as two examples."""
    classes = face_classes()
    affine = example_map(classes.shape[0])
    pixels = resampled(face_picture(classes), affine, EXAMPLE_PX, EXAMPLE_PX)
    labels = labels_in_frame(classes, affine, EXAMPLE_PX, EXAMPLE_PX)
    return (
        torch.from_numpy(np.stack([pixels, pixels // 2 + 60])),
        torch.from_numpy(np.stack([labels, labels])),
    )


def example_map(frame_px: int) -> np.ndarray:
    """Map (2, 3), px of a frame to px of the example of its face."""
    face = Placement(np.array([frame_px / 2, frame_px / 2]), frame_px / FRAME_TO_FACE, 0.0)
    return raised(face).square_map(EXAMPLE_TO_FACE, EXAMPLE_PX)


def trained(folder: Path, steps: int = 20) -> tuple[Generator, list[dict[str, float]]]:
    how = replace(SMALL.training, steps=steps)
    return train_generator("spade", *examples(), how, seed=3, checkpoints=folder)


def test_it_learns_and_gives_the_same_weights_however_often_it_stops(tmp_path: Path) -> None:
    generator, curve = trained(tmp_path / "whole", steps=60)
    losses = [record["l1_loss"] for record in curve]
    assert losses[-1] < 0.8 * losses[0]
    stopped = Stopped()
    rest = {"seed": 3, "checkpoints": tmp_path / "part"}
    with pytest.raises(KeyboardInterrupt):
        train_generator("spade", *examples(), SMALL.training, progress=stopped, **rest)
    again, _ = train_generator("spade", *examples(), SMALL.training, **rest)
    for name, value in generator.network.state_dict().items():
        assert torch.equal(value, again.network.state_dict()[name]), name


class Stopped:
    """Progress that stops a training in the middle."""

    def __call__(self, step: int, steps: int, record: dict[str, float]) -> None:
        if step >= steps // 2:
            raise KeyboardInterrupt


def test_a_file_of_weights_is_read_and_others_are_refused(tmp_path: Path) -> None:
    generator, _ = trained(tmp_path / "checkpoints")
    path = tmp_path / "weights.safetensors"
    path.write_bytes(safetensors_bytes(generator.network.state_dict(), {}))
    read = load_generator("spade", path)
    labels = torch.zeros(1, LABELS, 64, 64)
    picture = torch.zeros(1, 3, 64, 64)
    with torch.no_grad():
        wanted = generator.network.eval()(labels, picture, labels)
        assert torch.equal(read.network(labels, picture, labels), wanted)
    path.write_bytes(safetensors_bytes({"one": torch.ones(2)}, {}))
    with pytest.raises(HeadwaterError, match="no readable weights"):
        load_generator("spade", path)


def test_a_reference_is_another_layout_of_the_same_face_and_half_the_time_its_mirror_image() -> (
    None
):
    pixels, classes = examples()
    pixels[:, :, : EXAMPLE_PX // 2] = pixels[:, :, : EXAMPLE_PX // 2] // 3
    generator = torch.Generator().manual_seed(1)
    flipped = 0
    for _ in range(12):
        batch = drawn_batch(pixels, classes, 64, generator)
        assert batch.picture.shape == batch.reference.shape == (2, 3, 64, 64)
        assert not torch.equal(batch.labels, batch.reference_labels)
        assert (batch.labels.sum(dim=1) == 1).all()
        darker = [
            one[..., :32].mean(dim=(1, 2, 3)) < one[..., 32:].mean(dim=(1, 2, 3))
            for one in (batch.picture, batch.reference)
        ]
        flipped += int((darker[0] != darker[1]).sum())
    assert 6 <= flipped <= 18


def test_a_crop_shows_what_the_examples_show() -> None:
    """A frame's crop and the middle of an example are the same piece of a face, at one scale."""
    frame_px = 300
    ours, example = frame_to_crop(frame_px, 64), example_map(frame_px)
    middle = np.linalg.solve(ours[:, :2], 32 - ours[:, 2])
    np.testing.assert_allclose(example[:, :2] @ middle + example[:, 2], EXAMPLE_PX / 2, atol=1e-9)
    assert ours[0, 0] / example[0, 0] == pytest.approx(64 / (SCALE * EXAMPLE_PX))


def test_classes_that_are_no_part_are_none() -> None:
    labels = torch.tensor([[[int(one) for one in FaceClass]]])
    planes = one_hot(labels)
    assert planes.shape == (1, LABELS, 1, len(FaceClass))
    assert planes[0, 0, 0, FaceClass.HAIR] == planes[0, 0, 0, FaceClass.BACKGROUND] == 1
    assert planes[0, int(FaceClass.MOUTH_INTERIOR), 0, FaceClass.MOUTH_INTERIOR] == 1


def test_a_made_picture_shows_inside_the_edit_alone() -> None:
    torch.manual_seed(0)
    generator = Generator(SMALL.network().eval(), SMALL.side)
    rgb = np.random.default_rng(0).integers(0, 255, (SIZE, SIZE, 3), dtype=np.uint8)
    face = drawn_face()
    amounts = drawn_amounts(np.random.default_rng(0))
    mask = pattern_mask(parts_of(face), face, PATTERNS["open_mouth_40"], amounts, 1.0)
    shown = generator.pattern(rgb, mask)
    assert isinstance(mask, PatternMask)
    np.testing.assert_array_equal(shown.image[~shown.region], rgb[~shown.region])
    changes = mask.before != mask.after
    assert shown.region[changes].all()
    assert (shown.image[changes] != rgb[changes]).any(axis=1).mean() > 0.9
    assert set(np.unique(shown.parts)) <= {int(part) for part in Part}


def test_weights_are_one_where_labels_change_and_soft_around() -> None:
    before = np.zeros((200, 200), np.uint8)
    after = before.copy()
    after[90:110, 80:120] = 3
    weight = feathered(before, after)
    assert weight[95:105, 85:115].min() > 0.99
    assert weight[20, 20] == 0
    assert ((weight > 0.1) & (weight < 0.9)).sum() > 50
    own, made = np.full((200, 200, 3), 50, np.uint8), np.full((200, 200, 3), 150, np.uint8)
    mixed = blended(made, own, weight)
    assert mixed[100, 100, 0] == 150
    assert mixed[20, 20, 0] == 50


def test_the_background_is_in_no_l1() -> None:
    labels = torch.zeros(1, LABELS, 2, 2)
    labels[0, 0, 0], labels[0, 8, 1] = 1.0, 1.0
    picture = torch.zeros(1, 3, 2, 2)
    made = torch.tensor([[9.0, 9.0], [0.5, 0.1]]).expand(1, 3, 2, 2)
    batch = Batch(labels, picture, picture, labels)
    assert l1_of_face(made, batch) == pytest.approx(0.3)
    nothing = Batch(one_hot(torch.zeros(1, 2, 2).long()), picture, picture, labels)
    assert l1_of_face(made, nothing) == 0


def test_losses_of_a_step_move_their_own_network_alone() -> None:
    pixels, classes = examples()
    torch.manual_seed(0)
    pair = Pair(SMALL)
    objective = Objective(pair, SMALL, pixels, classes, 2)
    losses = objective.generator(0, torch.Generator().manual_seed(0))
    assert set(losses) == {"gan_loss", "matching_loss", "l1_loss"}
    sum(losses.values()).backward()
    assert all(one.grad is not None for one in pair.generator.parameters())
    pair.zero_grad(set_to_none=True)
    losses = objective.discriminators(0, torch.Generator().manual_seed(0))
    assert set(losses) == {"real_loss", "fake_loss"}
    sum(losses.values()).backward()
    assert all(one.grad is None for one in pair.generator.parameters())
    assert all(one.grad is not None for one in pair.discriminators.parameters())
