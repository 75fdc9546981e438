"""Training of the parser: it learns, goes on to the same bytes, and its file is checked."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from headwater.errors import HeadwaterError
from headwater.faces.affine import labels_in_frame, map_points
from headwater.faces.vocabulary import FaceClass
from headwater.metrics.regions import part_intersection_over_union
from headwater.parsing.crop import frame_to_crop
from headwater.parsing.examples import EXAMPLE_PX, MARGIN_PX, Examples
from headwater.parsing.frame_parser import parsed_parts
from headwater.parsing.outlines import OUTLINES
from headwater.parsing.parser import CROP_PX, load_parser, new_network
from headwater.parsing.training import (
    BALANCE,
    DOUBT_PX,
    MOST_WEIGHT,
    TAKEN_OFF,
    Training,
    class_weights,
    overlap_loss,
    train_parser,
    unweighted,
)
from headwater.training.checkpoint import safetensors_bytes
from tests.parsing.frames import face_classes, face_landmarks, face_picture

# So that the classes of half the picture are learned within seconds.
SHORT = Training(steps=50, batch=2, learning_rate=1e-2, piece_px=96, threads=1, checkpoint_every=10)


def made_up() -> Examples:
    """The made-up face as an example of the parser's."""
    affine = frame_to_crop(240, CROP_PX)
    affine[:, 2] += MARGIN_PX
    classes = face_classes()
    picture = face_picture(classes)
    shown = labels_in_frame(classes, affine, EXAMPLE_PX, EXAMPLE_PX)
    channels = [
        labels_in_frame(np.ascontiguousarray(picture[..., one]), affine, EXAMPLE_PX, EXAMPLE_PX)
        for one in range(3)
    ]
    landmarks = map_points(affine, face_landmarks())
    parts = np.stack(channels, axis=-1), shown, landmarks
    return Examples(*(torch.from_numpy(one)[None] for one in parts))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, torch.Tensor]:
    checkpoints = tmp_path_factory.mktemp("whole")
    parser, curve = train_parser(made_up(), SHORT, seed=3, checkpoints=checkpoints)
    for loss in ("cross_entropy_loss", "overlap_loss"):
        assert curve[-1][loss] < 0.95 * curve[0][loss]
    return dict(parser.network.state_dict())


class Stopped(Exception):
    """A training that somebody ended."""


def test_a_training_that_was_stopped_goes_on_to_the_same_weights(
    tmp_path: Path, trained: dict[str, torch.Tensor]
) -> None:
    def stop(step: int, steps: int, record: dict[str, float]) -> None:
        if any(tmp_path.iterdir()):
            raise Stopped

    with pytest.raises(Stopped):
        train_parser(made_up(), SHORT, seed=3, checkpoints=tmp_path, progress=stop)
    seen: list[int] = []
    parser, _ = train_parser(
        made_up(), SHORT, seed=3, checkpoints=tmp_path, progress=lambda step, *_: seen.append(step)
    )
    assert seen == [20, 30, 40, 50]
    assert all(torch.equal(value, trained[k]) for k, value in parser.network.state_dict().items())


def test_a_parser_is_read_back_and_answers_the_same(
    tmp_path: Path, trained: dict[str, torch.Tensor]
) -> None:
    path = tmp_path / "weights.safetensors"
    path.write_bytes(safetensors_bytes(trained, {}))
    parser = load_parser(path)
    classes = face_classes()
    picture, landmarks = face_picture(classes), face_landmarks()
    found = parser.classes(picture, landmarks)
    assert found.dtype == np.uint8
    assert (found == parser.classes(picture, landmarks)).all()
    overlap = part_intersection_over_union(found, classes, len(FaceClass) - 1)
    assert overlap[FaceClass.SKIN] > 0.4
    shown = np.zeros(classes.shape, bool)
    shown[:, 100:140] = True
    parts = parsed_parts(parser, picture, landmarks, shown)
    assert (parts[shown] == np.where(found > 8, 0, found)[shown]).all()
    assert not parts[~shown].any()


def test_weights_that_are_none_are_refused_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    path.write_bytes(b"junk")
    with pytest.raises(HeadwaterError, match="no readable weights"):
        load_parser(path)
    state = new_network().state_dict()
    path.write_bytes(safetensors_bytes({"out.weight": state["out.weight"]}, {}))
    with pytest.raises(HeadwaterError, match=r"no readable weights .*[Mm]issing key"):
        load_parser(path)


def test_rare_classes_weigh_more_within_bounds() -> None:
    classes = torch.zeros(1, 2000, 2000, dtype=torch.uint8)
    classes[0, :200] = FaceClass.SKIN
    classes[0, 0, :1] = FaceClass.LEFT_EYE
    weights = class_weights(classes)
    assert weights[FaceClass.LEFT_EYE] == MOST_WEIGHT
    assert weights[FaceClass.HAIR] == 1.0
    ratio = float(weights[FaceClass.SKIN] / weights[FaceClass.BACKGROUND])
    assert ratio == pytest.approx(9**BALANCE, rel=1e-4)
    mean = 0.9 * weights[FaceClass.BACKGROUND] + 0.1 * weights[FaceClass.SKIN]
    assert mean == pytest.approx(1.0, abs=0.001)


def test_the_overlap_loss_is_that_of_each_image_by_hand() -> None:
    """Scores that are certain, so that shares are counts of pixels."""
    generator = torch.Generator().manual_seed(2)
    wanted, found = (torch.randint(0, 4, (3, 8, 8), generator=generator) for _ in range(2))
    found[0] = wanted[0]
    scores = 100.0 * functional.one_hot(found, len(FaceClass)).movedim(-1, 1).float()
    overlaps = []
    for image, truth in zip(found, wanted, strict=True):
        for one in range(len(FaceClass)):
            both = ((image == one) & (truth == one)).sum()
            either = ((image == one) | (truth == one)).sum()
            overlaps.append(float((both + DOUBT_PX) / (either + DOUBT_PX)))
    assert float(overlap_loss(scores, wanted)) == pytest.approx(1 - np.mean(overlaps), abs=1e-5)
    assert float(overlap_loss(scores[:1], wanted[:1])) == pytest.approx(0, abs=1e-5)


def test_the_overlap_loss_pulls_shares_towards_the_truth() -> None:
    wanted = torch.zeros(1, 8, 8, dtype=torch.int64)
    wanted[0, 2:4, 2:6] = FaceClass.LEFT_EYE
    scores = torch.zeros(1, len(FaceClass), 8, 8, requires_grad=True)
    overlap_loss(scores, wanted).backward()
    assert scores.grad is not None
    there = wanted[0] == FaceClass.LEFT_EYE
    pull = -scores.grad[0, FaceClass.LEFT_EYE]
    assert pull[there].min() > 0
    assert pull[there].min() > 3 * pull[~there].max()


def test_weights_are_taken_off_the_scores_of_every_pixel() -> None:
    torch.manual_seed(4)
    network = new_network().eval()
    weights = torch.linspace(0.5, 4.0, len(FaceClass))
    inputs = torch.randn(1, 3 + OUTLINES, 32, 32)
    with torch.no_grad():
        before = network(inputs)
        unweighted(network, weights)
        change = network(inputs) - before
    wanted = -TAKEN_OFF * weights.log()[None, :, None, None]
    torch.testing.assert_close(change, wanted.expand_as(change), atol=1e-5, rtol=0)
