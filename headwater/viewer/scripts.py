"""The scripts of a page with a viewer, and the policy that admits exactly them."""

import base64
import hashlib
import io
import json
import zipfile
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from trimesh import resources

# trimesh's notebook viewer is one page with three.js and then its own parts in a single script.
_TEMPLATE = ("templates/viewer.zip", "viewer.html.template")
_BEGIN, _END = "<script>", "(function(){const _changeEvent"


def engine() -> str | None:
    """Source of three.js as trimesh ships it (MIT); None when this trimesh has it no longer."""
    archive, name = _TEMPLATE
    try:
        data = resources.get_bytes(archive)
        with zipfile.ZipFile(io.BytesIO(data)) as inside:
            page = inside.read(name).decode()
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None
    begin, end = page.find(_BEGIN), page.find(_END)
    if begin < 0 or end < begin:
        return None
    return page[begin + len(_BEGIN) : end].strip()


def viewer_context(models: Sequence[dict[str, Any]]) -> dict[str, object]:
    """What a template needs of the viewer; without models or three.js there is none."""
    library = engine()
    if not models or library is None:
        return {"scripts": [], "models": None, "script_hashes": []}
    scripts = [library, resource("viewer.js")]
    text = json.dumps(list(models), separators=(",", ":")).replace("<", "\\u003c")
    return {"scripts": scripts, "models": text, "script_hashes": [_hash(s) for s in scripts]}


def resource(name: str) -> str:
    """Text of a file of this package."""
    return files("headwater.viewer").joinpath(name).read_text(encoding="utf-8")


def _hash(script: str) -> str:
    """The source expression that lets a content security policy admit exactly this script."""
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
