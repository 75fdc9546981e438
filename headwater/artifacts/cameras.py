"""Cameras as columns of tables and as JSON records, and back: one codec for all of them."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from headwater.artifacts.tables import Row
from headwater.errors import HeadwaterError
from headwater.geometry.cameras import Camera, check_camera

CAMERA_COLUMNS: Final = ("intrinsics", "rotation", "translation")
RECORD_KEYS: Final = ("K", "R", "t", "width", "height")
# Records are often typed or rounded; what a step wrote into a table is not.
COLUMN_ROTATION_TOLERANCE: Final = 1e-5
RECORD_ROTATION_TOLERANCE: Final = 1e-4

Float64Array = NDArray[np.float64]


def camera_columns(camera: Camera) -> Row:
    """``CAMERA_COLUMNS`` of a camera; its size is that of the row's image."""
    return {
        "intrinsics": camera.K.ravel().tolist(),
        "rotation": camera.R.ravel().tolist(),
        "translation": camera.t.tolist(),
    }


def camera_of(row: Mapping[str, Any], size: tuple[int, int] | None = None) -> Camera:
    """Checked camera of a row that has ``CAMERA_COLUMNS``.

    size: (width, height) of the image, px; without it the row's own columns say. Raises
    HeadwaterError for what is no camera.
    """
    width, height = size or (row["width"], row["height"])
    camera = Camera(
        np.array(row["intrinsics"], np.float64).reshape(3, 3),
        rotation_of(row),
        np.array(row["translation"], np.float64),
        width,
        height,
    )
    check_camera(camera, "camera", COLUMN_ROTATION_TOLERANCE)
    return camera


def rotation_of(row: Mapping[str, Any]) -> Float64Array:
    """Rotation (3, 3), head frame to camera, of a row that has it."""
    return np.array(row["rotation"], np.float64).reshape(3, 3)


def frame_from_photo_of(row: Mapping[str, Any]) -> Float64Array:
    """Map (2, 3) from px of the photo to px of the frame, of a row of the frames."""
    return np.array(row["frame_from_photo"], np.float64).reshape(2, 3)


def camera_record(camera: Camera) -> dict[str, Any]:
    """A camera for JSON: its size in px, K to 1e-6 px, R to 1e-9 and t to 1e-6 mm."""
    return {
        "width": camera.width,
        "height": camera.height,
        "K": rounded(camera.K, 6),
        **pose_record(camera.R, camera.t),
    }


def pose_record(rotation: ArrayLike, translation: ArrayLike) -> dict[str, Any]:
    """A rotation (3, 3) and a translation (3,) mm for JSON, as R and t."""
    return {"R": rounded(rotation, 9), "t": rounded(translation, 6)}


def rounded(numbers: ArrayLike, digits: int) -> list[Any]:
    """Numbers as nested lists for JSON, to so many decimal places."""
    return list(np.round(np.asarray(numbers, np.float64), digits).tolist())


def parse_camera(record: Mapping[str, Any], name: str = "camera") -> Camera:
    """Checked camera of a record with ``RECORD_KEYS``; ``name`` is its place, for messages.

    Raises HeadwaterError for what is missing, no number, or no camera.
    """
    missing = [key for key in RECORD_KEYS if record.get(key) is None]
    if missing:
        raise HeadwaterError(
            f"{name}: {', '.join(missing)} missing; a camera needs K, R, t, width and height"
        )
    try:
        K, R, t = (np.array(record[key], dtype=np.float64) for key in ("K", "R", "t"))
        camera = Camera(K, R, t, int(record["width"]), int(record["height"]))
    except (TypeError, ValueError, OverflowError) as error:
        raise HeadwaterError(f"{name}: cannot be read as numbers ({error})") from error
    check_camera(camera, name, RECORD_ROTATION_TOLERANCE)
    return camera
