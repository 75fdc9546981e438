"""The face model and the camera: coefficients to vertices, pose, px, and the mirror image."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from headwater.data.tables import template_of
from headwater.faces.vocabulary import Part
from headwater.geometry.cameras import project
from headwater.geometry.rasterise import rasterise
from headwater.heads.model import HeadModel
from headwater.heads.part_map import part_map
from headwater.metrics.part_iou import seen_parts
from headwater.networks.shading import harmonics, vertex_normals
from headwater.systems.prdl.config import SIZES
from headwater.systems.prdl.data import cameras_of
from headwater.systems.prdl.losses import Objective
from headwater.systems.prdl.model import network_images, posed, projected, rotations
from headwater.systems.prdl.morphable import principal_components
from headwater.systems.prdl.part_points import PRDL_PARTS, part_points
from headwater.systems.prdl.shading import shaded
from headwater.systems.prdl.visibility import rendered, shown_faces
from tests.rendering.heads import front_camera
from tests.systems.prdl.toy_face import (
    SIDE,
    TOY,
    drawn_head,
    example_of,
    labels_of,
    toy_bases,
    toy_camera,
    toy_model,
    toy_network,
    toy_projection,
    vertices_mm,
)

TEMPLATE = template_of(toy_model())


def test_without_training_the_answer_is_the_mean_face() -> None:
    network = toy_network()
    with torch.no_grad():
        found = network(torch.randn(2, 3, SIDE, SIDE))
    assert [one.shape[1] for one in found] == [4, 4, 2, 3, 27, 3]
    assert all(not one.any() for one in found)
    torch.testing.assert_close(network.shape(found)[1], network.mean)


def test_components_are_those_of_numpy_and_scaled_by_their_spread() -> None:
    rows = torch.randn(30, 50, generator=torch.Generator().manual_seed(1)).double()
    rows[:, :3] *= 9
    found = principal_components(rows, 5).double()
    _, spreads, directions = np.linalg.svd(rows.numpy() / np.sqrt(30), full_matrices=False)
    np.testing.assert_allclose(found.norm(dim=1), spreads[:5], rtol=1e-5)
    cosines = (found / found.norm(dim=1, keepdim=True)) @ torch.from_numpy(directions[:5]).T
    np.testing.assert_allclose(cosines.abs(), np.eye(5), atol=1e-5)


def test_bases_hold_the_model_that_they_are_of() -> None:
    """Four identities and four expressions span all heads of the toy model."""
    bases, model = toy_bases(), toy_model()
    assert len(bases.identity) == len(bases.expression) == 4
    moved = torch.from_numpy(model.expression_basis[0] / 100.0).flatten()
    basis = bases.expression.flatten(1).T
    rest = moved - basis @ torch.linalg.lstsq(basis, moved).solution
    assert rest.norm() < 1e-3 * moved.norm()


def test_rotations_turn_about_x_then_y_then_z() -> None:
    angles = torch.tensor([[0.3, -0.2, 0.5]], dtype=torch.float64)
    turn = Rotation.from_euler("xyz", angles[0].numpy()).as_matrix()
    np.testing.assert_allclose(rotations(angles)[0], turn, atol=1e-12)


def test_points_are_projected_as_the_projects_cameras_do() -> None:
    network = toy_network()
    found = drawn_head(network, 3)
    pixels, depth = projected(posed(network.shape(found), found), toy_projection(20.0))
    wanted, far = project(toy_camera(20.0), vertices_mm(network, found))
    np.testing.assert_allclose(pixels[0], wanted, atol=1e-3)
    np.testing.assert_allclose(100 * depth[0], far, rtol=1e-5)


def test_the_published_camera_has_its_focal_length_and_half_pixel_centres() -> None:
    """A unit at z = 0 is 101.5 px at 224 px, up is up, and pixels are centred on a quad."""
    projection = cameras_of(SIZES["paper"], torch.zeros(1, 3, 4))
    # Tilted, so that its edges cut pixels in all ways.
    corners = torch.tensor(
        [[-0.4, 0.6, 0.0], [0.6, 0.43, 0.0], [0.43, -0.57, 0.0], [-0.57, -0.4, 0.0]]
    )
    pixels, depth = projected(corners[None], projection)
    np.testing.assert_allclose(pixels[0, 0], [112 - 0.4 * 101.5, 112 - 0.6 * 101.5], atol=1e-4)
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    shown = rasterise(pixels[0].numpy(), depth[0].numpy(), faces, 224, 224)
    rows, columns = np.nonzero(shown.triangle >= 0)
    middle = np.array([columns.mean() + 0.5, rows.mean() + 0.5])
    np.testing.assert_allclose(middle, pixels[0].mean(dim=0), atol=0.05)


@pytest.mark.parametrize("drawn", [False, True])
def test_part_points_lie_in_their_part_of_the_picture(drawn: bool) -> None:
    network = toy_network()
    first = network.zeros(1)
    labels = labels_of(network, first)
    points = part_points(TEMPLATE, 3.0, drawn_eyes=drawn).on(posed(network.shape(first), first))
    assert tuple(points) == PRDL_PARTS
    for part, places in points.items():
        pixels, _ = projected(places, toy_projection())
        column, row = pixels[0].floor().long().T
        share = (labels[row, column] == part).mean()
        assert share > 0.6, part


@pytest.mark.parametrize("drawn", [False, True])
def test_an_eye_closes_with_its_lids(drawn: bool) -> None:
    network = toy_network()
    points = part_points(TEMPLATE, 3.0, drawn_eyes=drawn)
    vertices = network.mean[None].clone()
    shut = vertices.clone()
    lids = torch.unique(points.lid_corners)
    shut[:, lids, 1] = vertices[:, lids, 1].mean()
    height = [np.ptp(points.on(v)[Part.LEFT_EYE][0, :, 1].numpy()) for v in (vertices, shut)]
    assert height[0] > 0.05
    assert height[1] < 1e-6


def test_the_points_of_an_eye_cover_what_shows_of_it(anny: HeadModel) -> None:
    """Of anny's mean head from the front, 4 px a mm; between the landmarks they are too wide."""
    template, camera = template_of(anny), front_camera(1200)
    parts = part_map(template.mean, template.faces, template.landmarks_478)
    labels = seen_parts(
        template.mean, template.faces, template.surface, template.mean, parts, camera
    )
    mean = torch.from_numpy(template.mean)[None]
    for eye in (Part.LEFT_EYE, Part.RIGHT_EYE):
        own = np.argwhere(labels == eye)[:, ::-1] + 0.5
        widths = {}
        for drawn in (False, True):
            points = part_points(template, 3.0, drawn_eyes=drawn).on(mean)[eye][0].numpy()
            pixels = project(camera, points)[0]
            widths[drawn] = float(np.ptp(pixels[:, 0]))
            if not drawn:
                column, row = np.floor(pixels).astype(int).T
                assert (labels[row, column] == eye).mean() > 0.9
                np.testing.assert_allclose(pixels.mean(axis=0), own.mean(axis=0), atol=2.0)
                # Points are a mm apart: the outermost lie within it of the edge.
                np.testing.assert_allclose(np.ptp(pixels, axis=0), np.ptp(own, axis=0), atol=8.0)
        assert widths[True] > 1.05 * np.ptp(own[:, 0])


def test_a_network_sees_the_means_of_pixels() -> None:
    pixels = torch.randint(0, 256, (2, 8, 8, 3), generator=torch.Generator().manual_seed(0))
    means = pixels.float().unflatten(1, (4, 2)).unflatten(3, (4, 2)).mean(dim=(2, 4))
    wanted = network_images(means, 1)
    torch.testing.assert_close(network_images(pixels.to(torch.uint8), 2), wanted)
    assert not torch.allclose(wanted, network_images(pixels[:, ::2, ::2], 1))


def test_the_mirror_image_of_an_example_twice_is_itself() -> None:
    network = toy_network()
    example = example_of(network, drawn_head(network, 2), 25.0)
    once = example.mirrored()
    left = (example.parts == Part.LEFT_BROW).sum()
    assert (once.parts == Part.RIGHT_BROW).sum() == left > 0
    for own, twice in zip(example.tensors, once.mirrored().tensors, strict=True):
        torch.testing.assert_close(twice, own)


def test_the_mirrored_camera_sees_the_mirrored_head_in_the_mirrored_image() -> None:
    network = toy_network()
    vertices = network.mean[None]
    example = example_of(network, network.zeros(1), 25.0)
    pixels, _ = projected(vertices, example.projection)
    mirrored, _ = projected(vertices * torch.tensor([-1.0, 1, 1]), example.mirrored().projection)
    flipped = torch.stack([SIDE - pixels[..., 0], pixels[..., 1]], dim=-1)
    torch.testing.assert_close(mirrored, flipped, atol=1e-3, rtol=0)


def test_harmonics_are_orthogonal_with_lambertian_weights() -> None:
    """Integrals of products over the sphere are the squared band weights, 0 between bands."""
    generator = np.random.default_rng(0)
    normals = generator.normal(size=(200_000, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    values = harmonics(torch.from_numpy(normals)).numpy()
    products = 4 * np.pi * values.T @ values / len(values)
    weights = np.repeat([np.pi, 2 * np.pi / np.sqrt(3), 2 * np.pi / np.sqrt(8)], [1, 3, 5])
    np.testing.assert_allclose(products, np.diag(weights**2), atol=0.15)


def test_first_light_is_the_same_from_everywhere() -> None:
    normals = torch.nn.functional.normalize(torch.randn(1, 9, 3), dim=-1)
    colours = shaded(torch.full((1, 9, 3), 0.5), normals, torch.zeros(1, 27))
    torch.testing.assert_close(
        colours, torch.full((1, 9, 3), 0.5 * 0.8 * np.pi / np.sqrt(4 * np.pi))
    )


def test_normals_of_a_ball_point_away_from_its_middle() -> None:
    model = toy_model()
    skull = model.faces[model.surface == 0]
    vertices = torch.from_numpy(model.mean)[None]
    normals = vertex_normals(vertices, torch.from_numpy(skull).long())[0]
    seen = np.unique(skull)
    outward = vertices[0, seen] / vertices[0, seen].norm(dim=1, keepdim=True)
    assert (normals[seen] * outward).sum(dim=1).min() > 0.99


def test_rendered_colours_are_interpolated_in_perspective_and_follow_vertices() -> None:
    network, objective = toy_network(), Objective(TOY, TEMPLATE)
    found = drawn_head(network, 1)
    vertices = posed(network.shape(found), found)
    pixels, depth = projected(vertices, toy_projection())
    shown = shown_faces(pixels, depth, objective.front, SIDE)
    drawn, seen = rendered(vertices, pixels, depth, objective.front, shown)
    again, _ = projected(drawn[None], toy_projection())
    row, column = seen[0].nonzero(as_tuple=True)
    torch.testing.assert_close(again[0], torch.stack([column, row], 1) + 0.5, atol=1e-3, rtol=0)
    moved = pixels.clone().requires_grad_()
    rendered(vertices.detach(), moved, depth, objective.front, shown)[0].sum().backward()
    assert moved.grad is not None
    assert moved.grad.isfinite().all()
    assert moved.grad.any()


@pytest.mark.parametrize("yaw", [0.0, 60.0])
def test_points_behind_the_face_are_hidden(yaw: float) -> None:
    network, objective = toy_network(), Objective(TOY, TEMPLATE)
    vertices = network.mean[None]
    pixels, depth = projected(vertices, toy_projection(yaw))
    shown = shown_faces(pixels, depth, objective.face.faces, SIDE)
    normals = vertex_normals(vertices, objective.face.faces)[0]
    skull = torch.from_numpy(np.linalg.norm(toy_model().mean, axis=1) > 99.0)
    camera = torch.from_numpy(toy_camera(yaw).centre / 100.0).float()
    away = camera - vertices[0] - torch.from_numpy(TEMPLATE.nose_bridge) / 100.0
    facing = (normals * torch.nn.functional.normalize(away, dim=1)).sum(dim=1)
    visible = shown.visible(pixels, depth)[0]
    assert visible[skull & (facing > 0.5)].float().mean() > 0.95
    assert visible[skull & (facing < -0.3)].float().mean() < 0.02
