"""The first training: codes that name heads and are read back, and what each half learns alone."""

from functools import lru_cache
from pathlib import Path

import pytest
import torch

from headwater.data.crops import network_images
from headwater.networks.vertex_descent.training import TrainingPart
from headwater.systems.spiral_gcn.config import SIZES, first_steps
from headwater.systems.spiral_gcn.data import Examples, examples_of
from headwater.systems.spiral_gcn.first_training import HeadCodes, head_codes, train_apart
from headwater.systems.spiral_gcn.model import SpiralGcn
from headwater.systems.spiral_gcn.train import untrained
from headwater.training.determinism import deterministic
from tests.systems.spiral_gcn.toy import TOY, toy_surface
from tests.systems.toy_heads import toy_heads, toy_views

LEARNING = TOY.model_copy(
    update={"decoder_steps": 60, "code_steps": 120, "code_batch": 16, "first_rate": 3e-3}
)


@lru_cache(maxsize=1)
def toy_examples() -> Examples:
    template, surface = toy_surface()
    heads = toy_heads(8, 4)
    return examples_of(LEARNING, heads, toy_views(heads, 2, 4), template, surface)


def error(network: SpiralGcn, examples: Examples) -> float:
    with torch.no_grad():
        found = network(network_images(examples.crops.pixels)[:, :3]).vertices
    return float((found - examples.targets[examples.crops.head]).norm(dim=-1).mean())


@pytest.fixture(scope="module")
def codes() -> HeadCodes:
    return head_codes(toy_examples(), LEARNING, 1)


def test_components_of_heads_make_them_again_and_have_a_deviation_of_one(codes: HeadCodes) -> None:
    targets = toy_examples().targets
    found = codes.components(targets)
    assert torch.allclose(codes.surfaces(found), targets, atol=1e-4)
    assert torch.allclose(found.square().mean(dim=0).sqrt(), torch.ones(found.shape[1]), atol=0.01)


def test_codes_say_their_components_and_have_a_deviation_of_one(codes: HeadCodes) -> None:
    drawn = torch.randn(2000, len(codes.deviations), generator=torch.Generator().manual_seed(0))
    said = codes.encoded(drawn)
    assert said.shape == (2000, LEARNING.code)
    assert torch.allclose(codes.decoded(said), drawn, atol=1e-4)
    assert float(said.std()) == pytest.approx(1.0, abs=0.03)
    aside = torch.randn(4, LEARNING.code, generator=torch.Generator().manual_seed(1))
    within = codes.encoded(codes.decoded(aside))
    assert torch.allclose(codes.decoded(aside - within), torch.zeros(4, drawn.shape[1]), atol=1e-4)


def test_no_more_components_are_named_than_heads_differ_in() -> None:
    examples = toy_examples()
    assert len(head_codes(examples, LEARNING, 1).deviations) < len(examples.targets)
    few = LEARNING.model_copy(update={"components": 2})
    assert len(head_codes(examples, few, 1).deviations) == 2


def test_halves_that_learned_apart_find_heads_together(tmp_path: Path) -> None:
    examples = toy_examples()
    network = untrained(LEARNING, examples, 1)
    before = error(network.eval(), examples)
    part = TrainingPart(3, tmp_path, fingerprint="toy")
    with deterministic(1, torch.device("cpu")):
        curve = train_apart(network, examples, part)
    assert [record["step"] for record in curve] == list(range(10, 181, 10))
    assert "decoder_loss" in curve[5]
    assert "code_loss" in curve[6]
    assert curve[5]["decoder_loss"] < 0.7 * curve[0]["decoder_loss"]
    assert error(network.eval(), examples) < 0.8 * before


def test_a_posed_mesh_has_no_first_training() -> None:
    assert first_steps(SIZES["paper"]) == 0
    assert first_steps(SIZES["small"]) == 1050
