"""AFLW2000-3D as published: pictures with fitted faces and 68 points in 3D, by name.

``<root>/image*.jpg`` with a ``.mat`` of the same name each, or the same below ``<root>/AFLW2000``.
Besides the 68 points and the yaw in each ``.mat``, there are re-annotated points (LS3D-W) and
re-estimated yaws, as arrays (``.npy``) in 3DDFA's evaluation, in the order of the pictures' names.
"""

import io
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from headwater.artifacts.mat_files import read_mat
from headwater.artifacts.regular_files import files_in, read_file
from headwater.data.basel_face import FittedFace, read_fitted_face
from headwater.errors import READER_ERRORS, HeadwaterError
from headwater.metrics.alignment import box_size

LANDMARKS: Final = 68
_MAX_BYTES: Final = 2**26

Float64Array = NDArray[np.float64]


@dataclass(frozen=True)
class AflwPicture:
    """One picture with its fitted face and true points, px counted from 1 at pixels' centres.

    landmarks: (68, 3), z towards the viewer. reannotated: (68, 2), None without the array of these.
    yaw_degrees: from the array of yaws, or of the fitted face without one.
    """

    name: str
    photo: Path
    face: FittedFace
    landmarks: Float64Array
    reannotated: Float64Array | None
    yaw_degrees: float


class Aflw2000:
    """The pictures of a downloaded folder.

    reannotated, yaws: files of 3DDFA's arrays, if these are to be used. Raises HeadwaterError where
    the folder holds no picture, or an array does not have one row for each.
    """

    def __init__(self, root: Path, reannotated: Path | None = None, yaws: Path | None = None):
        inner = root / "AFLW2000"
        self.root = inner if inner.is_dir() else root
        self.names = sorted(path.stem for path in files_in(self.root) if path.match("image*.jpg"))
        if not self.names:
            raise HeadwaterError(f"{root}: holds no image*.jpg; name the folder AFLW2000")
        count = len(self.names)
        self._points = None if reannotated is None else _points(reannotated, count)
        self._yaws = None if yaws is None else _array(yaws, (count,))

    def picture(self, name: str) -> AflwPicture:
        """A picture by name. Raises HeadwaterError naming a missing or wrong file."""
        number, path = self.names.index(name), self.root / f"{name}.mat"
        face = read_fitted_face(path)
        landmarks = read_mat(path, {"pt3d_68": (3, LANDMARKS)})["pt3d_68"].T
        if not box_size(landmarks) > 0:
            raise HeadwaterError(f"{path}: its 68 points lie on one line; fetch it again")
        return AflwPicture(
            name,
            self.root / f"{name}.jpg",
            face,
            landmarks,
            None if self._points is None else self._points[number, :2].T,
            face.yaw_degrees if self._yaws is None else float(self._yaws[number]),
        )


def _points(path: Path, count: int) -> Float64Array:
    """Re-annotated points (n, 2 or 3, 68) of a file."""
    array = _read(path)
    if array.ndim != 3 or array.shape[::2] != (count, LANDMARKS) or array.shape[1] not in (2, 3):
        raise HeadwaterError(
            f"{path}: is {array.shape} instead of ({count}, 2 or 3, {LANDMARKS}); name the file of "
            "these pictures"
        )
    for number, points in enumerate(array):
        if not box_size(points[:2].T) > 0:
            raise HeadwaterError(
                f"{path}: the points of picture {number + 1} lie on one line; fetch it again"
            )
    return array


def _array(path: Path, shape: tuple[int, ...]) -> Float64Array:
    array = _read(path)
    if array.shape != shape:
        raise HeadwaterError(
            f"{path}: is {array.shape} instead of {shape}; name the file of these pictures"
        )
    return array


def _read(path: Path) -> Float64Array:
    """Finite numbers of an .npy file. Raises HeadwaterError for anything else."""
    data = read_file(path, _MAX_BYTES)
    try:
        array: Any = np.load(io.BytesIO(data), allow_pickle=False)
        if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiu":
            raise ValueError("it holds no array of numbers")
        array = array.astype(np.float64)
        if not np.isfinite(array).all():
            raise ValueError("it holds numbers that are not finite")
    # NumPy tokenizes headers that are no Python literals.
    except (TokenError, *READER_ERRORS) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise HeadwaterError(f"{path}: cannot be read ({reason}); fetch it again") from error
    return np.asarray(array)
