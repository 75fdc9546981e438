"""Tables as heads and samples: their order and their splits; and hashes of their rows."""

from pathlib import Path

import numpy as np
import pytest

from headwater.artifacts import schemas
from headwater.artifacts.ids import item_id
from headwater.data.contents import of_groups, rejected_contents, table_contents
from headwater.data.rejections import REJECTS
from headwater.data.scenes import Heads
from headwater.data.tables import read_heads, read_sdf_samples
from headwater.errors import HeadwaterError
from tests.data.small_tables import (
    SPLITS,
    VIEWS,
    add_heads,
    add_view,
    head,
    numbers_of,
    photo,
    vertices,
    write_heads,
)
from tests.report.tiny_data import Builder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five heads in three views each."""
    folder = tmp_path_factory.mktemp("tables")
    write_heads(folder)
    return folder


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
    with pytest.raises(HeadwaterError, match="no head has the split nowhere; give it") as caught:
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
    train = of_groups(found, ("synthetic",), ("train",))
    assert {name: set(inner) for name, inner in train.items()} == {
        "synthesize/heads": {"synthetic/train"},
        "sdf/samples": {"synthetic/train"},
    }
    assert of_groups(found, ("photo",), ("train",)) == {"synthesize/heads": {}, "sdf/samples": {}}


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


def test_rejects_are_hashed_of_rendered_views_alone(tmp_path: Path) -> None:
    """A bad photo more leaves the hash as it is; another reason of a view changes it."""
    found = {}
    for name, message in (("a", "no face"), ("b", "no face"), ("c", "too small")):
        builder = Builder()
        for split, number in (("test", 0), ("train", 1)):
            add_view(builder, number, 0, split, seen=False)
            view = {"item": item_id("view", number, 0), "subject": head(number)}
            builder.add(REJECTS[0], **view, message=message if split == "test" else "lost")
        if name == "b":
            builder.add(REJECTS[0], item=item_id("photo"), subject=item_id("photo"))
        builder.write(tmp_path / name)
        found[name] = rejected_contents(tmp_path / name, REJECTS)
    assert set(found["a"]) == {one.name for one in REJECTS}
    groups = found["a"]["ingest/rejects"]
    assert set(groups) == {"synthetic/test", "synthetic/train"}
    assert found["b"] == found["a"]
    assert found["c"]["ingest/rejects"]["synthetic/test"] != groups["synthetic/test"]
    assert found["c"]["ingest/rejects"]["synthetic/train"] == groups["synthetic/train"]
    assert rejected_contents(tmp_path / "none", REJECTS)["ingest/rejects"] == {}


def test_a_table_that_was_not_built_has_no_groups(tmp_path: Path) -> None:
    assert contents(tmp_path) == {"synthesize/heads": {}, "sdf/samples": {}}
