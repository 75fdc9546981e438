"""The networks: weight counts of the published size, layers, sampling; checklist 6 to 8."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from headwater.errors import HeadwaterError
from headwater.heads.model import SurfacePoints
from headwater.networks.mesh_levels import MeshLevels
from headwater.networks.mobilenet_v2 import MobileNetV2
from headwater.networks.resnet import ResNet
from headwater.networks.spiral import SpiralConv
from headwater.systems.spiral_gcn.config import SIZES
from headwater.systems.spiral_gcn.data import cameras_of
from headwater.systems.spiral_gcn.detail import look_at, visible
from headwater.systems.spiral_gcn.model import CoarseDecoder, DetailNet, sampled
from headwater.systems.spiral_gcn.surface import check_depth, piece_at, surface_of
from tests.systems.spiral_gcn.toy import TOY, toy_network, toy_surface
from tests.systems.toy_heads import toy_template

PUBLISHED = (53215, 13304, 3326, 832, 208, 52)
PAPER = SIZES["paper"]


def weights(network: nn.Module) -> int:
    return sum(one.numel() for one in network.parameters())


def test_the_published_size_has_the_published_numbers_of_weights() -> None:
    with torch.device("meta"):
        decoder = CoarseDecoder(PUBLISHED, PAPER)
        details = [DetailNet(64, 256, PAPER.long_spiral), DetailNet(16, 24, PAPER.long_spiral)]
        encoders = [ResNet(), MobileNetV2()]
        codes = [nn.Linear(one.features_out, PAPER.code) for one in encoders]
    assert weights(decoder.first) == 1_710_592
    layers = [weights(layer) for layer in reversed(decoder.layers)] + [weights(decoder.last)]
    assert layers == [114_816, 57_408, 38_944, 9_744, 2_440, 459]
    assert weights(decoder) == 1_934_403
    assert [weights(one) for one in details] == [35_035, 26_843]
    totals = [
        weights(encoder) + weights(code) + weights(decoder)
        for encoder, code in zip(encoders, codes, strict=True)
    ]
    # The note counts ResNet's detail network with either encoder.
    assert [total + 35_035 for total in totals] == [26_002_014, 4_521_246]
    assert [encoder.map_channels for encoder in encoders] == [(64, 256), (16, 24)]


def test_an_untrained_network_answers_with_the_mean_surface_and_no_displacement() -> None:
    network = toy_network().eval()
    with torch.no_grad():
        coarse = network(torch.randn(2, 3, 32, 32))
        count = len(network.mean)
        moved = network.detail(
            torch.randn(count, 2, 6),
            torch.randn(len(network.levels.kept_0), 2, coarse.half.shape[1]),
            torch.randn(len(network.levels.kept_1), 2, coarse.quarter.shape[1]),
            network.levels,
        )
    torch.testing.assert_close(coarse.vertices, network.mean.expand(2, -1, -1))
    assert moved.shape == (count, 2, 3)
    assert not moved.any()


def test_every_layer_but_the_last_is_followed_by_an_elu(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the absolute value for ELU, a negative input of a later layer would show it left out."""
    network = toy_network()
    seen: list[Tensor] = []
    monkeypatch.setattr(torch.nn.functional, "elu", torch.abs)
    plain = SpiralConv.forward

    def watched(layer: SpiralConv, values: Tensor, spirals: Tensor) -> Tensor:
        seen.append(values)
        return plain(layer, values, spirals)

    monkeypatch.setattr(SpiralConv, "forward", watched)
    nn.init.normal_(network.decoder.last.weight)
    moved = network.decoder(torch.randn(2, TOY.code), network.levels)
    assert len(seen) == network.levels.depth + 1
    assert all(bool((values >= 0).all()) for values in seen)
    assert bool((moved < 0).any())


def test_levels_follow_the_template_and_other_pieces_are_carried_along() -> None:
    template, surface = toy_surface()
    assert surface.sizes == (162, 41, 11)
    ball = template.mean[:40] * np.float32(0.1)
    joined = type(template)(
        np.concatenate([template.mean, ball]),
        np.concatenate([template.faces, _first_faces(template.faces, 40) + 162]).astype(np.int32),
        np.zeros(len(template.faces) + len(_first_faces(template.faces, 40)), np.uint8),
        SurfacePoints(template.landmarks_478.triangles, template.landmarks_478.weights),
    )
    both = surface_of(joined, TOY)
    assert both.sizes == surface.sizes
    mean = torch.from_numpy(joined.mean)
    shifted = torch.full((162, 3), 7.0)
    torch.testing.assert_close(both.whole(shifted, mean), mean + 7.0)
    moved = torch.randn(162, 3)
    torch.testing.assert_close(both.whole(moved, mean)[:162], mean[:162] + moved)


def _first_faces(faces: np.ndarray, count: int) -> np.ndarray:
    return faces[(faces < count).all(axis=1)]


def test_the_piece_at_the_nose_tip_is_taken() -> None:
    faces = np.array([[0, 1, 2], [3, 4, 5]])
    points = np.array(
        [[0, 0, 0], [1, 0, 0], [0, 1, 0], [9, 0, 0], [10, 0, 0], [9, 1, 0]], np.float32
    )
    vertices, own = piece_at(faces, points, np.array([9, 0, 0.5], np.float32))
    assert vertices.tolist() == [3, 4, 5]
    assert own.tolist() == [[0, 1, 2]]


def test_a_template_that_is_too_coarse_is_refused() -> None:
    with pytest.raises(HeadwaterError, match="take a head model with more vertices"):
        check_depth((40, 10))


def test_a_map_of_its_own_x_gives_the_places_x_and_is_clamped_at_the_border() -> None:
    side = 32
    for cells in (32, 16):
        centres = (torch.arange(cells) + 0.5) * (side / cells)
        maps = torch.stack([centres.expand(cells, -1), centres[:, None].expand(-1, cells)])[None]
        places = torch.tensor([[[4.0, 9.5], [20.25, 30.0], [-50.0, 16.0], [16.0, 99.0]]])
        found = sampled(maps, places, side)[:, 0]
        edge = float(centres[0])
        torch.testing.assert_close(found[:2], places[0, :2])
        torch.testing.assert_close(found[2], torch.tensor([edge, 16.0]))
        torch.testing.assert_close(found[3], torch.tensor([16.0, side - edge]))


def test_features_of_coarser_levels_are_sampled_at_their_own_vertices() -> None:
    network, (_, surface) = toy_network().eval(), toy_surface()
    projection = torch.tensor([[[10.0, 0, 16, 80], [0, -10.0, 16, 80], [0, 0, 1.0, 5]]])
    centres = (torch.arange(32) + 0.5).expand(1, 1, 32, -1)
    coarse = network(torch.zeros(1, 3, 32, 32))._replace(half=centres, quarter=centres)
    look = look_at(
        network, coarse, torch.zeros(1, 32, 32, 4, dtype=torch.uint8), projection, surface.faces
    )
    kept = network.levels.kept_0
    inside = look.places[0, :, 0].clamp(0.5, 31.5)
    torch.testing.assert_close(look.half[:, 0, 0], inside[kept], atol=1e-4, rtol=0)
    again = inside[kept][network.levels.kept_1]
    torch.testing.assert_close(look.quarter[:, 0, 0], again, atol=1e-4, rtol=0)


def test_vertices_behind_the_face_are_not_visible() -> None:
    network, (template, surface) = toy_network().eval(), toy_surface()
    # A camera in front of the face, 8 units away.
    projection = torch.tensor([[[60.0, 0, -16, 128], [0, -60.0, -16, 128], [0, 0, -1.0, 8]]])
    coarse = network(torch.zeros(1, 3, 32, 32))
    look = look_at(
        network, coarse, torch.zeros(1, 32, 32, 4, dtype=torch.uint8), projection, surface.faces
    )
    shown = visible(look, surface.faces, 32)[:, 0] > 0
    z = torch.from_numpy(template.mean[:, 2])
    assert bool(shown[z > 60].float().mean() > 0.9)
    assert not bool(shown[z < -30].any())


def test_posed_space_has_the_cameras_axes() -> None:
    turn = torch.tensor([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]])
    flip = torch.diag(torch.tensor([1.0, -1, -1]))
    intrinsics = torch.tensor([[50.0, 0, 16], [0, 50, 16], [0, 0, 1]])
    projection = torch.cat(
        [intrinsics @ flip @ turn, intrinsics @ torch.tensor([[0.0], [0], [8]])], 1
    )
    axes, cameras = cameras_of(TOY.model_copy(update={"space": "camera"}), projection[None])
    torch.testing.assert_close(axes[0], turn, atol=1e-5, rtol=0)
    point = torch.tensor([0.3, -0.2, 0.4])
    seen = projection[:, :3] @ point + projection[:, 3]
    torch.testing.assert_close(cameras[0, :, :3] @ (turn @ point) + cameras[0, :, 3], seen)
    same, _ = cameras_of(TOY, projection[None])
    torch.testing.assert_close(same[0], torch.eye(3))


def test_the_toy_template_is_one_piece() -> None:
    assert len(surface_of(toy_template(), TOY).vertices) == len(toy_template().mean)
    assert isinstance(toy_network().levels, MeshLevels)
