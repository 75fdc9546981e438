"""The template bent to a map's mesh: nearest codes, and a Laplacian solve factored once."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, diags_array
from scipy.sparse.linalg import SuperLU, splu
from scipy.spatial import cKDTree

from headwater.data.face_codes import FaceCut
from headwater.data.scenes import Template
from headwater.systems.facevision.mesh import neighbours

Points = NDArray[np.floating[Any]]
Float64Array = NDArray[np.float64]

OUTER_STEPS: Final = 10
# Pull of a target against the bending of the template, and of a vertex' own place where it has no
# target: shells that no map shows, as the teeth, stay beside the face.
PULL: Final = 0.1
STAY: Final = 1e-4
# A vertex whose code no pixel comes near has no target.
REACH_MM: Final = 6.0


@dataclass(frozen=True)
class Registration:
    """Bends the template of ``cut`` to points with codes.

    Minimises |L (x - x0)|^2 + sum_i w_i |x_i - y_i|^2, L the umbrella Laplacian and x0 the template
    where it stands, with y the targets and, of vertices without one, their last places: the matrix
    is the same for every head and every step.
    """

    template: Template
    cut: FaceCut

    @cached_property
    def _bending(self) -> csc_array:
        count = len(self.template.mean)
        edges = neighbours(self.template.faces, count)
        edges.data[:] = 1.0
        degree = np.maximum(edges.sum(axis=1), 1.0)
        laplacian = diags_array(np.ones(count)) - diags_array(1.0 / degree) @ edges
        return csc_array(laplacian.T @ laplacian)

    @cached_property
    def _weights(self) -> Float64Array:
        weights = np.full(len(self.template.mean), STAY)
        weights[self.cut.vertex] = PULL
        return weights

    @cached_property
    def _factors(self) -> SuperLU:
        return splu(csc_array(self._bending + diags_array(self._weights)))

    def prepared(self) -> "Registration":
        """Itself, with the matrix factored."""
        _ = self._factors
        return self

    def registered(self, start: Points, points: Points, places: Points) -> Float64Array:
        """Vertices (V, 3) mm of the template that stands at ``start`` (V, 3), bent to a mesh.

        points: (n, 3) mm of the mesh. places: (n, 3) mm on the mean head, as their codes say.
        """
        x0 = np.asarray(start, np.float64)
        distance, nearest = cKDTree(places).query(self.cut.mean, distance_upper_bound=REACH_MM)
        found = np.isfinite(distance)
        rows = self.cut.vertex[found]
        right = self._bending @ x0
        x = x0.copy()
        for _ in range(OUTER_STEPS):
            targets = x.copy()
            targets[rows] = points[nearest[found]]
            x = self._factors.solve(right + self._weights[:, None] * targets)
        return x
