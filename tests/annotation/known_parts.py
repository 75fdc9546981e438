"""Heads whose parts are known, and votes of renders that a faultless parser looks at."""

import numpy as np

from headwater.annotation.votes import view_votes
from headwater.faces.vocabulary import Part
from headwater.heads.model import HeadModel, Surface
from headwater.heads.part_map import part_map
from headwater.metrics.part_iou import seen_parts
from headwater.rendering.calibrate_landmarks import view_camera


def painted_parts(model: HeadModel) -> np.ndarray:
    """Part ids (V,) of the renderer's own painting; of two materials a vertex is of the skin."""
    surface = np.full(len(model.mean), Surface.EYE_SOCKET, np.uint8)
    for kind in sorted(Surface, reverse=True):
        surface[model.faces[model.surface == kind]] = kind
    return part_map(model.mean, model.faces, model.landmarks_478).part_ids(model.mean, surface)


def true_labels(model: HeadModel, vertices: np.ndarray, camera) -> np.ndarray:
    """Part ids (h, w) of a picture, exactly."""
    parts = part_map(model.mean, model.faces, model.landmarks_478)
    return seen_parts(vertices, model.faces, model.surface, model.mean, parts, camera)


def true_votes(model: HeadModel, image_px: int, yaws: tuple[float, ...]) -> np.ndarray:
    """Votes (V, 9) of pictures of the mean head from some sides, parsed without a fault."""
    total = np.zeros((len(model.mean), len(Part)))
    for yaw in yaws:
        camera = view_camera(yaw, 0.0, image_px)
        labels = true_labels(model, model.mean, camera)
        total += view_votes(labels, model.mean, model.faces, camera)
    return total


def often_seen(votes: np.ndarray, renders: int) -> np.ndarray:
    """Vertices (V,) that a tenth of the renders or more show: not the inside of a nostril."""
    return votes.sum(axis=1) > 0.05 * renders
