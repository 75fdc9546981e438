"""Training on toy faces: learned, resumed to the same bytes, stored, refused, and answered with."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from headwater.data.scenes import Views, stacked
from headwater.data.tables import template_of
from headwater.errors import HeadwaterError
from headwater.evaluation.heads.photos import PhotoQuestion
from headwater.faces.vocabulary import Part
from headwater.geometry.cameras import project
from headwater.networks.mobilenet import MobileNet
from headwater.networks.resnet import ResNet
from headwater.systems import SYSTEMS
from headwater.systems.prdl.answer import reconstruct
from headwater.systems.prdl.config import SIZES, Answering, Fitting, PrdlConfig, prepared
from headwater.systems.prdl.data import Examples
from headwater.systems.prdl.detector_errors import MeanErrors
from headwater.systems.prdl.fit import parsed as parsed_views
from headwater.systems.prdl.train import train
from headwater.systems.prdl.weights import TrainedPrdl, load_weights
from headwater.training.run import Curve, Run
from tests.systems.prdl.toy_face import (
    SIDE,
    TOY,
    drawn_head,
    example_of,
    toy_camera,
    toy_model,
    toy_network,
    vertices_mm,
)

ERRORS = MeanErrors.none()
LEARNING = TOY.model_copy(update={"steps": 30, "batch": 4, "learning_rate": 3e-3, "flip": 0.0})


def toy_examples(count: int) -> Examples:
    network = toy_network()
    found = [
        example_of(network, drawn_head(network, seed), 10.0 * (seed % 3)) for seed in range(count)
    ]
    return Examples(*(torch.cat(one) for one in zip(*(e.tensors for e in found), strict=True)))


def trained(folder: Path, config: PrdlConfig, examples: Examples, stop: int = 0) -> Curve:
    def progress(step: int, _steps: int, _record: dict[str, float]) -> None:
        if step == stop:
            raise KeyboardInterrupt

    run = Run(3, folder / "checkpoints", progress)
    return train(config, toy_model(), examples, ERRORS, run, folder / "weights.safetensors")


def toy_views(count: int = 1) -> Views:
    """Views of the mean toy head, with its exact camera and landmarks."""
    camera = toy_camera()
    marks = template_of(toy_model()).landmarks_478.on(toy_model().mean)
    pixels, _ = project(camera, marks)
    return Views(
        tuple(np.full((SIDE, SIDE, 3), 90, np.uint8) for _ in range(count)),
        tuple(np.full((SIDE, SIDE), 255, np.uint8) for _ in range(count)),
        *stacked([camera] * count),
        np.stack([pixels.astype(np.float32)] * count),
        np.zeros(count, np.int32),
        np.array(["test"] * count),
        np.zeros(count, bool),
    )


def test_a_training_learns_and_goes_on_from_its_checkpoint_to_the_same_bytes(
    tmp_path: Path,
) -> None:
    examples = toy_examples(8)
    whole = tmp_path / "whole"
    curve = trained(whole, LEARNING, examples)
    names = [name for name in curve[0] if name.endswith("_loss")]
    assert set(names) > {"prdl_loss", "landmark_loss", "photometric_loss"}
    first, last = (sum(record[name] for name in names) for record in (curve[0], curve[-1]))
    assert last < 0.9 * first
    cut = tmp_path / "cut"
    with pytest.raises(KeyboardInterrupt):
        trained(cut, LEARNING, examples, stop=20)
    assert trained(cut, LEARNING, examples) == curve
    assert (cut / "weights.safetensors").read_bytes() == (
        whole / "weights.safetensors"
    ).read_bytes()


def test_weights_answer_as_a_system_and_are_refused_when_they_are_not_its_own(
    tmp_path: Path,
) -> None:
    config = TOY.model_copy(update={"steps": 10})
    trained(tmp_path, config, toy_examples(4))
    weights = tmp_path / "weights.safetensors"
    system = SYSTEMS["prdl"]
    model = system.load(weights, config, "cpu")
    views = toy_views(2)
    one = system.answer(model, PhotoQuestion(views))
    again = system.answer(system.load(weights, config, "cpu"), PhotoQuestion(views))
    assert one.digest == again.digest
    assert one.vertices.shape == toy_model().mean.shape
    assert np.abs(one.vertices - toy_model().mean).max() < 60.0
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(weights.read_bytes()[:-8])
    for path in (damaged, tmp_path / "missing.safetensors"):
        with pytest.raises(HeadwaterError, match="no readable weights"):
            load_weights(path)


def test_the_mean_of_the_same_views_is_the_answer_of_one(tmp_path: Path) -> None:
    trained(tmp_path, TOY.model_copy(update={"steps": 10}), toy_examples(4))
    model = load_weights(tmp_path / "weights.safetensors")
    single, double = (reconstruct(model, toy_views(count)).vertices for count in (1, 2))
    np.testing.assert_allclose(single, double, atol=1e-2)


def test_fitting_brings_the_answer_to_the_parts_and_landmarks() -> None:
    """A network that knows nothing, and a photo of a head that is not the mean one."""
    network, template = toy_network(), template_of(toy_model())
    model = TrainedPrdl(network, TOY, template, ERRORS)
    true = drawn_head(network, 3)._replace(angles=torch.zeros(1, 3), translation=torch.zeros(1, 3))
    vertices = vertices_mm(network, true)
    marks = template.landmarks_478.on(vertices)
    camera = toy_camera()
    seen = project(camera, marks)[0].astype(np.float32)
    views = replace(toy_views(), landmarks_478_px=seen[None])
    fit = Answering(fit=True, fitting=Fitting(image_px=SIDE))
    answers = [
        reconstruct(
            replace(model, config=model.config.model_copy(update={"answer": answer})), views
        )
        for answer in (Answering(), fit)
    ]
    errors = []
    for one in answers:
        found, _ = project(camera, model.template.landmarks_478.on(one.vertices))
        errors.append(np.linalg.norm(found - seen, axis=1).mean())
    assert errors[1] < 0.5 * errors[0]


def test_landmarks_are_learned_first_and_alone(tmp_path: Path) -> None:
    """With warped and disturbed images, at a rate that ends at 0."""
    change = {"landmark_steps": 20, "steps": 10, "warp": 0.5, "disturbed": True}
    config = LEARNING.model_copy(update={**change, "schedule": "cosine"})
    curve = trained(tmp_path, config, toy_examples(4))
    assert [("prdl_loss" in record) for record in curve] == [False, False, True]
    assert curve[0].keys() == {"step", "learning_rate", "landmark_loss", "regular_loss"}
    assert curve[1]["learning_rate"] > 5 * curve[2]["learning_rate"] > 0
    assert SYSTEMS["prdl"].steps(config) == 30


class Painter:
    """A parser that sees one part everywhere below the middle."""

    def classes(self, frame: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        assert np.isfinite(landmarks).all()
        found = np.zeros(frame.shape[:2], np.uint8)
        found[SIDE // 2 :] = Part.LOWER_LIP
        return found


def test_fitting_looks_at_the_parts_of_the_builds_parser() -> None:
    network, template = toy_network(), template_of(toy_model())
    config = TOY.model_copy(
        update={
            "answer": Answering(fit=True, fitting=Fitting(steps=5, image_px=SIDE)),
            "parser": "trained",
        }
    )
    bare = TrainedPrdl(network, config, template, ERRORS)
    views = toy_views()
    seen = zip(views.images, views.landmarks_478_px, strict=True)
    labels = [Painter().classes(image, landmarks) for image, landmarks in seen]
    parsed, given, drawn = (
        reconstruct(model, toy_views(), own).vertices
        for model, own in ((bare.with_parser(Painter()), None), (bare, labels), (bare, None))
    )
    np.testing.assert_array_equal(parsed, given)
    assert np.abs(parsed - drawn).max() > 0.5


def test_a_view_without_all_landmarks_is_not_parsed() -> None:
    bare = TrainedPrdl(toy_network(), TOY, template_of(toy_model()), ERRORS)
    views = toy_views(2)
    views.landmarks_478_px[1, 7] = np.nan
    labels = parsed_views(bare.with_parser(Painter()), views)
    assert labels is not None
    assert (labels[0][SIDE // 2 :] == Part.LOWER_LIP).all()
    assert (labels[1] == Part.NONE).all()
    assert parsed_views(bare, views) is None


@pytest.mark.parametrize(
    ("network", "parameters"), [(ResNet(), 23_508_032), (MobileNet(), 2_971_952)]
)
def test_encoders_have_torchvisions_parameters_without_its_classifier(
    network: torch.nn.Module, parameters: int
) -> None:
    assert sum(one.numel() for one in network.parameters()) == parameters


def test_the_encoders_file_counts_by_its_content_and_must_be_there(tmp_path: Path) -> None:
    config = SIZES["smoke"].model_copy(update={"encoder_weights": "own.safetensors"})
    with pytest.raises(HeadwaterError, match="no such file"):
        prepared(config, tmp_path)
    (tmp_path / "own.safetensors").write_bytes(b"1")
    first = prepared(config, tmp_path)
    (tmp_path / "own.safetensors").write_bytes(b"2")
    assert first.of_training() != prepared(config, tmp_path).of_training()
