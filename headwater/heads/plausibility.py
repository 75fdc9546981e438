"""The one set of checks that a head model of any adapter passes before it is used.

``check_head_model`` has said before that its arrays fit each other; here a head is told from other
meshes, and from a head in another unit or another frame.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from headwater.artifacts.meshes import check_head_size, unit_mistaken
from headwater.errors import HeadwaterError
from headwater.faces import vocabulary as sets
from headwater.faces.vocabulary import LEFT_OUTER_EYE_CORNER, RIGHT_OUTER_EYE_CORNER
from headwater.heads.model import HeadModel

# Least ratio of a head's smallest to its largest extent: anny's has 0.60, ICT-FaceKit's 0.66.
THINNEST: Final = 0.25
# A vertex whose mirror image is further from any other vertex has no partner.
PARTNER_MM: Final = 5.0
WITHOUT_PARTNER: Final = 0.05
# Least and largest distance by which one unit of a coefficient may move a vertex.
LEAST_REACH_MM, FURTHEST_REACH_MM = 0.1, 200.0
# Limits of the distance between the outer corners of the eyes, and its value for adults.
OUTER_EYES_MM, TYPICAL_EYES_MM = (60.0, 140.0), 90.0
_AXES = "xyz"


def check_head(model: HeadModel, name: str, unit: str) -> None:
    """Raise HeadwaterError that begins with ``name`` unless the mean can be a head in mm.

    unit: of the files that the model was read from, a key of ``artifacts.meshes.UNITS_MM``, by
    which a wrong size is explained. Landmarks are not looked at.
    """
    check_head_size(model.mean, name, unit)
    extents = np.ptp(model.mean, axis=0)
    if extents.min() < THINNEST * extents.max():
        axis = int(extents.argmin())
        raise HeadwaterError(
            f"{name}: is flat: {extents[axis]:.3g} mm along {_AXES[axis]}, "
            f"{extents.max():.3g} mm along {_AXES[int(extents.argmax())]}; give a whole head"
        )
    gap, _ = cKDTree(model.mean).query(model.mean * (-1, 1, 1), distance_upper_bound=PARTNER_MM)
    if (share := float(np.isinf(gap).mean())) > WITHOUT_PARTNER:
        raise HeadwaterError(
            f"{name}: is not symmetric: {share:.0%} of the vertices of its mean have none within "
            f"{PARTNER_MM:g} mm of their mirror image; x must point to the subject's left"
        )
    for key, basis in (("shape", model.shape_basis), ("expression", model.expression_basis)):
        _check_reach(basis, f"{name}: {key}_basis")


def _check_reach(basis: NDArray[np.float32], name: str) -> None:
    """Raise HeadwaterError when a basis (n, V, 3) mm moves no vertex, or one out of the head."""
    if not len(basis):
        return
    reach = max(float(np.linalg.norm(moved, axis=1).max()) for moved in basis)
    if reach < LEAST_REACH_MM:
        raise HeadwaterError(
            f"{name} moves no vertex by more than {reach:.2g} mm; save displacements from the "
            "mean, in its unit"
        )
    if reach > FURTHEST_REACH_MM:
        raise HeadwaterError(
            f"{name} moves a vertex by {reach:.4g} mm; save displacements from the mean, "
            "in its unit"
        )


def check_face(model: HeadModel, name: str, unit: str) -> None:
    """Raise HeadwaterError that begins with ``name`` unless the 478 landmarks make an upright face.

    It must look along +z, with y up, and have the size of a face; ``unit`` as of ``check_head``.
    """
    points = model.landmarks_478
    triangles, weights = points.triangles, points.weights
    if not len(triangles) == len(weights) == sets.COUNT_478:
        raise HeadwaterError(f"{name}: has {len(triangles)} landmarks, not {sets.COUNT_478}")
    inside = (triangles >= 0).all(1) & (triangles < len(model.mean)).all(1)
    inside &= (weights >= -1e-3).all(1) & (np.abs(weights.sum(1) - 1) < 1e-3)
    if not inside.all():
        raise HeadwaterError(
            f"{name}: landmark {int(inside.argmin())} is not on a triangle of the mesh; "
            "calibrate its landmarks anew"
        )
    places = points.on(model.mean)
    apart = float(np.linalg.norm(places[LEFT_OUTER_EYE_CORNER] - places[RIGHT_OUTER_EYE_CORNER]))
    if not OUTER_EYES_MM[0] <= apart <= OUTER_EYES_MM[1]:
        raise HeadwaterError(
            f"{name}: its outer eye corners are {apart:.3g} mm apart; people's are "
            f"{OUTER_EYES_MM[0]:g} to {OUTER_EYES_MM[1]:g}: "
            f"{unit_mistaken(apart / TYPICAL_EYES_MM, unit)}"
        )
    _check_frame(places, name)


def _check_frame(places: NDArray[np.float32], name: str) -> None:
    """Raise HeadwaterError unless landmarks (478, 3) look along +z with the forehead up, +y."""
    upwards = places[sets.FOREHEAD] - places[sets.CHIN]
    outwards = np.cross(places[LEFT_OUTER_EYE_CORNER] - places[RIGHT_OUTER_EYE_CORNER], upwards)
    middle = (places[sets.FOREHEAD] + places[sets.CHIN]) / 2
    if outwards @ (places[sets.NOSE_TIP] - middle) < 0:
        raise HeadwaterError(f"{name}: is mirrored: x must point to the subject's left")
    if (looks := _axis(outwards)) != "+z":
        raise HeadwaterError(f"{name}: looks along {looks}; turn it so that it looks along +z")
    if (top := _axis(upwards)) != "+y":
        raise HeadwaterError(f"{name}: has its forehead towards {top}; turn it so that y is up")


def _axis(direction: NDArray[np.float32]) -> str:
    """The axis, with its sign, that a direction (3,) is closest to."""
    axis = int(np.abs(direction).argmax())
    return f"{'+' if direction[axis] > 0 else '-'}{_AXES[axis]}"
