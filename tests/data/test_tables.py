"""Tables as heads, views and samples: their order, their splits, and landmarks in the view."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh

from headwater.artifacts import schemas
from headwater.artifacts.cameras import camera_columns
from headwater.artifacts.ids import item_id
from headwater.artifacts.images import encode_png
from headwater.artifacts.landmark_rows import mesh_columns
from headwater.artifacts.meshes import to_ply
from headwater.data.contents import of_groups, table_contents
from headwater.data.scenes import Heads
from headwater.data.tables import (
    read_heads,
    read_photo_views,
    read_sdf_samples,
    read_synthetic_views,
)
from headwater.errors import HeadwaterError
from headwater.geometry.cameras import Camera, look_at
from tests.report.tiny_data import Builder

SIDE = 32
BALL = trimesh.creation.icosphere(subdivisions=1, radius=90.0)
SPLITS = ("train", "test", "train", "validation", "test")
VIEWS = 3


def head(number: int) -> str:
    return item_id("head", number)


def camera(seed: int) -> Camera:
    rng = np.random.default_rng(seed)
    R, t = look_at(rng.normal(0, 300, 3) + (0, 0, 900), rng.normal(0, 5, 3), rng.uniform(-20, 20))
    K = np.array([[70.0, 0, 16.2], [0, 69.0, 15.5], [0, 0, 1]])
    return Camera(K, R, t, SIDE, SIDE)


def affine(seed: int) -> np.ndarray:
    """A turned, scaled and moved frame."""
    rng = np.random.default_rng([seed, 1])
    angle, scale = rng.uniform(-0.5, 0.5), rng.uniform(0.5, 2)
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    return np.array([[cosine, -sine, rng.uniform(-9, 9)], [sine, cosine, rng.uniform(-9, 9)]])


def landmarks(seed: int) -> np.ndarray:
    """Landmarks (478, 3) px in the view."""
    return np.random.default_rng([seed, 2]).uniform(0, SIDE, (478, 3)).astype(np.float32)


def picture(seed: int) -> np.ndarray:
    return np.random.default_rng([seed, 3]).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)


def mask(seed: int) -> np.ndarray:
    return np.random.default_rng([seed, 4]).random((SIDE, SIDE)) < 0.5


def vertices(number: int) -> np.ndarray:
    return (BALL.vertices * (1 + 0.01 * number)).astype(np.float32)


def in_frame(points: np.ndarray, to_frame: np.ndarray) -> np.ndarray:
    moved = points[:, :2].astype(np.float64) @ to_frame[:, :2].T + to_frame[:, 2]
    return np.column_stack([moved, points[:, 2]]).astype(np.float32)


def seed_of_view(number: int, view: int) -> int:
    return 10 * number + view


def add_view(builder: Builder, number: int, view: int, split: str, *, seen: bool = True) -> None:
    seed = seed_of_view(number, view)
    item = item_id("view", number, view)
    base = {"item": item, "subject": head(number), "split": split, "source": "synthetic"}
    size = {"width": SIDE, "height": SIDE}
    builder.add(schemas.SYNTHETIC_FRAMES, **base, **size, image=encode_png(picture(seed), "view"))
    builder.add(
        schemas.TRUTH,
        **base,
        **size,
        **camera_columns(camera(seed)),
        view=view,
        mask=encode_png(mask(seed), "mask"),
        parts=encode_png(mask(seed), "parts"),
        depth=encode_png(mask(seed), "depth"),
    )
    if seen:
        to_frame = affine(seed)
        frame = {
            "frame_from_photo": to_frame.ravel().tolist(),
            "image": encode_png(picture(seed), "f"),
        }
        builder.add(schemas.FRAMES, **base, **size, **frame)
        points = in_frame(landmarks(seed), to_frame)
        builder.add(schemas.LANDMARKS, **base, **mesh_columns(points))


def add_heads(builder: Builder) -> None:
    for number, split in enumerate(SPLITS):
        base = {"item": head(number), "subject": head(number), "split": split}
        mesh = {"bytes": to_ply(vertices(number), BALL.faces), "path": "head.ply"}
        builder.add(schemas.HEADS, **base, source="synthetic", mesh=mesh)
        points = np.random.default_rng(number).normal(size=(7, 3)).astype(np.float32)
        builder.add(
            schemas.SDF,
            **base,
            source="synthetic",
            points_mm=points.tolist(),
            distance_mm=points[:, 0].tolist(),
            near_surface=[True] * 7,
        )


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five heads in three views each; the second view of the first head shows no face."""
    folder = tmp_path_factory.mktemp("tables")
    builder = Builder()
    add_heads(builder)
    # Later views first: the order of rows is the reader's.
    for view in reversed(range(VIEWS)):
        for number, split in enumerate(SPLITS):
            add_view(builder, number, view, split, seen=(number, view) != (0, 1))
    builder.write(folder)
    return folder


def numbers_of(heads: Heads) -> list[int]:
    known = {head(number): number for number in range(len(SPLITS))}
    return [known[subject] for subject in heads.subjects]


@pytest.mark.parametrize(
    "splits", [("train",), ("test",), ("validation",), ("train", "validation")]
)
def test_heads_are_those_of_their_splits_with_their_own_surface(
    data: Path, splits: tuple[str, ...]
) -> None:
    heads = read_heads(data, splits)
    numbers = numbers_of(heads)
    assert sorted(numbers) == [n for n, split in enumerate(SPLITS) if split in splits]
    for number, surface in zip(numbers, heads.vertices, strict=True):
        np.testing.assert_allclose(surface, vertices(number), atol=1e-4)


def test_all_splits_are_read_by_default_and_the_order_is_always_the_same(data: Path) -> None:
    first, again = read_heads(data), read_heads(data)
    assert len(first.subjects) == len(SPLITS)
    np.testing.assert_array_equal(first.subjects, again.subjects)


def test_a_split_without_a_head_is_one_sentence(data: Path) -> None:
    with pytest.raises(HeadwaterError, match="no head has the split nowhere") as caught:
        read_heads(data, ("nowhere",))
    assert "\n" not in str(caught.value)


def test_samples_come_in_the_order_of_the_heads(data: Path) -> None:
    heads = read_heads(data)
    turned = Heads(heads.vertices[::-1], heads.subjects[::-1])
    for one in (heads, turned):
        samples = read_sdf_samples(data, one)
        for number, points, distances in zip(
            numbers_of(one), samples.points, samples.distances, strict=True
        ):
            wanted = np.random.default_rng(number).normal(size=(7, 3)).astype(np.float32)
            np.testing.assert_array_equal(points, wanted)
            np.testing.assert_array_equal(distances, wanted[:, 0])


def test_a_head_without_samples_is_named_with_what_to_do(data: Path) -> None:
    heads = Heads(np.zeros((2, 3, 3), np.float32), np.array([head(0), item_id("unknown")]))
    with pytest.raises(HeadwaterError, match=r"no samples of head .*sdf_steps 0"):
        read_sdf_samples(data, heads)


def test_views_are_ordered_by_head_then_number_with_exact_cameras(data: Path) -> None:
    heads = read_heads(data, ("train",))
    views = read_synthetic_views(data, heads)
    assert len(views) == VIEWS * len(heads.subjects)
    expected = [(n, view) for n in numbers_of(heads) for view in range(VIEWS)]
    for row, (number, view) in enumerate(expected):
        seed = seed_of_view(number, view)
        assert numbers_of(heads)[views.head[row]] == number
        assert views.split[row] == SPLITS[number]
        np.testing.assert_array_equal(views.images[row], picture(seed))
        np.testing.assert_array_equal(views.masks[row] > 0, mask(seed))
        known, found = camera(seed), views.camera(row)
        np.testing.assert_allclose(found.K, known.K, rtol=1e-6)
        np.testing.assert_allclose(found.R, known.R, atol=1e-6)
        np.testing.assert_allclose(found.t, known.t, rtol=1e-6)
        np.testing.assert_allclose(found.R @ found.R.T, np.eye(3), atol=1e-12)


def test_landmarks_are_carried_back_from_the_turned_frame_to_the_view(data: Path) -> None:
    heads = read_heads(data, ("test",))
    views = read_synthetic_views(data, heads)
    for row in range(len(views)):
        number = numbers_of(heads)[views.head[row]]
        wanted = landmarks(seed_of_view(number, row % VIEWS))[:, :2]
        np.testing.assert_allclose(views.landmarks_478_px[row], wanted, atol=1e-3)


def test_a_view_without_a_face_has_no_landmarks_and_stays(data: Path) -> None:
    heads = read_heads(data, ("train",))
    views = read_synthetic_views(data, heads)
    missing = np.isnan(views.landmarks_478_px).all(axis=(1, 2))
    assert missing.sum() == 1
    (row,) = np.flatnonzero(missing)
    assert numbers_of(heads)[views.head[row]] == 0
    assert row % VIEWS == 1


def test_chosen_views_are_the_rows_that_are_named(data: Path) -> None:
    views = read_synthetic_views(data, read_heads(data))
    rows = np.array([4, 0, 7])
    few = views.choose(rows)
    assert len(few) == 3
    for name in views.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(few, name), getattr(views, name)[rows])
    nothing = views.choose(np.zeros(len(views), bool))
    assert len(nothing) == 0


# Photos.


def photo(builder: Builder, number: int, *, without: Any = None) -> str:
    item = item_id("photo", number)
    base = {"item": item, "subject": item, "split": "train", "source": "photo"}
    size = {"width": SIDE, "height": SIDE}
    rows = {
        schemas.FRAMES: {**size, "image": encode_png(picture(number), "frame")},
        schemas.LANDMARKS: mesh_columns(landmarks(number)),
        schemas.MASKS: {"mask": encode_png(mask(number), "mask")},
        schemas.CAMERAS: {**size, **camera_columns(camera(number))},
    }
    for schema, values in rows.items():
        if schema is not without:
            builder.add(schema, **base, **values)
    return item


def test_photos_are_views_of_their_frames_in_the_order_of_their_items(tmp_path: Path) -> None:
    builder = Builder()
    items = {photo(builder, number): number for number in range(4)}
    add_view(builder, 0, 0, "train")
    builder.write(tmp_path)
    found = read_photo_views(tmp_path)
    assert [row["item"] for row, _ in found] == sorted(items)
    for row, view in found:
        number = items[row["item"]]
        assert len(view) == 1
        np.testing.assert_array_equal(view.images[0], picture(number))
        np.testing.assert_array_equal(view.masks[0] > 0, mask(number))
        np.testing.assert_allclose(view.landmarks_478_px[0], landmarks(number)[:, :2])
        np.testing.assert_allclose(view.camera(0).t, camera(number).t, rtol=1e-6)


@pytest.mark.parametrize("without", [schemas.LANDMARKS, schemas.MASKS, schemas.CAMERAS], ids=str)
def test_a_photo_that_a_step_rejected_is_no_view(tmp_path: Path, without: Any) -> None:
    builder = Builder()
    kept = photo(builder, 1)
    photo(builder, 2, without=without)
    builder.write(tmp_path)
    assert [row["item"] for row, _ in read_photo_views(tmp_path)] == [kept]


# Hashes of rows.


def contents(folder: Path) -> dict[str, dict[str, str]]:
    return table_contents(folder, (schemas.HEADS, schemas.SDF))


def test_hashes_stand_by_table_source_and_split(data: Path) -> None:
    found = contents(data)
    groups = {"synthetic/test", "synthetic/train", "synthetic/validation"}
    assert {name: set(inner) for name, inner in found.items()} == {
        "synthesize/heads": groups,
        "sdf/samples": groups,
    }
    hashes = [digest for inner in found.values() for digest in inner.values()]
    assert len(set(hashes)) == 6
    assert found == contents(data)
    train = of_groups(found, "synthetic", ("train",))
    assert {name: set(inner) for name, inner in train.items()} == {
        "synthesize/heads": {"synthetic/train"},
        "sdf/samples": {"synthetic/train"},
    }
    assert of_groups(found, "photo", ("train",)) == {"synthesize/heads": {}, "sdf/samples": {}}


@pytest.mark.parametrize("changed", ["train", "test", "validation"])
def test_a_changed_row_changes_the_hash_of_its_group_alone(
    data: Path, tmp_path: Path, changed: str
) -> None:
    builder = Builder()
    add_heads(builder)
    _, rows = builder.rows[schemas.HEADS.name]
    row = next(row for row in rows if row["split"] == changed)
    row["head_model"] = "another"
    builder.write(tmp_path)
    before, after = contents(data)["synthesize/heads"], contents(tmp_path)["synthesize/heads"]
    differ = {group for group in before if before[group] != after[group]}
    assert differ == {f"synthetic/{changed}"}
    assert contents(data)["sdf/samples"] == contents(tmp_path)["sdf/samples"]


def test_new_photos_leave_the_hashes_of_heads(tmp_path: Path) -> None:
    few, more = Builder(), Builder()
    for builder in (few, more):
        add_heads(builder)
        for view in range(VIEWS):
            add_view(builder, 0, view, "train")
    for number in range(3):
        photo(more, number)
    few.write(tmp_path / "few")
    more.write(tmp_path / "more")
    tables = (schemas.FRAMES, schemas.LANDMARKS)
    before, after = (table_contents(tmp_path / name, tables) for name in ("few", "more"))
    for name in before:
        assert set(after[name]) == {"photo/train", "synthetic/train"}
        assert after[name]["synthetic/train"] == before[name]["synthetic/train"]


def test_a_table_that_was_not_built_has_no_groups(tmp_path: Path) -> None:
    assert contents(tmp_path) == {"synthesize/heads": {}, "sdf/samples": {}}
