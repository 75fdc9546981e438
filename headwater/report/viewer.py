"""What the page's 3D viewer needs: three.js from trimesh's wheel, and compact meshes."""

import base64
import io
import zipfile
from typing import Any

import numpy as np
from numpy.typing import NDArray
from trimesh import resources

from headwater.geometry.cameras import Camera, project
from headwater.geometry.rays import RayMesh
from headwater.rendering.tracing import vertex_normals
from headwater.report.evaluation import Reconstruction
from headwater.report.pictures import data_uri

PHOTO_PX = 640
SURFACE_OFFSET_MM = 0.6
FULLY_SEEN_COSINE = 0.45
UNSEEN_COSINE = 0.12
BORDER_SHARE = 0.04

# trimesh's notebook viewer is one page with three.js and then its own parts in a single script.
_TEMPLATE = ("templates/viewer.zip", "viewer.html.template")
_BEGIN, _END = "<script>", "(function(){const _changeEvent"


def engine() -> str | None:
    """Source of three.js as trimesh ships it (MIT); None when this trimesh has it no longer."""
    archive, name = _TEMPLATE
    try:
        data = resources.get_bytes(archive)
        with zipfile.ZipFile(io.BytesIO(data)) as files:
            page = files.read(name).decode()
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None
    begin, end = page.find(_BEGIN), page.find(_END)
    if begin < 0 or end < begin:
        return None
    return page[begin + len(_BEGIN) : end].strip()


def _packed(array: NDArray[Any], kind: str) -> str:
    return base64.b64encode(np.ascontiguousarray(array.astype(kind)).tobytes()).decode()


def seen_from(
    camera: Camera, vertices: NDArray[np.float32], faces: NDArray[np.int32]
) -> NDArray[np.float32]:
    """How well the camera sees each vertex (V,), 0 (hidden or grazing) to 1."""
    normals = vertex_normals(vertices, faces)
    towards = camera.centre.astype(np.float32) - vertices
    towards /= np.linalg.norm(towards, axis=1, keepdims=True)
    cosine = np.einsum("vc,vc->v", normals, towards)
    start = vertices + SURFACE_OFFSET_MM * (normals + towards)
    hidden = RayMesh(vertices, faces).occluded(start, towards)
    slope = np.clip((cosine - UNSEEN_COSINE) / (FULLY_SEEN_COSINE - UNSEEN_COSINE), 0, 1)
    smooth = slope * slope * (3 - 2 * slope)
    weight: NDArray[np.float32] = np.where(hidden, 0, smooth).astype(np.float32)
    return weight


def viewer_model(one: Reconstruction) -> dict[str, Any]:
    """A reconstruction as JSON-able values: 16-bit positions of every step, photo and its map."""
    steps = np.stack(one.steps) if one.steps else one.vertices[None]
    low = steps.min(axis=(0, 1))
    scale = np.maximum(np.ptp(steps, axis=(0, 1)), 1e-6) / 65535
    pixels, _ = project(one.camera, one.vertices)
    uv = pixels / (one.camera.width, one.camera.height)
    # Colours fade out before the photo's border, beyond which there are none.
    inside = np.clip(np.minimum(uv, 1 - uv).min(axis=1) / BORDER_SHARE, 0, 1)
    seen = seen_from(one.camera, one.vertices, one.faces) * inside
    return {
        "name": one.name,
        "vertices": len(one.vertices),
        "steps": len(steps),
        "low": low.astype(float).round(4).tolist(),
        "scale": scale.astype(float).tolist(),
        "positions": _packed(np.round((steps - low) / scale), "<u2"),
        "faces": _packed(one.faces, "<u4"),
        "uv": _packed(np.round(np.clip(uv, 0, 1) * 65535), "<u2"),
        "seen": _packed(np.round(seen * 255), "u1"),
        "photo": data_uri(one.image, PHOTO_PX, 85),
    }
