"""Shift of a face's landmarks when its photo is framed, turned, mirrored, resized or spoilt."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headwater.errors import ItemRejected
from headwater.faces.affine import inverted, map_points
from headwater.faces.face_search import FaceDetector
from headwater.faces.frame_landmarks import landmarks_of_crop
from headwater.faces.photo_path import face_frame
from headwater.faces.vocabulary import MIRROR_PARTNERS, ibug68, outer_eye_distance
from headwater.quality.variants import Picture, variants

PREFIX: Final = "same_face_"
LOST: Final = f"{PREFIX}lost_count"
ALL: Final = f"{PREFIX}all_percent_mean"

Shifts = dict[str, float | None]


def landmark_shifts(photo: Picture, frame_px: int, detector: FaceDetector) -> Shifts:
    """Mean shift of the 478 landmarks of a photo (H, W, 3), by name of its variant.

    In percent of the outer eye-corner distance, mapped back into the photo; None for a variant in
    which no face is detected. Raises ItemRejected when the photo itself shows none.
    """
    own = _landmarks(photo, frame_px, detector)
    eyes = outer_eye_distance(ibug68(own))
    shifts: Shifts = {}
    for variant in variants(photo):
        try:
            points = _landmarks(variant.image, frame_px, detector)
        except ItemRejected:
            shifts[variant.name] = None
            continue
        points = points[MIRROR_PARTNERS] if variant.mirrored else points
        back = map_points(inverted(variant.from_photo), points).astype(np.float64)
        shifts[variant.name] = 100 * float(np.linalg.norm(back - own, axis=1).mean()) / eyes
    return shifts


def shift_figures(photos: Iterable[Mapping[str, float | None]]) -> dict[str, float]:
    """Figures of several photos' shifts: mean and worst by variant, all, and how many were lost."""
    by_name: dict[str, list[float]] = {}
    lost = 0
    for name, shift in (pair for photo in photos for pair in photo.items()):
        if shift is None:
            lost += 1
        else:
            by_name.setdefault(name, []).append(shift)
    figures = {LOST: float(lost)}
    if by_name:
        figures[ALL] = float(np.mean([shift for shifts in by_name.values() for shift in shifts]))
    for name, shifts in by_name.items():
        figures[f"{PREFIX}{name}_percent_mean"] = float(np.mean(shifts))
        figures[f"{PREFIX}{name}_percent_worst"] = max(shifts)
    return figures


def shift_rows(figures: Mapping[str, float]) -> Iterator[tuple[str, float, float]]:
    """Kind of change, mean and worst shift, %, of the figures that ``shift_figures`` gave."""
    for variant in variants(np.zeros((2, 2, 3), np.uint8)):
        name = f"{PREFIX}{variant.name}_percent"
        if f"{name}_mean" in figures:
            yield variant.kind, figures[f"{name}_mean"], figures[f"{name}_worst"]


def _landmarks(photo: Picture, frame_px: int, detector: FaceDetector) -> NDArray[np.float32]:
    """The pipeline's landmarks (478, 2) float32 of a photo, in px of it."""
    frame = face_frame(photo, frame_px, detector)
    landmarks = landmarks_of_crop(frame.crop, frame.image.shape[0], detector)
    return map_points(inverted(frame.from_photo), landmarks)[:, :2]
