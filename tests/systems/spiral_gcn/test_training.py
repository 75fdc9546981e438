"""Both stages on toy heads: learned, resumed to the same bytes, stored, refused, answered with."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from headwater.data.crops import network_images
from headwater.errors import HeadwaterError
from headwater.evaluation.heads.claims import ErrorTable
from headwater.evaluation.heads.photos import PhotoQuestion
from headwater.systems import SYSTEMS
from headwater.systems.spiral_gcn.answer import reconstruct
from headwater.systems.spiral_gcn.claims import COARSE, DETAILED, TURNED, claims_of, errors_of
from headwater.systems.spiral_gcn.config import Answering, prepared
from headwater.systems.spiral_gcn.data import examples_of
from headwater.systems.spiral_gcn.losses import coarse_loss
from headwater.systems.spiral_gcn.train import mean_displacement, untrained
from headwater.systems.spiral_gcn.weights import load_weights
from headwater.training.checkpoint import read_safetensors, safetensors_bytes
from tests.systems.spiral_gcn.toy import TOY, toy_surface, toy_tables, trained_in
from tests.systems.toy_heads import toy_cases, toy_heads, toy_views


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("spiral")
    curve = trained_in(path, TOY)
    assert [record["step"] for record in curve] == [10, 20, 30, 40, 50]
    assert "decoder_loss" in curve[0]
    assert "code_loss" in curve[1]
    assert "coarse_loss" in curve[2]
    assert "roughness_loss" in curve[-1]
    return path


def test_a_broken_training_goes_on_to_the_same_bytes_in_either_stage(
    folder: Path, tmp_path: Path
) -> None:
    whole = (folder / "weights.safetensors").read_bytes()
    for stop in (10, 20, 30, 50):
        cut = tmp_path / str(stop)
        with pytest.raises(KeyboardInterrupt):
            trained_in(cut, TOY, stop)
        trained_in(cut, TOY)
        assert (cut / "weights.safetensors").read_bytes() == whole


def test_the_fine_stage_leaves_the_coarse_weights_as_they_are(folder: Path, tmp_path: Path) -> None:
    trained_in(tmp_path, TOY.model_copy(update={"detail_steps": 20}))
    one, other = (
        load_weights(path / "weights.safetensors").network.state_dict()
        for path in (folder, tmp_path)
    )
    changed = {name for name in one if not torch.equal(one[name], other[name])}
    assert changed
    assert all(name.startswith("detail.") or name == "common" for name in changed)


def test_what_the_detail_network_answers_to_every_image_alike_is_no_detail(folder: Path) -> None:
    """Of the crops of its training nothing is left of it on average, and something of each."""
    trained = load_weights(folder / "weights.safetensors")
    tables = toy_tables()
    examples = examples_of(
        trained.config, tables.heads, tables.views, tables.template, trained.surface
    )
    mean = mean_displacement(trained, examples)
    raw = trained.network.common.norm(dim=-1).mean() * trained.edge
    assert float(raw) > 0
    assert float(mean.norm(dim=-1).mean()) < 1e-3 * float(raw)
    found = reconstruct(trained, tables.views.choose(np.array([0])))
    assert np.abs(found.detailed - found.coarse).max() > 0


def test_the_coarse_network_learns_eight_heads_by_heart() -> None:
    """To 0.5 % of their box."""
    template, surface = toy_surface()
    heads = toy_heads(8, 4)
    examples = examples_of(TOY, heads, toy_views(heads, 1, 4), template, surface)
    network = untrained(TOY, examples, 1)
    truth = examples.targets[examples.crops.head]
    images = network_images(examples.crops.pixels)[:, :3]
    optimizer = torch.optim.Adam(network.coarse_parameters(), lr=5e-3)
    for step in range(75):
        for group in optimizer.param_groups:
            group["lr"] = 5e-3 * (1.0 - step / 75)
        loss = coarse_loss(network(images).vertices, truth, TOY.scale_mm / 100.0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        error = (network(images).vertices - truth).norm(dim=-1).mean()
    box = (truth.amax(dim=1) - truth.amin(dim=1)).amax(dim=1).mean()
    assert float(error) < 0.005 * float(box)


def test_the_encoder_begins_from_the_users_file_which_counts_by_its_content(
    tmp_path: Path,
) -> None:
    """The rest of the network begins as without one; what the file is called counts, not where."""
    template, surface = toy_surface()
    tables = toy_tables()
    examples = examples_of(TOY, tables.heads, tables.views, template, surface)
    plain = untrained(TOY, examples, 1)
    theirs = {name: value + 1 for name, value in plain.encoder.state_dict().items()}
    named = TOY.model_copy(update={"encoder_weights": "own.safetensors"})
    with pytest.raises(HeadwaterError, match="no such file; name a file of torchvision's weights"):
        prepared(named, tmp_path)
    save_file(theirs, tmp_path / "own.safetensors")
    config = prepared(named, tmp_path)
    begun = untrained(config, examples, 1)
    for name, value in begun.encoder.state_dict().items():
        assert torch.equal(value, theirs[name]), name
    assert torch.equal(begun.decoder.first.weight, plain.decoder.first.weight)
    assert str(tmp_path) not in config.model_dump_json()
    save_file({**theirs, "fc.bias": torch.zeros(1)}, tmp_path / "own.safetensors")
    assert prepared(named, tmp_path).of_training() != config.of_training()
    with pytest.raises(HeadwaterError, match="changed while the build ran"):
        untrained(config, examples, 1)


@pytest.mark.parametrize("space", ["canonical", "camera"])
def test_an_untrained_network_answers_with_the_mean_head_where_the_views_see_it(
    space: str, folder: Path
) -> None:
    trained = load_weights(folder / "weights.safetensors")
    config = trained.config.model_copy(update={"space": space})
    template, surface = toy_surface()
    tables = toy_tables()
    examples = examples_of(config, tables.heads, tables.views, template, surface)
    network = untrained(config, examples, 0).eval()
    fresh = replace(trained, config=config, network=network)
    found = reconstruct(fresh, tables.views.choose(np.array([0, 1])))
    np.testing.assert_array_equal(found.coarse, found.detailed)
    # Toy heads are symmetric but for their place: the mean of them and of their mirror images.
    away = np.linalg.norm(found.coarse - tables.heads.vertices.mean(axis=0), axis=1)
    assert away.mean() < 6.0


def test_answers_are_those_of_a_system_coarse_and_detailed(folder: Path) -> None:
    system = SYSTEMS["spiral_gcn"]
    views = toy_views(toy_heads(1, 5), 2, 6)
    weights = folder / "weights.safetensors"
    model = system.load(weights, TOY, "cpu")
    found = system.answer(model, PhotoQuestion(views))
    again = system.answer(system.load(weights, TOY, "cpu"), PhotoQuestion(views))
    assert found.digest == again.digest
    assert found.steps.shape == (2, 162, 3)
    np.testing.assert_array_equal(found.vertices, found.steps[1])
    plain = TOY.model_copy(update={"answer": Answering(detail=False)})
    coarse = system.answer(system.load(weights, plain, "cpu"), PhotoQuestion(views))
    np.testing.assert_array_equal(coarse.vertices, found.steps[0])


def test_the_mean_of_the_same_view_is_the_answer_of_one(folder: Path) -> None:
    trained = load_weights(folder / "weights.safetensors")
    view = toy_views(toy_heads(1, 5), 1, 6)
    single, double = (reconstruct(trained, view.choose(np.zeros(n, int))).coarse for n in (1, 2))
    # Two sightings of one face are believed more than one: the head may stand elsewhere.
    middle = [one - one.mean(axis=0) for one in (single, double)]
    assert np.abs(middle[0] - middle[1]).max() < 5.0


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("model.levels.corners_0", lambda t: t + 10_000),
        ("model.levels.kept_0", None),
        ("surface.vertices", lambda t: t.flip(0)),
        ("surface.corners", lambda t: t - 1),
        ("model.mean", lambda t: t[:-1]),
        ("model.code.weight", lambda t: t[:, :-1]),
        ("model.code.bias", lambda t: t * float("nan")),
    ],
)
def test_files_of_other_tensors_are_refused(
    folder: Path, tmp_path: Path, name: str, change: object
) -> None:
    tensors, notes = read_safetensors(folder / "weights.safetensors")
    whole = tensors.pop(name)
    if change is not None:
        tensors[name] = change(whole)
    path = tmp_path / "weights.safetensors"
    path.write_bytes(safetensors_bytes(tensors, notes))
    with pytest.raises(HeadwaterError, match="no readable weights") as refused:
        load_weights(path)
    assert "\n" not in str(refused.value)


def test_claims_follow_from_errors_of_coarse_and_detailed_answers(folder: Path) -> None:
    trained = load_weights(folder / "weights.safetensors")
    heads = toy_heads(2, 7)
    cases = toy_cases(heads, toy_views(heads, 2, 8, "test"))
    rows = [errors_of(trained, case) for case in cases]
    assert all({COARSE, DETAILED} <= row.keys() for row in rows)
    made = claims_of(
        ErrorTable(
            [{COARSE: 1.0 + n, DETAILED: 0.9 + n, TURNED: 1.2 * (1.0 + n)} for n in range(4)], 0
        )
    )
    assert [claim.holds for claim in made] == [True, False]
