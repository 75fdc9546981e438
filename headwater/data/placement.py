"""Placement of heads in the canonical space.

True heads: rigid Procrustes of a head's landmarks to the template's, without scale. Views: the
placement that explains the landmarks detected in them. One view hardly tells a head's size from its
distance, so the given cameras are believed up to the usual spread between a head's own frame and
its place in the canonical space.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from headwater.data.canonical import UNIT_MM, to_canonical
from headwater.data.scenes import Heads, SdfSamples, Template, Views
from headwater.faces.vocabulary import IBUG68_FROM_478, IBUG_POSE_WEIGHTS
from headwater.geometry.cameras import Camera
from headwater.geometry.pose import PosePrior, Sighting, solve_pose
from headwater.geometry.registration import Similarity, umeyama

FloatArray = NDArray[np.floating[Any]]

# Head frames have their origin between the ear canals; this is how far that frame stands from the
# landmarks' own, measured on 180 sampled heads.
SPREAD: Final = PosePrior(degrees=1.5, shift_mm=5.0)
# Landmarks of a person differ from the mean head's, jaw and lips the most and neighbours alike:
# one landmark says little, so its spread is wide. A share of the landmarks' extent in the image.
LANDMARK_SPREAD: Final = 0.1


def true_placement(landmarks_mm: FloatArray, template_mm: FloatArray) -> Similarity:
    """Rigid map from the head frame to the canonical one, from (68, 3) mm landmarks of both."""
    return umeyama(landmarks_mm, template_mm, with_scale=False)


def placement_from_views(
    template_mm: FloatArray,
    landmarks_px: FloatArray,
    cameras: Sequence[Camera],
) -> Similarity:
    """Rigid map from the head frame to the canonical one, from landmarks seen in N views.

    template_mm: (68, 3). landmarks_px: (N, 68, 2), NaN where none were detected, or are not seen.
    cameras: of the N views. A maximum a posteriori PnP; the identity when no view has landmarks.
    """
    seen = np.isfinite(landmarks_px).all(axis=2)
    views = np.flatnonzero(np.count_nonzero(seen, axis=1) > 1)
    if not len(views):
        return Similarity.identity()
    spreads = [LANDMARK_SPREAD * np.ptp(landmarks_px[i][seen[i]], axis=0).max() for i in views]
    sightings = [
        Sighting(cameras[i], np.nan_to_num(landmarks_px[i]), IBUG_POSE_WEIGHTS * seen[i] / spread)
        for i, spread in zip(views, spreads, strict=True)
    ]
    head = solve_pose(template_mm, sightings, Similarity.identity(), SPREAD)
    return head.inverse()


def true_placements(heads: Heads, template: Template) -> list[Similarity]:
    """Rigid maps of the heads from their own frames to the canonical one, by their landmarks."""
    wanted = template.landmarks_68(template.mean)
    return [true_placement(template.landmarks_68(v), wanted) for v in heads.vertices]


def canonical_heads(heads: Heads, template: Template) -> Tensor:
    """Vertices (h, V, 3) float32 of the heads, canonical units."""
    pairs = zip(true_placements(heads, template), heads.vertices, strict=True)
    placed = [placement.apply(vertices) for placement, vertices in pairs]
    return torch.from_numpy(to_canonical(np.stack(placed), template.nose_bridge))


def canonical_samples(samples: SdfSamples, heads: Heads, template: Template) -> SdfSamples:
    """Samples in mm, of the heads in their own frames, as canonical ones."""
    pairs = zip(true_placements(heads, template), samples.points, strict=True)
    placed = np.stack([placement.apply(points) for placement, points in pairs])
    return SdfSamples(
        to_canonical(placed, template.nose_bridge), (samples.distances / UNIT_MM).astype(np.float32)
    )


def place_views(views: Views, template: Template) -> Similarity:
    """Rigid map from the head frame to the canonical one, of the one head that all views show."""
    return placement_from_views(
        template.landmarks_68(template.mean),
        views.landmarks_478_px[:, IBUG68_FROM_478],
        [views.camera(i) for i in range(len(views))],
    )


def in_canonical_frame(views: Views, placement: Similarity) -> Views:
    """The views with cameras that map from the canonical frame, in mm, instead of the head's."""
    back = placement.inverse()
    rotations = views.R.astype(np.float64) @ back.rotation
    translations = views.R.astype(np.float64) @ back.translation + views.t
    return replace(views, R=rotations.astype(np.float32), t=translations.astype(np.float32))


def placed_views(views: Views, template: Template) -> Views:
    """The views with canonical cameras, each placed by itself as a lone photo would be."""
    single = [views.choose(np.array([row])) for row in range(len(views))]
    placed = [in_canonical_frame(view, place_views(view, template)) for view in single]
    return replace(
        views, R=np.concatenate([v.R for v in placed]), t=np.concatenate([v.t for v in placed])
    )
