"""A template as named arrays, for the weights file of a system that answers with its topology."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from headwater.artifacts.meshes import HEAD_EXTENT_MM, check_head_size, checked_mesh
from headwater.data.scenes import Template
from headwater.errors import HeadwaterError
from headwater.heads.model import Surface, SurfacePoints

LANDMARKS: Final = 478


def template_arrays(template: Template) -> dict[str, NDArray[Any]]:
    """The arrays of a template by name, each beginning with ``template.``."""
    points = template.landmarks_478
    return {
        "template.mean": template.mean,
        "template.faces": template.faces,
        "template.surface": template.surface,
        "template.landmark_triangles": points.triangles,
        "template.landmark_weights": points.weights,
    }


def template_among(arrays: Mapping[str, Any], source: str) -> Template:
    """The template of ``template_arrays`` among arrays or tensors by name.

    Raises HeadwaterError, which begins with ``source``, where they do not make a head, and
    KeyError where one is missing.
    """
    names = ("mean", "faces", "surface", "landmark_triangles", "landmark_weights")
    values: list[Any] = [np.asarray(arrays[f"template.{name}"]) for name in names]
    mean, faces, surface, triangles, weights = values
    checked_mesh(mean, faces, source)
    if not (
        (mean.shape, mean.dtype) == ((len(mean), 3), np.float32)
        and (faces.shape, faces.dtype) == ((len(faces), 3), np.int32)
        and (surface.shape, surface.dtype) == ((len(faces),), np.uint8)
        and triangles.shape == weights.shape == (LANDMARKS, 3)
        and (triangles.dtype, weights.dtype) == (np.int32, np.float32)
        and 0 <= triangles.min() <= triangles.max() < len(mean)
        and np.isin(surface, list(Surface)).all()
        and np.allclose(weights.sum(axis=1), 1.0, atol=1e-3)
    ):
        raise HeadwaterError(f"{source}: its template is none; train the weights again")
    check_head_size(mean, source)
    template = Template(mean, faces, surface, SurfacePoints(triangles, weights))
    low, high = HEAD_EXTENT_MM
    skin = mean[faces[surface == Surface.SKIN]].reshape(-1, 3)
    for points in (skin, template.landmarks_478.on(mean)):
        if not len(points) or not low <= np.ptp(points, axis=0).max() <= high:
            raise HeadwaterError(f"{source}: its template is none; train the weights again")
    return template
