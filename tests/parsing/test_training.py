"""Training of the parser: it learns, goes on to the same bytes, and its file is checked."""

from pathlib import Path

import numpy as np
import pytest
import torch

from headwater.errors import HeadwaterError
from headwater.faces.affine import labels_in_frame
from headwater.faces.vocabulary import FaceClass
from headwater.metrics.regions import part_intersection_over_union
from headwater.parsing.crop import CROP_TO_FACE, frame_to_crop
from headwater.parsing.examples import EXAMPLE_PX, MARGIN_PX
from headwater.parsing.frame_parser import parsed_parts
from headwater.parsing.parser import CROP_PX, load_parser, new_network
from headwater.parsing.training import MOST_WEIGHT, Training, class_weights, train_parser
from headwater.training.checkpoint import safetensors_bytes
from tests.parsing.frames import face_classes, face_picture

# So that the classes of half the picture are learned within seconds.
SHORT = Training(steps=30, batch=2, learning_rate=1e-2, threads=1, checkpoint_every=10)


def crops() -> tuple[torch.Tensor, torch.Tensor]:
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
    return torch.from_numpy(np.stack(channels, axis=-1))[None], torch.from_numpy(shown)[None]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, torch.Tensor]:
    checkpoints = tmp_path_factory.mktemp("whole")
    parser, curve = train_parser(*crops(), SHORT, seed=3, checkpoints=checkpoints)
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
        train_parser(*crops(), SHORT, seed=3, checkpoints=tmp_path, progress=stop)
    seen: list[int] = []
    parser, _ = train_parser(
        *crops(), SHORT, seed=3, checkpoints=tmp_path, progress=lambda step, *_: seen.append(step)
    )
    assert seen == [20, 30]
    assert all(torch.equal(value, trained[k]) for k, value in parser.network.state_dict().items())


def test_a_parser_is_read_back_and_answers_the_same(
    tmp_path: Path, trained: dict[str, torch.Tensor]
) -> None:
    path = tmp_path / "weights.safetensors"
    path.write_bytes(safetensors_bytes(trained, {}))
    parser = load_parser(path)
    classes = face_classes()
    found = parser.classes(face_picture(classes))
    assert found.dtype == np.uint8
    assert (found == parser.classes(face_picture(classes))).all()
    overlap = part_intersection_over_union(found, classes, len(FaceClass) - 1)
    assert overlap[FaceClass.SKIN] > 0.4
    shown = np.zeros(classes.shape, bool)
    shown[:, 100:140] = True
    parts = parsed_parts(parser, face_picture(classes), shown)
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
    classes = torch.zeros(1, 100, 100, dtype=torch.uint8)
    classes[0, :10] = FaceClass.SKIN
    classes[0, 0, :1] = FaceClass.LEFT_EYE
    weights = class_weights(classes)
    assert weights[FaceClass.LEFT_EYE] == MOST_WEIGHT
    assert weights[FaceClass.HAIR] == 1.0
    ratio = float(weights[FaceClass.SKIN] / weights[FaceClass.BACKGROUND])
    assert ratio == pytest.approx((9000 / 999) ** 0.5)
    counts = torch.bincount(classes.reshape(-1), minlength=len(FaceClass))
    shares = counts[[FaceClass.BACKGROUND, FaceClass.SKIN]].double()
    mean = (weights[[0, 8]].double() * shares).sum() / 10_000
    assert mean == pytest.approx(1.0, abs=0.05)


def test_examples_reach_beyond_the_crop_by_what_augmentation_needs() -> None:
    assert EXAMPLE_PX == CROP_PX + 2 * MARGIN_PX
    pixels, classes = crops()
    assert pixels.shape == (1, EXAMPLE_PX, EXAMPLE_PX, 3)
    assert classes.shape == (1, EXAMPLE_PX, EXAMPLE_PX)
    assert CROP_TO_FACE > 1.5
