"""Stages that read files from outside the project, where DVC does not look for changes."""

import json
from pathlib import Path

from headwater.config import Params
from headwater.errors import HeadwaterError
from headwater.heads import source_digest

# By stage: where the hash of what it read stands.
NOTES = {
    "head_model": "data/head_model/source.json",
    "other_heads": "data/other_heads/set.json",
}


def read_otherwise(project: Path, params: Params) -> set[str]:
    """Stages whose head model's files are no longer those that they read.

    A file that is gone makes nothing stale, nor does a stage without outputs, which runs anyway.
    """
    specs = {
        "head_model": params.synthesize.head_model,
        "other_heads": params.benchmark.other_head_model,
    }
    stale = set()
    for stage, note in NOTES.items():
        try:
            known = json.loads((project / note).read_text(encoding="utf-8"))["source_sha256"]
            now = source_digest(specs[stage])
        except (OSError, ValueError, KeyError, TypeError, HeadwaterError):
            continue
        if now != known:
            stale.add(stage)
    return stale
