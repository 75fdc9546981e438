"""The benchmark that judges every system: one head to a row of errors, many rows to figures.

For each subject make a ``TruthHead`` once, for each prediction a ``Prediction``, and call
``score``; ``headwater.metrics.summary`` turns the rows into flat metrics.
Truth and prediction may differ in topology: what they share is the 478 surface landmarks.
"""

from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from headwater.faces.vocabulary import IBUG68_FROM_478, NOSE_TIP
from headwater.geometry.triangles import Triangles
from headwater.metrics.face_regions import face_regions, region_means
from headwater.metrics.h3ds import (
    H3dsTruth,
    face_sphere,
    h3ds_score,
    landmarks_of,
)
from headwater.metrics.scan_to_mesh import (
    PredictedSurface,
    SurfaceError,
    reverse_error,
    scan_to_mesh_error,
)
from headwater.metrics.strata import GIVEN

NOT_CONVERGED: Final = "the rigid alignment did not converge"
NOT_A_SURFACE: Final = "the prediction is no finite surface"
NO_AREA: Final = "the prediction has no area near the face"
# Errors of a free mesh, and the errors of a head that are measured in the same way.
FREE_MESH: Final = {
    "free_mesh_mm": "face_scan_to_mesh_mm",
    "free_mesh_reverse_mm": "reverse_face_mm",
}

FloatArray = NDArray[np.floating[Any]]
IntArray = NDArray[np.integer[Any]]


class Prediction:
    """A predicted head, prepared once: the mean head, say, is compared with many.

    vertices: (V, 3) mm; faces: (F, 3), those that a scan would see (skin); landmarks_478: (478, 3)
    mm on it.
    """

    def __init__(self, vertices: FloatArray, faces: IntArray, landmarks_478: FloatArray) -> None:
        self.vertices = np.asarray(vertices, dtype=np.float64)
        self.landmarks_478 = np.asarray(landmarks_478, dtype=np.float64)
        self.surface = PredictedSurface(vertices, faces, self.landmarks_478[IBUG68_FROM_478])


@dataclass(frozen=True)
class TruthHead:
    """A true head, with its costly derived values computed once.

    vertices: (V, 3) mm; faces: (F, 3) of the surface that a scan would see (skin); only vertices
    of these faces are scored. landmarks_478: (478, 3) mm. expression_mm: its strength, see
    ``strata``. h3ds_face: indices of the benchmark's region "face" (face, ears, neck), on which it
    aligns whole heads; the face sphere where no such region was drawn.
    """

    subject: str
    vertices: FloatArray
    faces: IntArray
    landmarks_478: FloatArray
    expression_mm: float = 0.0
    h3ds_face: IntArray | None = None

    def __getstate__(self) -> dict[str, Any]:
        # Copies, and what another process gets, derive the rest themselves.
        return {one.name: getattr(self, one.name) for one in fields(self)}

    @cached_property
    def seen(self) -> IntArray:
        """Vertices that are scored."""
        return np.unique(self.faces)

    @cached_property
    def nose_tip(self) -> FloatArray:
        """(3,) mm."""
        return np.asarray(self.landmarks_478[NOSE_TIP])

    @cached_property
    def triangles(self) -> Triangles:
        """The true surface, for distances to it."""
        return Triangles(self.vertices, self.faces)

    @cached_property
    def regions(self) -> NDArray[np.int8]:
        """Region (V,) of every vertex."""
        return face_regions(self.vertices, self.landmarks_478)

    @cached_property
    def h3ds(self) -> H3dsTruth:
        """The head as the H3DS benchmark would give it: seen vertices only."""
        seen = np.asarray(self.vertices, dtype=np.float64)[self.seen]
        sphere = face_sphere(seen, self.nose_tip)
        face = sphere
        if self.h3ds_face is not None:
            face = np.searchsorted(self.seen, np.intersect1d(self.h3ds_face, self.seen))
        return H3dsTruth(seen, landmarks_of(self.landmarks_478), face, sphere)


@dataclass(frozen=True)
class BenchmarkRow:
    """Errors of one prediction; all NaN where ``failure`` says why there are none.

    views: how many images the prediction was made from; yaw_degrees, pitch_degrees: of the first
    one, by its true camera, NaN where it is not known. first_view: its number among the head's
    images, 0 being the frontal one. camera: GIVEN or ESTIMATED, of masks and cameras alike. size:
    of the system's network, where it has sizes. face_scan_to_mesh_mm: true to predicted surface,
    rigid, without scale. reverse_face_mm: the other way. f_score_*: at that distance. h3ds_*: the
    published protocol's scores. regions_mm: scan-to-mesh error of each of ``REGIONS``. parts_iou:
    as ``metrics.part_iou`` names them, %, where it was taken. free_mesh: errors of the answer's
    free mesh, by their names in ``FREE_MESH``, where it has one. heat: the distance of every true
    vertex of the face.
    """

    subject: str
    system: str
    views: int
    yaw_degrees: float
    expression_mm: float
    failure: str | None = None
    first_view: int = 0
    camera: str = GIVEN
    pitch_degrees: float = np.nan
    size: str | None = None
    face_scan_to_mesh_mm: float = np.nan
    reverse_face_mm: float = np.nan
    f_score_1mm: float = np.nan
    f_score_2mm: float = np.nan
    f_score_3mm: float = np.nan
    h3ds_face_mm: float = np.nan
    h3ds_head_mm: float = np.nan
    regions_mm: dict[str, float] = field(default_factory=dict)
    parts_iou: dict[str, float] = field(default_factory=dict)
    free_mesh: dict[str, float] = field(default_factory=dict)
    heat: SurfaceError | None = field(default=None, repr=False)


def score(
    truth: TruthHead,
    prediction: Prediction,
    *,
    system: str,
    views: int,
    yaw_degrees: float,
    first_view: int = 0,
    camera: str = GIVEN,
    pitch_degrees: float = np.nan,
    size: str | None = None,
) -> BenchmarkRow:
    """Both protocols, the regions and the reverse distance of one prediction.

    A prediction that is no surface, or that cannot be aligned, is a row with a ``failure``.
    """
    row = BenchmarkRow(
        truth.subject,
        system,
        views,
        yaw_degrees,
        truth.expression_mm,
        first_view=first_view,
        camera=camera,
        pitch_degrees=pitch_degrees,
        size=size,
    )
    surface = prediction.surface
    if not surface.sound:
        return replace(row, failure=NOT_A_SURFACE)
    forward = scan_to_mesh_error(
        truth.vertices,
        np.asarray(truth.landmarks_478)[IBUG68_FROM_478],
        truth.nose_tip,
        surface,
        seen=truth.seen,
    )
    if not forward.aligned:
        return replace(row, failure=NOT_CONVERGED)
    reverse = reverse_error(forward, truth.triangles, truth.nose_tip, surface)
    if not np.isfinite(reverse.mean_mm):
        return replace(row, failure=NO_AREA)
    published = h3ds_score(truth.h3ds, prediction.vertices, landmarks_of(prediction.landmarks_478))
    return replace(
        row,
        face_scan_to_mesh_mm=forward.mean_mm,
        reverse_face_mm=reverse.mean_mm,
        f_score_1mm=reverse.f_score(forward, 1.0),
        f_score_2mm=reverse.f_score(forward, 2.0),
        f_score_3mm=reverse.f_score(forward, 3.0),
        h3ds_face_mm=published.face_mm,
        h3ds_head_mm=published.head_mm,
        regions_mm=region_means(forward.distances, truth.regions[forward.region]),
        heat=forward,
    )
