"""Maps against an ellipsoid whose depth and codes are known, and the published 8-bit files."""

import hashlib
import math
from dataclasses import replace

import numpy as np
import torch

from headwater.data.face_codes import FaceCut, face_cut
from headwater.data.face_maps import (
    BACKGROUND,
    DepthRange,
    published_files,
    range_of,
    render_maps,
    shown_by,
)
from headwater.data.scenes import Template
from headwater.systems.facevision.train import mirrored_maps
from tests.data.ellipsoid import Seen, exact, seen
from tests.systems.toy_heads import toy_template

SIDE = 96


def rendered(scene: Seen) -> tuple[np.ndarray, np.ndarray, DepthRange]:
    depths = range_of(scene.depth)
    maps = render_maps(scene.pixels, scene.depth, scene.cut, scene.side, depths)
    return maps.depth, maps.codes, depths


def test_maps_are_those_of_the_exact_ellipsoid() -> None:
    scene = seen(SIDE)
    depth, codes, depths = rendered(scene)
    places, hit = exact(scene)
    mask = depth > 0
    assert (mask & hit).sum() / (mask | hit).sum() > 0.99
    both = mask & hit
    true = depths.normalised(1000.0 - places[..., 2])
    # At the rim the surface turns away, and a step of depth is less than a pixel wide.
    inner = both & (places[..., 2] > 12.0)
    assert np.abs(depth - true)[inner].max() < 1 / 255
    assert np.abs(codes - scene.cut.encoded(places))[inner].max() < 2 / 255
    # Nearer is larger, and the nearest place is the nose.
    assert np.unravel_index(depth.argmax(), depth.shape) in {
        (row, column) for row in (47, 48) for column in (47, 48)
    }


def test_codes_run_from_0_to_1_on_every_axis_and_have_a_digest_of_their_table() -> None:
    cut = face_cut(toy_template())
    assert cut.codes.min(axis=0).tolist() == [0.0, 0.0, 0.0]
    assert cut.codes.max(axis=0).tolist() == [1.0, 1.0, 1.0]
    np.testing.assert_allclose(cut.decoded(cut.codes), cut.mean, atol=1e-4)
    assert face_cut(toy_template()).digest == cut.digest
    assert replace(cut, faces=cut.faces[1:]).digest != cut.digest
    bent = replace(cut, mean=cut.mean + np.abs(cut.mean[:, [1, 2, 0]]) / 10)
    assert bent.digest != cut.digest
    assert len(cut.digest) == 64


def test_codes_are_those_of_the_vertices_where_vertices_are() -> None:
    scene = seen(SIDE, subdivisions=3)
    front = np.flatnonzero(scene.cut.mean[:, 2] > 40.0)
    # Each of a few vertices is moved to a pixel's centre.
    for vertex in front[::40]:
        shift = np.floor(scene.pixels[vertex]) + 0.5 - scene.pixels[vertex]
        maps = render_maps(
            scene.pixels + shift, scene.depth, scene.cut, SIDE, range_of(scene.depth)
        )
        column, row = np.floor(scene.pixels[vertex] + shift).astype(int)
        np.testing.assert_allclose(maps.codes[row, column], scene.cut.codes[vertex], atol=1e-5)


def test_of_two_faces_the_nearer_one_shows_and_inputs_stay_as_they_were() -> None:
    one = seen(SIDE, subdivisions=3)
    count = len(one.cut.mean)
    both = FaceCut(
        np.arange(2 * count),
        np.concatenate([one.cut.faces, one.cut.faces + count]),
        np.concatenate([one.cut.mean, one.cut.mean]),
    )
    pixels = np.concatenate([one.pixels, one.pixels + 10.0])
    for nearer in (0, 1):
        depth = np.concatenate([one.depth, one.depth])
        depth[(1 - nearer) * count :][:count] += 300.0
        before = [array.copy() for array in (pixels, depth, both.mean, both.codes)]
        maps = render_maps(pixels, depth, both, SIDE, range_of(depth))
        alone = render_maps(
            pixels[nearer * count :][:count],
            one.depth,
            one.cut,
            SIDE,
            range_of(depth),
        )
        # A code of exactly 0 in a channel does not let the other face through.
        np.testing.assert_array_equal(maps.codes[alone.mask], alone.codes[alone.mask])
        np.testing.assert_array_equal(maps.depth[alone.mask], alone.depth[alone.mask])
        for was, now in zip(before, (pixels, depth, both.mean, both.codes), strict=True):
            np.testing.assert_array_equal(was, now)


def test_the_face_stands_out_of_the_background() -> None:
    scene = seen(64, subdivisions=4)
    depth, codes, _ = rendered(scene)
    stack = np.concatenate([depth[None], codes.transpose(2, 0, 1)])
    np.testing.assert_array_equal(shown_by(stack), depth > 0)
    assert depth[depth > 0].min() > BACKGROUND
    # Neither map alone makes a face.
    for empty in (slice(0, 1), slice(1, 4)):
        blank = stack.copy()
        blank[empty] = 0.0
        assert not shown_by(blank).any()


def test_depths_come_back_from_their_range() -> None:
    depths = DepthRange(900.0, 1100.0)
    values = np.array([900.0, 950.0, 1100.0, 1300.0, 100.0])
    found = depths.normalised(values)
    np.testing.assert_allclose(found, [1.0, 0.75, 0.0, 0.0, 1.0])
    np.testing.assert_allclose(depths.depth_mm(found[:3]), values[:3])


def test_a_mirrored_map_is_that_of_the_mirrored_head() -> None:
    scene = seen(64, subdivisions=4)
    # A head that is turned is not its own mirror image.
    turn = np.deg2rad(25.0)
    mean = scene.cut.mean.astype(np.float64)

    def maps_of(angle: float) -> torch.Tensor:
        turned = mean @ np.array(
            [[np.cos(angle), 0, -np.sin(angle)], [0, 1, 0], [np.sin(angle), 0, np.cos(angle)]]
        )
        depth = 1000.0 - turned[:, 2]
        pixels = scene.focal * turned[:, :2] * [1, -1] / depth[:, None] + 32
        maps = render_maps(pixels, depth, scene.cut, 64, DepthRange(880.0, 1120.0))
        return torch.from_numpy(np.concatenate([maps.depth[None], maps.codes.transpose(2, 0, 1)]))

    left, right = maps_of(turn)[None], maps_of(-turn)[None]
    inner = (mirrored_maps(left)[0, 0] > 0.3) & (right[0, 0] > 0.3)
    assert inner.sum() > 800
    off = (mirrored_maps(left) - right).abs()[0][:, inner]
    assert off.max() < 0.02
    # Turned over without its codes, it is another head's.
    plain = (left.flip(3) - right).abs()[0][:, inner]
    assert plain[1].mean() > 0.1


def test_published_files_are_the_documented_bytes() -> None:
    """Pixel centres at integers, z by its range over all vertices, larger z nearer, 8 bits."""
    vertices = np.array(
        [[0, 0, 0], [4, 0, 10], [0, 4, 20], [1, 1, 40], [3, 1, 40], [1, 3, 40], [50, 50, -60]],
        np.float64,
    )
    faces = np.array([[0, 1, 2], [3, 4, 5]], np.int32)
    codes = np.linspace(0, 1, 21).reshape(7, 3)
    before = vertices.copy()
    depth, pncc = published_files(vertices, faces, codes, 6, 5)
    assert depth.tolist() == [
        [153, 159, 165, 172, 178, 0],
        [165, 255, 255, 255, 0, 0],
        [178, 255, 255, 0, 0, 0],
        [191, 255, 0, 0, 0, 0],
        [204, 0, 0, 0, 0, 0],
    ]
    assert pncc[0, 0].tolist() == [0, 12, 25]
    assert pncc[1, 1].tolist() == [114, 127, 140]
    assert (depth.dtype, pncc.dtype) == (np.uint8, np.uint8)
    np.testing.assert_array_equal(vertices, before)
    # Drawn in the other order nothing changes: depth decides, not the order.
    other = published_files(vertices, faces[::-1], codes, 6, 5)
    np.testing.assert_array_equal(other[0], depth)
    np.testing.assert_array_equal(other[1], pncc)
    assert (
        hashlib.sha256(depth.tobytes() + pncc.tobytes()).hexdigest().startswith("87cb9472b3963b91")
    )


def slow_published(
    vertices: np.ndarray, faces: np.ndarray, codes: np.ndarray, width: int, height: int
) -> tuple[np.ndarray, np.ndarray]:
    """The published rule, pixel by pixel: a box round each triangle, the larger z on top."""
    z = vertices[:, 2]
    share = (z - z.min()) / (z.max() - z.min())
    top = np.full((height, width), -np.inf)
    depth, pncc = np.zeros((height, width), np.uint8), np.zeros((height, width, 3), np.uint8)
    for corners in faces:
        (ax, ay), (bx, by), (cx, cy) = vertices[corners, :2]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        left, right = math.ceil(min(ax, bx, cx)), math.floor(max(ax, bx, cx))
        first, last = math.ceil(min(ay, by, cy)), math.floor(max(ay, by, cy))
        for row in range(max(first, 0), min(last, height - 1) + 1):
            for column in range(max(left, 0), min(right, width - 1) + 1):
                v = ((column - ax) * (cy - ay) - (row - ay) * (cx - ax)) / area
                w = ((bx - ax) * (row - ay) - (by - ay) * (column - ax)) / area
                weights = np.array([1 - v - w, v, w])
                if weights.min() < 0 or weights @ z[corners] <= top[row, column]:
                    continue
                top[row, column] = weights @ z[corners]
                depth[row, column] = int(255 * (weights @ share[corners]))
                pncc[row, column] = (255 * (weights @ codes[corners])).astype(int)
    return depth, pncc


def test_published_files_are_those_of_the_rule_pixel_by_pixel() -> None:
    rng = np.random.default_rng(2)
    vertices = rng.uniform([-4, -4, -30], [28, 24, 30], (40, 3))
    faces, codes = rng.integers(0, 40, (30, 3)), rng.uniform(0, 1, (40, 3))
    faces = faces[[len(set(one)) == 3 for one in faces.tolist()]]
    found = published_files(vertices, faces, codes, 24, 20)
    wanted = slow_published(vertices, faces, codes, 24, 20)
    for file, rule in zip(found, wanted, strict=True):
        assert (rule > 0).mean() > 0.5
        assert file.tobytes() == rule.tobytes()


def test_a_cut_is_what_lies_near_the_nose() -> None:
    template: Template = toy_template()
    cut = face_cut(template, 60.0)
    away = np.linalg.norm(cut.mean - template.nose_tip(template.mean), axis=1)
    assert away.max() <= 60.0
    np.testing.assert_array_equal(cut.mean, template.mean[cut.vertex])
    assert {tuple(cut.vertex[face]) for face in cut.faces} <= {
        tuple(face) for face in template.faces
    }


def test_anchors_are_spread_and_no_more_than_there_are() -> None:
    cut = face_cut(toy_template())
    anchors = cut.anchors(12)
    assert len(set(anchors.tolist())) == 12
    places = cut.mean[anchors]
    gaps = np.linalg.norm(places[:, None] - places[None], axis=2) + 1e9 * np.eye(12)
    assert gaps.min() > 20.0
    assert len(cut.anchors(10_000)) == len(cut.mean)
