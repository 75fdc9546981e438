"""Identifiers from content, and what follows from them: buckets, splits and seeds."""

import hashlib
import json
from typing import Any

ITEM_ID_LENGTH = 32


def sha256_hex(data: bytes) -> str:
    """SHA-256 of ``data`` as 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def canonical_json(value: Any) -> str:
    """JSON text that is equal for equal values: sorted keys, no spaces, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def item_id(*parts: Any) -> str:
    """Identifier of an item: 32 hex digits over the canonical JSON of what makes it."""
    return sha256_hex(canonical_json(parts).encode())[:ITEM_ID_LENGTH]


def beside(subject: str, buckets: int, *parts: Any) -> str:
    """Identifier of another subject, over what makes it, that shares the bucket of ``subject``."""
    number = int(item_id(subject, *parts), 16) >> 1
    number += (int(subject, 16) - number) % buckets
    return f"{number:0{ITEM_ID_LENGTH}x}"


def bucket_of(subject: str, buckets: int) -> int:
    """Bucket of a subject, so that all rows of one subject share a file."""
    return int(subject, 16) % buckets


def split_of(subject: str, seed: int, test: float, validation: float) -> str:
    """Split of a subject ("train", "validation" or "test"), by hash: nobody is in two."""
    digest = sha256_hex(f"split:{seed}:{subject}".encode())
    position = int(digest[:13], 16) / 16**13
    if position < test:
        return "test"
    return "validation" if position < test + validation else "train"


def seed_of(*parts: Any) -> int:
    """Seed in [0, 2**63) for a generator, from the item's identity and never from its order."""
    return int(sha256_hex(canonical_json(parts).encode())[:16], 16) >> 1
