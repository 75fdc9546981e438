"""Heads and views in memory, as every learned system takes them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headwater.faces.vocabulary import IBUG68_FROM_478, NOSE_BRIDGE, NOSE_TIP
from headwater.geometry.cameras import Camera, nearest_rotation
from headwater.heads.model import SurfacePoints

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class Views:
    """Images with cameras, each of a size of its own.

    images: n of (h, w, 3) uint8 sRGB. masks: n of (h, w) uint8, 0 or 255, head.
    K: (n, 3, 3) px; R: (n, 3, 3); t: (n, 3) mm: head frame to camera. float32.
    landmarks_478_px: (n, 478, 2) float32 px, the detector's; NaN where it found no face, and for
    points of a face that lie outside its photo.
    head: (n,) int32 index into heads (any number where there is no true head).
    split: (n,) str. estimated: (n,) bool, masks and cameras that were estimated from the image
    alone; the others are given.
    """

    images: tuple[NDArray[np.uint8], ...]
    masks: tuple[NDArray[np.uint8], ...]
    K: FloatArray
    R: FloatArray
    t: FloatArray
    landmarks_478_px: FloatArray
    head: NDArray[np.int32]
    split: NDArray[np.str_]
    estimated: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.images)

    def camera(self, row: int) -> Camera:
        """The camera of one view."""
        height, width = self.images[row].shape[:2]
        K, t = self.K[row].astype(np.float64), self.t[row].astype(np.float64)
        return Camera(K, nearest_rotation(self.R[row]), t, width, height)

    def without_images(self) -> "Views":
        """The same cameras and landmarks, with empty images and masks."""
        nothing = np.zeros((0, 0, 3), np.uint8), np.zeros((0, 0), np.uint8)
        return replace(self, images=(nothing[0],) * len(self), masks=(nothing[1],) * len(self))

    def choose(self, rows: NDArray[np.bool_] | NDArray[np.integer[Any]]) -> "Views":
        """The views of the given rows."""
        numbers = np.arange(len(self))[rows]
        return Views(
            tuple(self.images[i] for i in numbers),
            tuple(self.masks[i] for i in numbers),
            self.K[rows],
            self.R[rows],
            self.t[rows],
            self.landmarks_478_px[rows],
            self.head[rows],
            self.split[rows],
            self.estimated[rows],
        )


def joined(views: Sequence[Views]) -> Views:
    """Several sets of views as one, in order."""
    names = ("K", "R", "t", "landmarks_478_px", "head", "split", "estimated")
    return Views(
        tuple(image for one in views for image in one.images),
        tuple(mask for one in views for mask in one.masks),
        *(np.concatenate([getattr(one, name) for one in views]) for name in names),
    )


def stacked(cameras: Sequence[Camera]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """K (n, 3, 3), R (n, 3, 3) and t (n, 3) of cameras, as ``Views`` holds them."""
    return (
        np.stack([camera.K for camera in cameras]).astype(np.float32),
        np.stack([camera.R for camera in cameras]).astype(np.float32),
        np.stack([camera.t for camera in cameras]).astype(np.float32),
    )


@dataclass(frozen=True)
class Heads:
    """True heads: vertices (h, V, 3) float32 mm, head frame; subjects: (h,) str ids."""

    vertices: FloatArray
    subjects: NDArray[np.str_]


@dataclass(frozen=True)
class Template:
    """The topology: mean (V, 3) float32 mm, faces (F, 3) int32, surface (F,) uint8, 478 points."""

    mean: FloatArray
    faces: NDArray[np.int32]
    surface: NDArray[np.uint8]
    landmarks_478: SurfacePoints

    @cached_property
    def nose_bridge(self) -> FloatArray:
        """(3,) mm: between the eyes of the mean head."""
        return np.asarray(self.landmarks_478.on(self.mean)[NOSE_BRIDGE], dtype=np.float32)

    def landmarks_68(self, vertices: FloatArray) -> FloatArray:
        """(68, 3) landmarks of ``vertices`` (V, 3), same unit and frame."""
        return self.landmarks_478.on(vertices)[IBUG68_FROM_478]

    def nose_tip(self, vertices: FloatArray) -> FloatArray:
        """(3,) nose tip of ``vertices`` (V, 3)."""
        return np.asarray(self.landmarks_478.on(vertices)[NOSE_TIP], dtype=np.float32)


@dataclass(frozen=True)
class SdfSamples:
    """Signed distances round heads: points (h, m, 3) and distances (h, m), one unit; float32."""

    points: FloatArray
    distances: FloatArray
