"""Errors of the pipeline's detections in one rendered view."""

from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headwater.faces.affine import labels_in_frame, map_points
from headwater.faces.vocabulary import FACE_PARTS, ibug68, outer_eye_distance
from headwater.geometry.cameras import Camera, rotation_angle_degrees, transform_image
from headwater.metrics.landmarks import normalised_mean_error
from headwater.metrics.regions import intersection_over_union, part_intersection_over_union

PART_NAMES: Final = tuple(part.name.lower() for part in FACE_PARTS)


@dataclass(frozen=True)
class ViewTruth:
    """Exact truth of a rendered view, in its own pixels.

    landmarks_478_px: (478, 2) float32. mask: (H, W) bool, of the bare head. parts: (H, W) uint8 ids
    0 to 8 of what the view shows, where no hair and nothing that is worn lies over them. camera:
    head frame to the view.
    """

    landmarks_478_px: NDArray[np.float32]
    mask: NDArray[np.bool_]
    parts: NDArray[np.uint8]
    camera: Camera


@dataclass(frozen=True)
class ViewDetections:
    """Detections of the pipeline in the frame cut from a view, in the frame's pixels.

    frame_from_photo: (2, 3) float64, view pixels to frame pixels. landmarks_478_px: (478, 2).
    mask: (h, w) bool, parts: (h, w) uint8, rotation: (3, 3) camera from head; None where the step
    rejected the frame.
    """

    frame_from_photo: NDArray[np.float64]
    width: int
    height: int
    landmarks_478_px: NDArray[np.float32]
    mask: NDArray[np.bool_] | None
    parts: NDArray[np.uint8] | None
    rotation: NDArray[np.float64] | None


@dataclass(frozen=True)
class ViewErrors:
    """Errors of one view; NaN where there is nothing to compare.

    The landmark errors are mean distances in percent of the true outer eye-corner distance.
    part_iou: (8,) in the order of ``PART_NAMES``; NaN for a part that is in neither image.
    """

    landmark_68_nme_percent: float
    landmark_478_nme_percent: float
    mask_iou: float
    part_iou: NDArray[np.float64]
    camera_rotation_degrees: float

    @property
    def part_iou_mean(self) -> float:
        """Mean over the parts that either image has."""
        present = self.part_iou[np.isfinite(self.part_iou)]
        return float(present.mean()) if len(present) else float("nan")


SCALAR_ERRORS: Final = (
    *(field.name for field in fields(ViewErrors) if field.type is float),
    "part_iou_mean",
)


def compare_view(truth: ViewTruth, detected: ViewDetections) -> ViewErrors:
    """Errors of one view, measured in the pixels of its frame."""
    affine, size = detected.frame_from_photo, (detected.width, detected.height)
    known = map_points(affine, truth.landmarks_478_px)
    nan = float("nan")
    mask_iou, part_iou, rotation = nan, np.full(len(PART_NAMES), nan), nan
    if detected.mask is not None:
        mask = labels_in_frame(truth.mask.astype(np.uint8), affine, *size)
        mask_iou = intersection_over_union(detected.mask, mask > 0)
    if detected.parts is not None:
        parts = labels_in_frame(truth.parts, affine, *size)
        part_iou = part_intersection_over_union(detected.parts, parts, len(PART_NAMES))[1:]
    if detected.rotation is not None:
        camera = transform_image(truth.camera, affine, *size)
        rotation = rotation_angle_degrees(detected.rotation, camera.R)
    return ViewErrors(
        100.0 * normalised_mean_error(ibug68(detected.landmarks_478_px), ibug68(known)),
        _nme_478_percent(detected.landmarks_478_px, known),
        mask_iou,
        part_iou,
        rotation,
    )


def _nme_478_percent(detected: NDArray[np.float32], known: NDArray[np.float32]) -> float:
    distances = np.linalg.norm(detected.astype(np.float64) - known, axis=1)
    return 100.0 * float(distances.mean()) / outer_eye_distance(ibug68(known))
