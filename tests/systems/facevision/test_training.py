"""Training on toy heads: learned, resumed to the same bytes, stored, refused, and answered with."""

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import torch

from headwater.errors import HeadwaterError
from headwater.evaluation.challenge import Unanswered
from headwater.evaluation.heads.answer import SourceMesh, SourcePicture, check_answer
from headwater.evaluation.heads.claims import ErrorTable
from headwater.evaluation.heads.photos import PhotoQuestion
from headwater.systems import SYSTEMS
from headwater.systems.facevision.answer import free_mesh, map_mesh, see
from headwater.systems.facevision.claims import claims_of, errors_of
from headwater.systems.facevision.config import Answering, FaceVisionConfig
from headwater.systems.facevision.predicted import predicted_maps
from headwater.systems.facevision.train import collapsed, train, train_network
from headwater.systems.facevision.weights import TrainedFaceVision, load_weights
from headwater.training.run import Curve, Run
from tests.systems.facevision.toy_scenes import TOY, toy_scenes, toy_set
from tests.systems.toy_heads import toy_cases

LEARNING = TOY.model_copy(
    update={"width": 8, "steps": 100, "learning_rate": 3e-3, "dropout": 0.0, "batch": 8}
)


def trained(folder: Path, config: FaceVisionConfig = TOY, stop: int = 0) -> Curve:
    def progress(step: int, _steps: int, _record: dict[str, float]) -> None:
        if step == stop:
            raise KeyboardInterrupt

    run = Run(3, folder / "checkpoints", progress)
    given = toy_set(config, toy_scenes(12, 2))
    return train(config, given, run, folder / "weights.safetensors")


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> TrainedFaceVision:
    folder = tmp_path_factory.mktemp("facevision")
    trained(folder, LEARNING)
    return load_weights(folder / "weights.safetensors")


@lru_cache(maxsize=1)
def question(views: int = 1) -> PhotoQuestion:
    return PhotoQuestion(toy_scenes(12, 2).views.choose(np.arange(views)))


def test_a_training_goes_on_from_its_checkpoint_to_the_same_bytes(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    curve = trained(whole)
    names = {name for name in curve[0] if name.endswith("_loss")}
    assert names == {
        f"{name}_{term}_loss"
        for name in ("depth", "codes")
        for term in ("l1", "gradient", "gan", "discriminator")
    }
    with pytest.raises(KeyboardInterrupt):
        trained(cut, stop=10)
    assert not (cut / "weights.safetensors").exists()
    assert trained(cut) == curve
    assert (cut / "weights.safetensors").read_bytes() == (
        whole / "weights.safetensors"
    ).read_bytes()


def test_a_collapsed_discriminator_is_told_of() -> None:
    sound = [{"step": 10.0, "depth_discriminator_loss": 0.4, "depth_l1_loss": 0.001}]
    assert collapsed(sound) == ""
    low = [*sound, {"step": 20.0, "codes_discriminator_loss": 0.004}]
    assert "1 times, last of codes at step 20" in collapsed(low)


@pytest.mark.slow  # 350 steps of a wider network: ten seconds of a core.
def test_eight_pictures_are_learned_by_heart(tmp_path: Path) -> None:
    scenes = toy_scenes(5, 2)
    config = LEARNING.model_copy(
        update={"gan": 0.0, "width": 16, "steps": 350, "constant_share": 0.3, "flip": 0.0}
    )
    examples = toy_set(config, scenes).examples.choose(torch.arange(8))
    network, curve = train_network(config, examples, Run(0, tmp_path))
    found = predicted_maps(network.generator.eval(), examples.pixels)
    true = examples.maps.float().numpy()
    mask = true[:, 0] > 0
    assert np.abs(found[:, 0] - true[:, 0])[mask].mean() < 0.01
    assert np.abs(found[:, 1:] - true[:, 1:]).mean(axis=1)[mask].mean() < 0.02
    assert curve[-1]["depth_l1_loss"] < 0.3 * curve[0]["depth_l1_loss"]


def test_answers_are_better_than_the_mean_head_and_the_same_again(
    learned: TrainedFaceVision,
) -> None:
    scenes, system = toy_scenes(12, 2), SYSTEMS["facevision"]
    errors, usual = [], []
    for row in np.flatnonzero(scenes.views.split == "validation"):
        asked = PhotoQuestion(scenes.views.choose(np.array([row])))
        answer = system.answer(learned, asked)
        check_answer(answer)
        assert answer.digest == system.answer(learned, asked).digest
        true = scenes.heads.vertices[scenes.views.head[row]]
        errors.append(np.linalg.norm(answer.vertices - true, axis=1).mean())
        usual.append(np.linalg.norm(scenes.template.mean - true, axis=1).mean())
    assert np.mean(errors) < 0.85 * np.mean(usual)


def test_several_views_and_the_pure_form_answer_too(learned: TrainedFaceVision) -> None:
    system = SYSTEMS["facevision"]
    both = system.answer(learned, question(2))
    assert np.abs(both.vertices - learned.template.mean).max() < 60.0
    config = learned.config.model_copy(update={"answer": Answering(form="laplacian")})
    pure = system.answer(replace(learned, config=config), question(2))
    check_answer(pure)
    assert 1.0 < np.linalg.norm(pure.vertices - both.vertices, axis=1).max() < 80.0


def test_the_free_mesh_lies_on_the_head(learned: TrainedFaceVision) -> None:
    mesh = map_mesh(learned, see(learned, question().views))
    assert len(mesh.raw.vertices) == len(mesh.codes) == len(mesh.colours) > 50
    true = toy_scenes(12, 2).heads.vertices[0]
    for surface in (mesh.raw, mesh.smoothed, mesh.detailed):
        gaps = np.linalg.norm(surface.vertices[:, None] - true[None], axis=2).min(axis=1)
        assert np.median(gaps) < 15.0
        marks = free_mesh(learned, mesh, surface).landmarks_478
        wanted = learned.template.landmarks_478.on(true)
        assert np.median(np.linalg.norm(marks - wanted, axis=1)) < 25.0
    assert not np.array_equal(mesh.raw.vertices, mesh.smoothed.vertices)


def test_a_photo_without_a_face_has_no_answer_and_a_grey_one_has(
    learned: TrainedFaceVision,
) -> None:
    views = question().views
    grey = np.repeat(views.images[0].mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
    answer = SYSTEMS["facevision"].answer(learned, PhotoQuestion(replace(views, images=(grey,))))
    assert np.isfinite(answer.vertices).all()
    blank = replace(views, images=(np.full_like(views.images[0], 20),))
    with pytest.raises(Unanswered, match="show no face"):
        SYSTEMS["facevision"].answer(learned, PhotoQuestion(blank))


def test_other_files_are_refused(tmp_path: Path) -> None:
    trained(tmp_path)
    weights = tmp_path / "weights.safetensors"
    model = SYSTEMS["facevision"].load(weights, TOY, "cpu")
    assert model.config.of_training() == TOY.of_training()
    assert not model.generator.training
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(weights.read_bytes()[:-8])
    for path in (damaged, tmp_path / "missing.safetensors"):
        with pytest.raises(HeadwaterError, match="no readable weights"):
            load_weights(path)


def test_the_making_shows_maps_and_meshes(learned: TrainedFaceVision) -> None:
    made = SYSTEMS["facevision"].sources(learned, question())
    side = learned.config.image_px
    pictures = [one for one in made if isinstance(one, SourcePicture)]
    meshes = [one for one in made if isinstance(one, SourceMesh)]
    assert [one.pixels.shape for one in pictures] == [(side, side, 3)] * 3
    assert [one.stem for one in meshes] == [
        "map_raw",
        "map_smoothed",
        "map_detailed",
        "map_coloured",
    ]
    photo, depth, codes = (one.pixels for one in pictures)
    assert (depth[..., 0] == depth[..., 1]).all()
    assert (codes[..., 0] != codes[..., 1]).any()
    assert len(np.unique(photo)) > 20


def test_claims_are_measured_on_held_out_heads(learned: TrainedFaceVision) -> None:
    scenes = toy_scenes(12, 2)
    cases = [
        replace(case, template=scenes.template) for case in toy_cases(scenes.heads, scenes.views)
    ]
    rows = [errors_of(learned, case) for case in cases[8:]]
    found = {one.name: one for one in claims_of(ErrorTable(rows, 0))}
    assert found["predicted codes better than mean head codes"].value < 0.2
    # A map learned in a hundred steps has steps of its own, beside which spikes are small.
    assert found["spikes are found"].value >= 0.8
    for one in found.values():
        assert np.isfinite(one.value), one.name
    views = cases[0].views
    blank = replace(views, images=tuple(np.full_like(image, 20) for image in views.images))
    assert errors_of(learned, replace(cases[0], views=blank)) == {}
