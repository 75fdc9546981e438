"""Rows of a bucket stand while its left items are tried again, where two records vouch for them."""

import shutil
from pathlib import Path

import pytest
from photo_steps import ITEMS, STEP, trouble

from headwater.artifacts.manifest import MANIFEST
from headwater.artifacts.schemas import PHOTOS
from headwater.artifacts.tables import bucket_file, bucket_key, read_bucket, to_table, write_bucket
from headwater.config import Params, load_params
from headwater.pipeline.cache_place import cache_for
from headwater.pipeline.plan import Planned, plan
from headwater.pipeline.run import compute_bucket, compute_items, store_bucket
from headwater.upkeep.kept_rows import items_to_retry, kept_rows
from tests.upkeep.test_adopt import build, project_at, record

LEFT = ITEMS[3]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recorded build of photos one of which was left."""
    params, project = project_at(tmp_path_factory.mktemp("recorded") / "project")
    with trouble(LEFT):
        build(params, project)
    record(project)
    return project


@pytest.fixture
def left(recorded: Path, tmp_path: Path) -> tuple[Params, Path, Planned]:
    """A copy of it, and the bucket of the photo."""
    project = Path(shutil.copytree(recorded, tmp_path / "project"))
    params = load_params(project / "params.yaml")
    planned = next(one for one in plan(STEP, params, project) if LEFT in one.members)
    return params, project, planned


def cached(params: Params, project: Path, planned: Planned) -> dict[str, bytes] | None:
    return cache_for(params, project).get(planned.key, [one.name for one in STEP.tables])


def test_kept_rows_and_the_item_alone_are_the_bytes_of_the_whole_bucket(
    left: tuple[Params, Path, Planned], tmp_path: Path
) -> None:
    params, project, planned = left
    assert len(planned.members) > 1
    assert cached(params, project, planned) is None
    assert items_to_retry(STEP, project, planned) == {LEFT}
    kept = kept_rows(STEP, project, planned, params.buckets)
    assert kept is not None
    items = [one for one in planned.items if one.item == LEFT]
    rows = compute_items(STEP, params, project, planned, items)
    assert [row["item"] for row in rows[PHOTOS.name]] == [LEFT]
    both = {name: [*kept.get(name, []), *rows.get(name, [])] for name in {*kept, *rows}}
    store_bucket(STEP, params, project, planned, both)
    _, fresh = project_at(tmp_path / "fresh")
    compute_bucket(STEP, params, fresh, planned)
    whole = cached(params, fresh, planned)
    assert whole is not None
    assert cached(params, project, planned) == whole


def test_rows_of_another_hand_do_not_stand(left: tuple[Params, Path, Planned]) -> None:
    params, project, planned = left
    path = project / "data" / PHOTOS.name / bucket_file(planned.bucket)
    rows = read_bucket(path, PHOTOS).to_pylist()
    rows[0]["width"] += 1
    write_bucket(path, PHOTOS, to_table(PHOTOS, rows), planned.key)
    assert bucket_key(path) == planned.key
    assert items_to_retry(STEP, project, planned) == {LEFT}
    assert kept_rows(STEP, project, planned, params.buckets) is None


@pytest.mark.parametrize("lost", ["dvc.lock", ".dvc/cache", f"data/photos/{MANIFEST}"])
def test_rows_that_no_record_vouches_for_do_not_stand(
    left: tuple[Params, Path, Planned], lost: str
) -> None:
    params, project, planned = left
    path = project / lost
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert kept_rows(STEP, project, planned, params.buckets) is None


def test_nothing_is_to_be_tried_again_of_other_buckets(
    left: tuple[Params, Path, Planned],
) -> None:
    params, project, planned = left
    other = next(one for one in plan(STEP, params, project) if one != planned)
    assert items_to_retry(STEP, project, other) == frozenset()
    # The key of other code or settings.
    changed = Planned(STEP.name, planned.bucket, "0" * 64, planned.members, planned.items)
    assert items_to_retry(STEP, project, changed) == frozenset()
    rejects = project / "data" / STEP.rejects.name / bucket_file(planned.bucket)
    rejects.write_bytes(rejects.read_bytes()[:-9])
    assert items_to_retry(STEP, project, planned) == frozenset()
