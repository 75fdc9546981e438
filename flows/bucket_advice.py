"""Advice on the number of buckets, where a project has outgrown it."""

import math
from pathlib import Path
from typing import Final

from flows.counts import rows_of
from headwater.artifacts.schemas import PHOTOS
from headwater.artifacts.tables import table_files
from headwater.config import Params

# Photos of a bucket, all of which are computed anew when one comes or goes.
MOST: Final = 100
AIM: Final = 40
MOST_BUCKETS: Final = 512


def bucket_advice(project: Path, params: Params) -> str | None:
    """A line for the user where the photos' buckets are much larger than they need be.

    The number is never chosen by itself: another one computes everything anew.
    """
    photos = sum(map(rows_of, table_files(project / "data", PHOTOS)))
    better = min(2 ** math.ceil(math.log2(max(1, photos / AIM))), MOST_BUCKETS)
    if photos <= MOST * params.buckets or better <= params.buckets:
        return None
    now, then = photos // params.buckets, photos // better
    return (
        f"{photos} photos in {params.buckets} buckets: one more computes about {now} anew, and "
        f"about {then} with `buckets: {better}` in params.yaml, which computes everything anew once"
    )
