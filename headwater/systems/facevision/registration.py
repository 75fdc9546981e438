"""The template bent to the mesh of a map: nearest codes, and a sparse linear solve.

Which vertices have a target differs from head to head, and so does the system's matrix. That of a
head all of whose vertices have targets is factored once, as the preconditioner of conjugate
gradients.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, diags_array
from scipy.sparse.linalg import LinearOperator, SuperLU, cg, splu
from scipy.spatial import cKDTree

from headwater.data.face_codes import FaceCut
from headwater.data.scenes import Template
from headwater.systems.facevision.mesh import edges_of

Points = NDArray[np.floating[Any]]
Float64Array = NDArray[np.float64]

# Most iterations of conjugate gradients, which come as far as ten solves that hold vertices without
# targets in place; and the relative residual at which they end.
STEPS: Final = 4
TOLERANCE: Final = 1e-6
# Weight of a target against the bending energy, and of a vertex' own place where it has no target:
# components that no map shows, such as teeth, stay beside the face.
PULL: Final = 0.1
STAY: Final = 1e-4
# Largest distance of a vertex from its target's place, on the mean head.
REACH_MM: Final = 6.0


@dataclass(frozen=True)
class Registration:
    """Bends the template to a mesh with codes.

    Minimises |L (x - x0)|^2 + sum_i w_i |x_i - y_i|^2, with L the umbrella Laplacian, x0 the placed
    template, and y the targets, or a vertex' place in x0 where it has none.
    """

    template: Template
    cut: FaceCut

    @cached_property
    def _bending(self) -> csc_array:
        count = len(self.template.mean)
        edges = edges_of(self.template.faces, count)
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
        """The registration, its matrix factored."""
        _ = self._factors
        return self

    def registered(self, start: Points, points: Points, places: Points) -> Float64Array:
        """Vertices (V, 3), mm, of the template, placed at ``start`` (V, 3), bent to a mesh.

        points: (n, 3), vertices of the mesh, mm. places: (n, 3), their places on the mean head by
        their codes, mm.
        """
        x0 = np.asarray(start, np.float64)
        distance, nearest = cKDTree(places).query(self.cut.mean, distance_upper_bound=REACH_MM)
        found = np.isfinite(distance)
        rows = self.cut.vertex[found]
        weights, wanted = np.full(len(x0), STAY), np.zeros_like(x0)
        weights[rows] = PULL
        wanted[rows] = PULL * (points[nearest[found]] - x0[rows])
        # All three coordinates at once: one solve of three columns costs half of three solves.
        size = (x0.size, x0.size)
        matrix = LinearOperator(size, matvec=lambda x: self._pulled(x.reshape(x0.shape), weights))
        solve = LinearOperator(size, matvec=lambda x: self._factors.solve(x.reshape(x0.shape)))
        move, _ = cg(matrix, wanted.ravel(), rtol=TOLERANCE, maxiter=STEPS, M=solve)
        return x0 + move.reshape(x0.shape)

    def _pulled(self, x: Float64Array, weights: Float64Array) -> Float64Array:
        """(L^T L + W) x for x (V, 3) and weights (V,)."""
        return np.asarray(self._bending @ x + weights[:, None] * x)
