"""The files of a reconstructed head, each written whole or not at all."""

import io
import json
import re
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from headwater.artifacts.atomic import write_bytes, write_text
from headwater.artifacts.glb import Skin, to_glb
from headwater.artifacts.meshes import to_ply
from headwater.errors import HeadwaterError
from headwater.evaluation.heads.answer import SourceMesh
from headwater.geometry.mirror import mirror_partners
from headwater.reconstruct.coverage import coverage, mouth_height
from headwater.reconstruct.cuts import cut_head
from headwater.reconstruct.head import Head
from headwater.reconstruct.names import CAMERA_FILE
from headwater.reconstruct.page import head_page
from headwater.reconstruct.pictures import overlay, steps_picture
from headwater.reconstruct.records import cameras_record, landmark_record
from headwater.reconstruct.sources import sources_picture
from headwater.viewer.texture import HeadPhoto, Texture, photo_texture

PAGE: Final = "viewer.html"
STEPS: Final = "steps.png"
SOURCES: Final = "sources.png"
FILES: Final = {
    "mesh.ply": "the mesh, mm in the head frame",
    "mesh.glb": "the mesh textured with the photo, for any 3D program",
    "overlay.png": "landmarks and mesh over the photo",
    STEPS: "the descent, step by step",
    SOURCES: "what the head was made from",
    "landmarks.json": "478 and 68 landmarks in the photo and on the mesh",
    CAMERA_FILE: "K, R and t of the photo’s camera",
}
TEXTURE_PX: Final = 1024
SAME_PLACE_MM: Final = 1.0
_NUMBERS: Final = re.compile(r"\[[-+.,\deE\s]+\]")


def write_head(head: Head, folder: Path) -> None:
    """Write all files of a head, those of its steps and its sources where it has some.

    Raises ``HeadwaterError`` when one cannot be written.
    """
    texture = head_texture(head)
    faces = head.template.faces
    there = {STEPS: bool(len(head.steps)), SOURCES: bool(head.sources)}
    files = {name: about for name, about in FILES.items() if there.get(name, True)}
    meshes = {f"{one.stem}.ply": one for one in head.sources if isinstance(one, SourceMesh)}
    files |= {name: f"{one.name}, mm in the head frame" for name, one in meshes.items()}
    sheet = sources_picture(head.sources) if head.sources else None
    contents: dict[str, bytes] = {
        "mesh.ply": to_ply(head.vertices, faces),
        "mesh.glb": to_glb(
            head.vertices[texture.vertex], texture.faces, Skin(texture.uv, texture.image)
        ),
        "overlay.png": _png(overlay(head)),
        **({STEPS: _png(steps_picture(head))} if STEPS in files else {}),
        **({} if sheet is None else {SOURCES: _png(sheet)}),
        **{name: to_ply(one.vertices, one.faces) for name, one in meshes.items()},
        "landmarks.json": _json(landmark_record(head)),
        PAGE: head_page(head, texture, files, sheet).encode(),
        # Last: it marks the folder as complete and says whose it is.
        CAMERA_FILE: _json(cameras_record(head)),
    }
    for name in there.keys() - files.keys():
        (folder / name).unlink(missing_ok=True)
    for name, content in contents.items():
        save(folder / name, content)


def save(path: Path, content: bytes | str) -> None:
    """Write a file whole; what stands in the way becomes a ``HeadwaterError``."""
    try:
        if isinstance(content, str):
            write_text(path, content)
        else:
            write_bytes(path, content)
    except OSError as error:
        raise HeadwaterError(f"{path}: cannot be written ({error.strerror})") from error


def head_texture(head: Head) -> Texture:
    """The mesh's texture from all photos of the head."""
    mouth_mm = mouth_height(head.landmarks)
    photos = []
    for view in head.views:
        cut = cut_head(view, head.vertices, TEXTURE_PX)
        photos.append(HeadPhoto(cut.picture, cut.camera, coverage(view, head.vertices, mouth_mm)))
    partners = mirror_partners(head.template.mean, SAME_PLACE_MM)
    template = head.template
    return photo_texture(photos, head.vertices, template.faces, partners, template.surface)


def _png(picture: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG", compress_level=4)
    return buffer.getvalue()


def _json(record: dict[str, Any]) -> bytes:
    """JSON for people too: every point and every row of a matrix stands on one line."""
    text = json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False)
    return (_NUMBERS.sub(lambda found: " ".join(found[0].split()), text) + "\n").encode()
