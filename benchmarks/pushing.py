"""Share of a table's bytes that one more photo pushes to a DVC remote, by the number of buckets."""

import tempfile
from pathlib import Path

from benchmarks.outcome import Figure, Outcome
from benchmarks.shared_project import publish_photos, write_photo
from benchmarks.timing import Spread

PHOTOS, SIDE_PX = 10_000, 64
GOAL_PERCENT = 1.0
# As params.yaml comes, and as for so many photos.
BUCKETS = (16, 256)

CONDITIONS = {
    "photos": f"{PHOTOS} PNG files of noise, {SIDE_PX} x {SIDE_PX} px, through the step photos",
    "pushed": (
        "bytes of the objects that dvc push adds to a remote after one more photo, of all bytes "
        "that were there: the photo's bucket, its rejects, the manifest and DVC's listing"
    ),
}


def measure() -> Outcome:
    """Publish the table, add a photo, publish it again."""
    figures = [
        Figure(f"one more photo of {PHOTOS}, {buckets} buckets", "% of the bytes",
               Spread((pushed_percent(PHOTOS, buckets, SIDE_PX),)), goal, at_most=True)
        for buckets, goal in zip(BUCKETS, (None, GOAL_PERCENT), strict=True)
    ]  # fmt: skip
    return Outcome("pushing", tuple(figures), CONDITIONS)


def pushed_percent(photos: int, buckets: int, side: int) -> float:
    """Bytes that one more photo pushes, in % of those that were there."""
    with tempfile.TemporaryDirectory() as folder:
        project = publish_photos(Path(folder), photos, buckets, side)
        before = project.pushed()
        write_photo(project.path / "photos", photos, side)
        project.build()
        project.publish()
        new = [size for md5, size in project.pushed().items() if md5 not in before]
        return 100 * sum(new) / sum(before.values())
