"""A texture shows what its photo shows, and a likely colour wherever it shows nothing."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest
import trimesh
from PIL import Image

from headwater.artifacts.glb import Skin, to_glb
from headwater.geometry.cameras import Camera, look_at, project
from headwater.geometry.mirror import mirror_partners
from headwater.viewer.texture import HeadPhoto, Texture, photo_texture, seen_from
from tests.report.tiny_data import SPHERE, camera

SIDE = 256
VERTICES = SPHERE.vertices.astype(np.float32)
FACES = SPHERE.faces.astype(np.int32)


def view(position: tuple[float, float, float]) -> Camera:
    R, t = look_at(position, (0.0, 0.0, 0.0))
    K = np.array([[640.0, 0, SIDE / 2], [0, 640.0, SIDE / 2], [0, 0, 1]])
    return Camera(K, R, t, SIDE, SIDE)


def plain(colour: tuple[int, int, int]) -> np.ndarray:
    return np.full((SIDE, SIDE, 3), colour, np.uint8)


def colours(texture: Texture, weights: tuple[float, float, float] = (1 / 3, 1 / 3, 1 / 3)):
    """Colour (F, 3) of each triangle at barycentric weights, read from the texture's image."""
    places = np.einsum("k,fkc->fc", weights, texture.uv[texture.faces].astype(np.float64))
    x, y = np.floor(places * texture.image.shape[1::-1]).astype(int).T
    return texture.image[y, x].astype(int)


def gradient() -> np.ndarray:
    """A photo whose colour tells the place: red grows with x, green with y."""
    ramp = np.arange(SIDE, dtype=np.uint8)
    return np.dstack(
        [np.tile(ramp, (SIDE, 1)), np.tile(ramp[:, None], (1, SIDE)), plain((9, 9, 9))[..., 0]]
    )


def test_topology_is_the_mesh_s() -> None:
    texture = photo_texture([HeadPhoto(gradient(), view((0, 0, 600)))], VERTICES, FACES)
    assert np.array_equal(texture.vertex[texture.faces], FACES)
    assert texture.uv.min() >= 0
    assert texture.uv.max() <= 1


def test_seen_triangles_show_the_photo_where_the_camera_sees_them() -> None:
    seen_by = view((60, 30, 600))
    texture = photo_texture([HeadPhoto(gradient(), seen_by)], VERTICES, FACES)
    centres = VERTICES[FACES].mean(axis=1)
    pixels, _ = project(seen_by, centres)
    weight = seen_from(seen_by, VERTICES, FACES)[FACES].min(axis=1)
    sure = weight >= 0.999
    assert sure.sum() > 40
    assert np.abs(colours(texture)[sure][:, :2] - pixels[sure]).max() < 3
    partly = (weight > 0.9) & ~sure  # in patches of their own, still nearly the photo
    assert partly.any()
    assert np.abs(colours(texture)[partly][:, :2] - pixels[partly]).max() < 25


def test_a_face_of_one_colour_gives_a_head_of_one_colour() -> None:
    texture = photo_texture([HeadPhoto(plain((200, 120, 90)), view((0, 0, 600)))], VERTICES, FACES)
    for weights in ((1 / 3, 1 / 3, 1 / 3), (0.8, 0.1, 0.1), (0.1, 0.1, 0.8)):
        assert np.abs(colours(texture, weights) - (200, 120, 90)).max() <= 2


def test_what_is_off_the_head_in_the_photo_is_not_used() -> None:
    image = plain((200, 120, 90))
    image[:, : SIDE // 2] = (0, 0, 255)
    front = view((0, 0, 600))
    pixels, _ = project(front, VERTICES)
    coverage = (pixels[:, 0] > SIDE / 2 + 40).astype(np.float32)
    texture = photo_texture([HeadPhoto(image, front, coverage)], VERTICES, FACES)
    assert colours(texture)[:, 2].max() < 100


def test_no_colour_from_beyond_the_photo() -> None:
    narrow = replace(view((0, 0, 600)), width=SIDE // 2)
    image = gradient()[:, : SIDE // 2]
    shown = colours(photo_texture([HeadPhoto(image, narrow)], VERTICES, FACES))
    assert shown[:, 0].max() <= SIDE // 2


def test_the_unseen_side_mirrors_the_seen_one() -> None:
    # From the subject's left, a red spot on the left cheek: the right one gets it too.
    left = view((500, 0, 300))
    image = plain((200, 170, 150))
    spot = np.array([[72.0, 0.0, 54.0]])
    (x, y), _ = (part[0] for part in project(left, spot))
    rows, columns = np.mgrid[:SIDE, :SIDE]
    image[(columns - x) ** 2 + (rows - y) ** 2 < 30**2] = (200, 0, 0)
    partners = mirror_partners(VERTICES, 0.01)
    assert np.allclose(VERTICES[partners], VERTICES * [-1, 1, 1], atol=0.01)
    photo = HeadPhoto(image, left)
    centres = VERTICES[FACES].mean(axis=1)
    mirrored = np.argmin(np.linalg.norm(centres - spot * [-1, 1, 1], axis=1))
    with_mirror = colours(photo_texture([photo], VERTICES, FACES, partners))[mirrored]
    without = colours(photo_texture([photo], VERTICES, FACES))[mirrored]
    assert with_mirror[1] < 40
    assert without[1] > with_mirror[1]


def test_each_side_comes_from_the_photo_that_sees_it() -> None:
    photos = [
        HeadPhoto(plain((200, 0, 0)), view((600, 0, 0.1))),
        HeadPhoto(plain((0, 0, 200)), view((-600, 0, 0.1))),
    ]
    shown = colours(photo_texture(photos, VERTICES, FACES))
    x = VERTICES[FACES].mean(axis=1)[:, 0]
    assert np.abs(shown[x > 60] - (200, 0, 0)).max() <= 2
    assert np.abs(shown[x < -60] - (0, 0, 200)).max() <= 2


@pytest.mark.parametrize("position", [(0.0, 0.0, 600.0), (0.0, 0.0, 60.0)])
def test_a_head_that_no_photo_shows_is_grey(position: tuple[float, float, float]) -> None:
    unseen = HeadPhoto(plain((255, 0, 0)), view(position), np.zeros(len(VERTICES), np.float32))
    assert np.unique(colours(photo_texture([unseen], VERTICES, FACES))).tolist() == [128]


def test_glb_opens_in_metres_with_its_texture() -> None:
    texture = photo_texture([HeadPhoto(gradient(), camera())], VERTICES, FACES)
    data = to_glb(VERTICES[texture.vertex], texture.faces, Skin(texture.uv, texture.image))
    scene = trimesh.load(io.BytesIO(data), file_type="glb", process=False)
    assert np.allclose(scene.extents, np.ptp(VERTICES, axis=0) / 1000, atol=1e-4)
    (mesh,) = scene.geometry.values()
    assert np.allclose(mesh.vertices[mesh.faces], VERTICES[FACES], atol=1e-3)
    stored = np.asarray(mesh.visual.material.baseColorTexture.convert("RGB"))
    assert np.array_equal(stored, texture.image)
    assert np.allclose(mesh.visual.uv * [1, -1] + [0, 1], texture.uv, atol=1e-5)
    header = json.loads(data[20 : 20 + int.from_bytes(data[12:16], "little")])
    assert header["asset"]["version"] == "2.0"
    assert Image.open(io.BytesIO(data[data.index(b"\x89PNG") :])).size == texture.image.shape[1::-1]


def test_an_unseen_piece_has_the_colour_of_what_is_seen_of_its_material() -> None:
    """Two smaller spheres, one in front of the large one and one hidden within it."""
    seen_one = 0.3 * VERTICES + np.float32([0, 0, 130])
    vertices = np.concatenate([VERTICES, seen_one, 0.2 * VERTICES])
    faces = np.concatenate([FACES + i * len(VERTICES) for i in range(3)]).astype(np.int32)
    surface = np.repeat(np.uint8([0, 2, 2]), len(FACES))
    front = view((0, 0, 600))
    image = plain((200, 120, 90))
    rows, columns = np.mgrid[:SIDE, :SIDE]
    pixels, _ = project(front, seen_one)
    reach = np.abs(pixels - SIDE / 2).max() + 4
    image[(columns - SIDE / 2) ** 2 + (rows - SIDE / 2) ** 2 < reach**2] = (240, 240, 235)
    hidden = slice(2 * len(FACES), None)
    photo = HeadPhoto(image, front)
    like = colours(photo_texture([photo], vertices, faces, surface=surface))[hidden]
    assert np.abs(like - (240, 240, 235)).max() <= 2
    unlike = colours(photo_texture([photo], vertices, faces))[hidden]
    assert unlike[:, 2].max() < 200
    never = np.repeat(np.uint8([0, 2, 3]), len(FACES))
    other = colours(photo_texture([photo], vertices, faces, surface=never))[hidden]
    assert np.abs(other - unlike).max() <= 1
