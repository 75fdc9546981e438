"""Two extractions of a head that differ in code alone, outside of the package of all tests.

A fingerprint over code that is not the project's counts its whole top-level package: over a
function of ``tests`` that would be every test.
"""

import numpy as np

from headwater.heads.model import HeadModel
from headwater.heads.store import NO_POINTS


def extracted_so() -> HeadModel:
    """A tetrahedron under the licence "one"."""
    return tetrahedron("one")


def extracted_otherwise() -> HeadModel:
    """The same under the licence "two"."""
    return tetrahedron("two")


def tetrahedron(licence: str) -> HeadModel:
    """A head of four vertices, 100 mm long, without shapes and expressions."""
    corners = np.eye(4, 3, dtype=np.float32) * 100
    faces = np.array([[0, 1, 2], [0, 3, 1], [1, 3, 2], [0, 2, 3]], np.int32)
    none = np.zeros((0, 4, 3), np.float32)
    return HeadModel(
        name="toy",
        licence=licence,
        fingerprint="",
        mean=corners,
        faces=faces,
        surface=np.zeros(4, np.uint8),
        shape_basis=none,
        shape_names=(),
        shape_scale=np.zeros(0, np.float32),
        expression_basis=none,
        expression_names=(),
        prior="gaussian",
        landmarks_478=NO_POINTS,
    )
