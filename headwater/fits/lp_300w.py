"""300W-LP as published: photos in large poses with a morphable model's fit to each.

``<root>/<set>/<name>.jpg`` with the fit in ``<name>.mat``, for the sets AFW, HELEN, IBUG and LFPW
and their mirror images in ``<set>_Flip``; and, where they were unpacked too, the model's 68 points
in ``<root>/landmarks/<set>/<name>_pts.mat``.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from headwater.artifacts.mat_files import read_mat
from headwater.artifacts.regular_files import files_in
from headwater.data.basel_face import FittedFace, read_fitted_face
from headwater.errors import HeadwaterError, ItemRejected
from headwater.faces.vocabulary import IBUG_INSIDE
from headwater.metrics.alignment import alignment_nme, box_size
from headwater.photos.folder import printable_name
from headwater.reject_reasons import RejectReason

SETS: Final = ("AFW", "HELEN", "IBUG", "LFPW")
FLIPPED: Final = "_Flip"
# Largest mean error of the fit's points inside the face, as a share of the square root of the area
# of their bounding box.
MOST_ERROR: Final = 0.05
# Least number of the 68 points inside the photo, and least square root of the area of their
# bounding box, px.
LEAST_SHOWN: Final = 34
LEAST_SIZE: Final = 16.0


@dataclass(frozen=True)
class LpPicture:
    """One photo of the data set, most of which are renders of an original photo in other poses."""

    root: Path
    set_name: str
    name: str

    @property
    def photo(self) -> Path:
        """The photo's file."""
        return self.root / self.set_name / f"{self.name}.jpg"

    @property
    def place(self) -> str:
        """The photo's printable path inside the data set, without its ending."""
        return f"{self.set_name}/{self.title}"

    @property
    def subject(self) -> str:
        """The face of an original photo, as its set and its name without the number of the pose."""
        return f"{self.set_name.removesuffix(FLIPPED)}/{self.title.rpartition('_')[0]}"

    @property
    def title(self) -> str:
        """The printable name."""
        return printable_name(os.fsencode(self.name))

    def face(self) -> FittedFace:
        """The fit. Raises HeadwaterError naming what is wrong with its file."""
        return read_fitted_face(self.photo.with_suffix(".mat"))

    def points(self) -> NDArray[np.float64]:
        """The stored points (68, 2), px counted from 1 at pixels' centres. Raises as ``face``."""
        path = self.root / "landmarks" / self.set_name / f"{self.name}_pts.mat"
        if path.is_file():
            return read_mat(path, {"pts_3d": (68, 2)})["pts_3d"]
        return read_mat(self.photo.with_suffix(".mat"), {"pt2d": (2, 68)})["pt2d"].T


def pictures(root: Path) -> list[LpPicture]:
    """The photos of a folder, by set and name.

    Raises HeadwaterError where there is none, and for a set that may not be read.
    """
    sets = [name + end for name in SETS for end in ("", FLIPPED)]
    found = [
        LpPicture(root, name, path.stem)
        for name in sets
        for path in files_in(root / name)
        if path.suffix == ".jpg"
    ]
    if not found:
        raise HeadwaterError(
            f"{root}: holds none of the folders {', '.join(SETS)} with photos; name the folder "
            "300W_LP"
        )
    return found


def check_points(projected: NDArray[np.floating[Any]], stored: NDArray[np.floating[Any]]) -> float:
    """Mean distance of the fit's 68 points (68, 2 or 3) px from the stored ones (68, 2).

    Over the points inside the face, since those of its outline slide along it as the head turns,
    and as a share of the square root of the area of their bounding box. Raises ItemRejected where
    it is more than ``MOST_ERROR``.
    """
    ours, theirs = projected[IBUG_INSIDE, :2], stored[IBUG_INSIDE]
    size = box_size(theirs)
    if not size > 0:
        raise ItemRejected(
            RejectReason.FIT_FAILED, "The photo's stored points lie on one line or at one place."
        )
    error = alignment_nme(ours, theirs, size)
    if not error <= MOST_ERROR:
        raise ItemRejected(
            RejectReason.FIT_FAILED,
            f"The fitted face misses the photo's stored points by {100 * error:.4g} % of their "
            f"size; at most {100 * MOST_ERROR:.0f} % are taken.",
        )
    return float(error)


def check_shown(points: NDArray[np.floating[Any]], width: int, height: int) -> None:
    """Raise ItemRejected where a photo of this size shows no face at points (68, 2 or 3) px."""
    inside = ((points[:, :2] > 0.5) & (points[:, :2] < (width + 0.5, height + 0.5))).all(axis=1)
    if (count := int(inside.sum())) < LEAST_SHOWN:
        raise ItemRejected(
            RejectReason.FIT_FAILED,
            f"Of the fitted face's 68 points {count} lie in the photo; at least {LEAST_SHOWN} "
            "are wanted.",
        )
    if (size := box_size(points)) < LEAST_SIZE:
        raise ItemRejected(
            RejectReason.FIT_FAILED,
            f"The fitted face is {size:.1f} px large; at least {LEAST_SIZE:.0f} are wanted.",
        )
