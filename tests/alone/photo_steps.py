"""A step of forty photos, one of which may be in trouble, outside of the package of all tests.

A fingerprint over a function of ``tests`` would count every test.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from headwater.artifacts.ids import item_id, sha256_hex
from headwater.artifacts.schemas import PHOTOS
from headwater.config import Params
from headwater.errors import ItemRejected
from headwater.pipeline.step import Item, Result, Step, Work
from headwater.reject_reasons import RejectReason

ITEMS = [item_id("photo", n) for n in range(40)]
# No part of a bucket's key.
_TROUBLE: set[str] = set()


@contextmanager
def trouble(item: str) -> Iterator[None]:
    """An item that changes while it is read, for now."""
    _TROUBLE.add(item)
    try:
        yield
    finally:
        _TROUBLE.clear()


def sources(params: Params, project: Path) -> list[Item]:
    """The photos."""
    return [Item(item, item, f"{item}.png") for item in ITEMS]


def compute(work: Work, result: Result) -> None:
    """A row for every photo in which there is a face."""
    for item in work.items:
        with result.rejecting(item):
            if item.item in _TROUBLE:
                raise ItemRejected(RejectReason.CHANGED, "It changed.")
            if item.item[0] == "0":
                raise ItemRejected(RejectReason.NO_FACE, "No face was found.")
            result.add(PHOTOS, _row(item))


def _row(item: Item) -> dict[str, Any]:
    return {
        "item": item.item,
        "subject": item.subject,
        "split": "train",
        "source": "photo",
        "licence": "none",
        "parent": None,
        "source_sha256": sha256_hex(item.item.encode()),
        "image": {"bytes": item.item.encode(), "path": item.name},
        "width": 24,
        "height": 24,
        "file_name": item.name,
        "source_format": "PNG",
        "source_mode": "RGB",
    }


STEP = Step("photos", 1, (), (PHOTOS,), lambda params: {}, compute, sources=sources)
