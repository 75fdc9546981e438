"""The scripts of a page with a viewer, and the policy that admits exactly them."""

import base64
import hashlib
import json
from collections.abc import Sequence
from importlib.resources import files
from typing import Any


def engine() -> str:
    """Source of three.js (MIT), which sets the global THREE."""
    return resource("three.min.js").strip()


def viewer_context(models: Sequence[dict[str, Any]]) -> dict[str, object]:
    """The viewer's part of a template's context; without models there is none."""
    if not models:
        return {"scripts": [], "models": None, "script_hashes": []}
    scripts = [engine(), resource("viewer.js")]
    text = json.dumps(list(models), separators=(",", ":")).replace("<", "\\u003c")
    return {"scripts": scripts, "models": text, "script_hashes": [_hash(s) for s in scripts]}


def resource(name: str) -> str:
    """Text of a file of this package."""
    return files("headwater.viewer").joinpath(name).read_text(encoding="utf-8")


def _hash(script: str) -> str:
    """The source expression that lets a content security policy admit exactly this script."""
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
