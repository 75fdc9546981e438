"""Views of heads: rendered ones and photos by one reader, in px of their frames."""

import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headwater.artifacts import schemas
from headwater.artifacts.cameras import camera_columns
from headwater.artifacts.ids import bucket_of, item_id
from headwater.artifacts.images import decode_png, encode_png
from headwater.artifacts.landmark_rows import mesh_columns
from headwater.artifacts.meshes import to_ply
from headwater.data import views as reader
from headwater.data.scenes import Heads, Views
from headwater.data.tables import read_heads
from headwater.data.views import of_both, of_rendered, photos_in_turn, read_views
from headwater.faces.affine import map_points
from headwater.faces.resampling import resampled
from headwater.geometry.cameras import project, rotation_angle_degrees
from headwater.metrics.regions import intersection_over_union
from headwater.metrics.silhouette import silhouette
from headwater.rendering.looks import sample_look
from headwater.rendering.view import render_view
from tests.data.small_tables import (
    SIDE,
    SPLITS,
    VIEWS,
    add_heads,
    add_view,
    affine,
    camera,
    frame_picture,
    landmarks,
    mask,
    numbers_of,
    photo,
    picture,
    seed_of_view,
    vertices,
    write_heads,
)
from tests.rendering.heads import ball_head, front_camera
from tests.report.tiny_data import Builder

# The second view of the first head.
FACELESS = (0, 1)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five heads in three views each, but for one in frames of their own."""
    folder = tmp_path_factory.mktemp("views")
    write_heads(folder)
    return folder


def rendered(data: Path, heads: Heads) -> Views:
    return read_views(data, of_rendered(data, heads))


def numbered(data: Path, splits: tuple[str, ...] = SPLITS) -> tuple[Views, list[tuple[int, int]]]:
    """Views, and the number of head and view that each should be."""
    heads = read_heads(data, splits)
    views = rendered(data, heads)
    return views, [(number, view) for number in numbers_of(heads) for view in range(VIEWS)]


def nearest_slowly(
    image: np.ndarray, to_frame: np.ndarray, side: int
) -> tuple[np.ndarray, np.ndarray]:
    """The cut of a mask, pixel by pixel, and where the nearest pixel is beyond doubt."""
    cut, clear = np.zeros((side, side), image.dtype), np.zeros((side, side), bool)
    back = np.linalg.inv(np.vstack([to_frame, [0, 0, 1]]))
    for row in range(side):
        for column in range(side):
            place = (back @ (column + 0.5, row + 0.5, 1))[:2]
            x, y = np.floor(place).astype(int)
            clear[row, column] = (np.abs(place - np.rint(place)) > 1e-3).all()
            if 0 <= x < image.shape[1] and 0 <= y < image.shape[0]:
                cut[row, column] = image[y, x]
    return cut, clear


@pytest.mark.parametrize("splits", [("train",), ("test", "validation")])
def test_views_are_ordered_by_head_then_number(data: Path, splits: tuple[str, ...]) -> None:
    heads = read_heads(data, splits)
    views, expected = numbered(data, splits)
    assert len(views) == len(expected)
    for row, (number, _) in enumerate(expected):
        assert numbers_of(heads)[views.head[row]] == number
        assert views.split[row] == SPLITS[number]


def test_image_landmarks_and_mask_are_in_px_of_the_frame(data: Path) -> None:
    views, expected = numbered(data)
    for row, which in enumerate(expected):
        if which == FACELESS:
            continue
        seed = seed_of_view(*which)
        shown = frame_picture(seed)
        np.testing.assert_array_equal(views.images[row], shown)
        in_frame = map_points(affine(seed), landmarks(seed))[:, :2]
        np.testing.assert_allclose(views.landmarks_478_px[row], in_frame, atol=1e-4)
        whole, clear = nearest_slowly(mask(seed), affine(seed), len(shown))
        assert clear.mean() > 0.99
        np.testing.assert_array_equal(views.masks[row][clear] > 0, whole[clear])
        assert set(np.unique(views.masks[row])) <= {0, 255}


def test_landmarks_outside_the_photo_are_missing(tmp_path: Path) -> None:
    """Of rendered views and of photos, in turned frames too; those inside keep their places."""
    builder = Builder()
    add_view(builder, 0, 0, "train")
    photo(builder, 3)
    add_heads(builder)
    for frame in builder.rows[schemas.FRAMES.name][1]:
        frame["photo_width"] = SIDE // 2
    builder.write(tmp_path)
    (lone,) = [view for _, view in photos_in_turn(tmp_path)]
    both = (
        (rendered(tmp_path, read_heads(tmp_path)), seed_of_view(0, 0), affine(0)),
        (
            lone,
            3,
            np.eye(3)[:2],
        ),
    )
    for views, seed, to_frame in both:
        found, points = views.landmarks_478_px[0], landmarks(seed)
        missing = np.isnan(found).all(axis=1)
        assert 100 < np.count_nonzero(missing) < 378
        assert missing[points[:, 0] > SIDE / 2].all()
        assert not missing[points[:, 0] < 0.4 * SIDE].any()
        kept = map_points(to_frame, points)[:, :2][~missing]
        np.testing.assert_allclose(found[~missing], kept, atol=1e-4)


def test_cameras_see_every_point_where_the_frame_shows_it(data: Path) -> None:
    views, expected = numbered(data)
    for row, (number, view) in enumerate(expected):
        seed = seed_of_view(number, view)
        exact, depth = project(camera(seed), vertices(number))
        carried, same_depth = project(views.camera(row), vertices(number))
        if (number, view) != FACELESS:
            exact = map_points(affine(seed), exact)
        np.testing.assert_allclose(carried, exact, atol=1e-3)
        np.testing.assert_allclose(same_depth, depth, rtol=1e-5)
        height, width = views.images[row].shape[:2]
        assert (views.camera(row).width, views.camera(row).height) == (width, height)


def test_a_frame_that_is_turned_rolls_the_camera(data: Path) -> None:
    views, expected = numbered(data)
    for row, which in enumerate(expected):
        seed = seed_of_view(*which)
        to_frame = affine(seed) if which != FACELESS else np.eye(3)[:2]
        turn = np.rad2deg(np.arctan2(to_frame[1, 0], to_frame[0, 0]))
        turned = rotation_angle_degrees(views.camera(row).R, camera(seed).R)
        # The pixels of these cameras are not quite square.
        assert turned == pytest.approx(abs(turn), abs=0.5)


def test_a_view_without_a_face_is_its_own_frame(data: Path) -> None:
    views, expected = numbered(data)
    undetected = np.isnan(views.landmarks_478_px).all(axis=(1, 2))
    assert np.flatnonzero(undetected).tolist() == [expected.index(FACELESS)]
    (row,) = np.flatnonzero(undetected)
    seed = seed_of_view(*FACELESS)
    np.testing.assert_array_equal(views.images[row], picture(seed))
    np.testing.assert_array_equal(views.masks[row] > 0, mask(seed))
    np.testing.assert_allclose(views.camera(row).K, camera(seed).K, rtol=1e-6)
    np.testing.assert_allclose(views.camera(row).R, camera(seed).R, atol=1e-6)


def test_chosen_views_are_the_rows_that_are_named(data: Path) -> None:
    views, _ = numbered(data)
    rows = np.array([4, 0, 7])
    few = views.choose(rows)
    assert len(few) == 3
    for name in views.__dataclass_fields__:
        for one, row in zip(getattr(few, name), rows, strict=True):
            np.testing.assert_array_equal(one, getattr(views, name)[row])
    by_mask = views.choose(np.isin(np.arange(len(views)), rows))
    np.testing.assert_array_equal(by_mask.images[1], views.images[4])
    assert len(views.choose(np.zeros(len(views), bool))) == 0


@pytest.mark.parametrize(
    ("degrees", "scale"), [(0.0, 1.0), (25.0, 1.0), (-40.0, 0.6), (180.0, 1.3)]
)
def test_a_rendered_head_lies_on_its_mask_in_any_frame(
    tmp_path: Path, degrees: float, scale: float
) -> None:
    """The silhouette of the true mesh, projected by the view's camera, is the view's mask."""
    model, side, px = ball_head(), 240, 192
    shot = front_camera(px, yaw=30.0)
    view = render_view(model, model.mean, sample_look(np.random.default_rng(3)), shot)
    cosine, sine = scale * np.cos(np.deg2rad(degrees)), scale * np.sin(np.deg2rad(degrees))
    to_frame = np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0]])
    to_frame[:, 2] = side / 2 - to_frame[:, :2] @ (px / 2 + 5, px / 2 - 7)
    item, subject = item_id("view"), item_id("head")
    base = {"item": item, "subject": subject, "split": "train", "source": "synthetic"}
    size, builder = {"width": px, "height": px}, Builder()
    exact = {**camera_columns(shot), "mask": encode_png(view.mask, "mask")}
    empty = encode_png(view.mask, "empty")
    builder.add(
        schemas.TRUTH, **base, **size, **exact, view=0, parts=empty, depth=empty, classes=empty
    )
    builder.add(
        schemas.FRAMES,
        **base,
        width=side,
        height=side,
        image=encode_png(resampled(view.image, to_frame, side, side), "frame"),
        frame_from_photo=to_frame.ravel().tolist(),
        photo_width=px,
        photo_height=px,
    )
    points = map_points(to_frame, view.landmarks_478_px)
    builder.add(schemas.LANDMARKS, **base, **mesh_columns(np.column_stack([points, points[:, 0]])))
    mesh = {"bytes": to_ply(model.mean, model.faces), "path": "head.ply"}
    builder.add(schemas.HEADS, **{**base, "item": subject}, mesh=mesh)
    builder.write(tmp_path)
    views = rendered(tmp_path, read_heads(tmp_path))
    pixels, _ = project(views.camera(0), model.mean)
    covered = silhouette(pixels, model.faces, (side, side))
    seen = views.masks[0] > 0
    assert seen.any()
    assert intersection_over_union(covered, seen) > 0.96
    true, _ = project(views.camera(0), model.landmarks_478.on(model.mean))
    assert np.linalg.norm(true - views.landmarks_478_px[0], axis=1).max() < 0.01


# Photos.


def test_photos_are_views_of_their_frames_bucket_by_bucket(tmp_path: Path) -> None:
    builder = Builder()
    items = {photo(builder, number): number for number in range(9)}
    add_view(builder, 0, 0, "train")
    builder.write(tmp_path)
    photos = list(photos_in_turn(tmp_path))
    assert [one.row["item"] for one, _ in photos] == sorted(
        items, key=lambda item: (bucket_of(item, 4), item)
    )
    for one, view in photos:
        number = items[one.row["item"]]
        assert len(view) == 1
        np.testing.assert_array_equal(view.images[0], picture(number))
        np.testing.assert_array_equal(view.masks[0] > 0, mask(number))
        np.testing.assert_allclose(view.landmarks_478_px[0], landmarks(number)[:, :2])
        np.testing.assert_allclose(view.camera(0).t, camera(number).t, rtol=1e-6)


def test_a_rendered_view_is_there_as_given_and_as_estimated(tmp_path: Path) -> None:
    """One image, two masks and two cameras; of a view without these the truth alone."""
    builder, names = Builder(), {}
    add_heads(builder)
    for number, split in enumerate(SPLITS):
        for view in range(VIEWS):
            add_view(builder, number, view, split)
            if view == 1:
                continue
            item, seed = item_id("view", number, view), 1000 + seed_of_view(number, view)
            names[item] = seed
            base = {"item": item, "subject": item_id("head", number), "split": split}
            base["source"] = "synthetic"
            builder.add(schemas.MASKS, **base, mask=encode_png(mask(seed), "mask"))
            size = {"width": SIDE, "height": SIDE}
            builder.add(schemas.CAMERAS, **base, **size, **camera_columns(camera(seed)))
    builder.write(tmp_path)
    heads = read_heads(tmp_path, ("train",))
    both = of_both(tmp_path, heads)
    views = read_views(tmp_path, both)
    exact = read_views(tmp_path, of_rendered(tmp_path, heads))
    count = len(exact)
    items = [one.row["item"] for one in both]
    assert items[count:] == sorted(set(items[:count]) & set(names))
    assert count < len(views) < 2 * count
    assert views.estimated.tolist() == [False] * count + [True] * (len(views) - count)
    for row in range(count, len(views)):
        own = items.index(items[row])
        assert views.images[row] is views.images[own]
        assert views.head[row] == views.head[own]
        assert views.split[row] == views.split[own]
        np.testing.assert_array_equal(views.landmarks_478_px[row], views.landmarks_478_px[own])
        np.testing.assert_array_equal(views.masks[row] > 0, mask(names[items[row]]))
        np.testing.assert_allclose(views.t[row], camera(names[items[row]]).t, rtol=1e-6)


def test_a_bucket_of_rendered_views_has_no_photos(tmp_path: Path) -> None:
    builder = Builder()
    add_view(builder, 0, 0, "train")
    taken = bucket_of(item_id("head", 0), 4)
    other = next(n for n in range(9) if bucket_of(item_id("photo", n), 4) != taken)
    kept = photo(builder, other)
    builder.write(tmp_path)
    assert [one.row["item"] for one, _ in photos_in_turn(tmp_path)] == [kept]


def test_one_frame_of_many_photos_is_decoded_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    builder = Builder()
    for number in range(9):
        photo(builder, number)
    builder.write(tmp_path)
    decoded: list[weakref.ref[np.ndarray]] = []

    def watched(data: Any) -> np.ndarray:
        pixels = decode_png(data)
        if pixels.ndim == 3:
            decoded.append(weakref.ref(pixels))
        return pixels

    monkeypatch.setattr(reader, "decode_png", watched)
    for number, (_, view) in enumerate(photos_in_turn(tmp_path), 1):
        assert len(decoded) == number
        assert [one() for one in decoded if one() is not None][-1] is view.images[0]
        assert sum(one() is not None for one in decoded) == 1
        del view


@pytest.mark.parametrize("without", [schemas.LANDMARKS, schemas.MASKS, schemas.CAMERAS], ids=str)
def test_a_photo_that_a_step_rejected_is_no_view(tmp_path: Path, without: Any) -> None:
    builder = Builder()
    kept = photo(builder, 1)
    photo(builder, 2, without=without)
    builder.write(tmp_path)
    assert [one.row["item"] for one, _ in photos_in_turn(tmp_path)] == [kept]
