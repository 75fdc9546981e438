"""Who has outgrown the number of buckets is told so, in one line."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flows.bucket_advice import bucket_advice
from headwater.artifacts.tables import bucket_file
from headwater.config import load_params

PROJECT = Path(__file__).resolve().parents[2]


def advised(project: Path, photos: int, buckets: int) -> str | None:
    """The advice to a project with so many photos in so many buckets."""
    folder = project / "data" / "photos" / "photos"
    folder.mkdir(parents=True)
    for bucket in range(buckets):
        rows = photos * (bucket + 1) // buckets - photos * bucket // buckets
        pq.write_table(pa.table({"item": ["a"] * rows}), folder / bucket_file(bucket))
    params = load_params(PROJECT / "params.yaml").model_copy(update={"buckets": buckets})
    return bucket_advice(project, params)


def test_many_photos_in_few_buckets_are_told_of_more(tmp_path: Path) -> None:
    assert advised(tmp_path, 10_000, 16) == (
        "10000 photos in 16 buckets: one more computes about 625 anew, and about 39 with "
        "`buckets: 256` in params.yaml, which computes everything anew once"
    )


@pytest.mark.parametrize(
    ("photos", "buckets"), [(0, 16), (2, 16), (1600, 16), (10_000, 256), (60_000, 512)]
)
def test_others_are_told_nothing(tmp_path: Path, photos: int, buckets: int) -> None:
    assert advised(tmp_path, photos, buckets) is None


def test_no_more_buckets_are_advised_than_serve(tmp_path: Path) -> None:
    said = advised(tmp_path, 90_000, 64)
    assert said is not None
    assert "`buckets: 512`" in said


def test_a_project_without_photos_and_one_with_a_damaged_table_are_told_nothing(
    tmp_path: Path,
) -> None:
    params = load_params(PROJECT / "params.yaml")
    assert bucket_advice(tmp_path, params) is None
    folder = tmp_path / "data" / "photos" / "photos"
    folder.mkdir(parents=True)
    (folder / bucket_file(0)).write_bytes(b"no table")
    assert bucket_advice(tmp_path, params) is None
