"""The morphable model of 300W-LP and AFLW2000-3D, and the faces that were fitted with it.

The face of the Basel Face Model 2009, with FaceWarehouse's expressions, from the user's own files
``Model_Shape.mat`` and ``Model_Expression.mat`` (or ``Model_Exp.mat``): vertices in micrometres, x
to the subject's left, y up, z out of the face. Points of a picture are in px, 1 at the centre of
the top left pixel, x to the right, y down, z towards the viewer.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from headwater.artifacts.mat_files import read_mat
from headwater.errors import HeadwaterError
from headwater.geometry.cameras import Camera
from headwater.geometry.registration import Similarity

SHAPES: Final = 199
EXPRESSIONS: Final = 29
UNITS_PER_MM: Final = 1000.0
# Shift from the data set's px, 1 at the centre of the first pixel, to ours, 0.5 there.
TO_OUR_PX: Final = -0.5
_MAX_BYTES: Final = 2**30
_FAR_MM: Final = 20_000.0
_MOST_VERTICES: Final = 200_000

FloatArray = NDArray[np.floating[Any]]
Float64Array = NDArray[np.float64]


@dataclass(frozen=True)
class FittedFace:
    """The face that was fitted to a picture: shape (199,) and expression (29,) coefficients, pose.

    angles: (3,) pitch, yaw and roll, radians. translation: (3,) px. scale: px per micrometre.
    """

    shape: Float64Array
    expression: Float64Array
    angles: Float64Array
    translation: Float64Array
    scale: float

    @property
    def yaw_degrees(self) -> float:
        """Yaw of the head, degrees."""
        return float(np.rad2deg(self.angles[1]))

    @property
    def rotation(self) -> Float64Array:
        """Rotation (3, 3) from the model's axes to the viewer's: Rx(-pitch) Ry(-yaw) Rz(-roll)."""
        return np.asarray(Rotation.from_euler("XYZ", -self.angles).as_matrix())

    def camera(self, place: Similarity, width: int, height: int) -> Camera:
        """The camera that sees the face where the picture shows it, in our px and mm.

        place: rigid map of the face, in mm, to the frame of the camera's extrinsics. The camera is
        so far away that it differs from the fit's orthographic projection by half a percent.
        """
        turn = np.diag([1.0, -1.0, -1.0]) @ self.rotation @ place.rotation.T
        t = np.array([0.0, 0.0, _FAR_MM]) - turn @ place.translation
        focal = UNITS_PER_MM * self.scale * _FAR_MM
        x, y = self.translation[0], height + 1.0 - self.translation[1]
        K = np.array([[focal, 0, x + TO_OUR_PX], [0, focal, y + TO_OUR_PX], [0, 0, 1.0]])
        return Camera(K, turn, t, width, height)

    def in_picture(self, vertices: FloatArray, height: int) -> Float64Array:
        """Points (n, 3), px of a picture of this height in px, of the model's vertices (n, 3)."""
        placed = self.scale * vertices @ self.rotation.T + self.translation
        return np.asarray(placed * (1.0, -1.0, 1.0) + (0.0, height + 1.0, 0.0))


@dataclass(frozen=True)
class BaselFace:
    """A linear face model: mean (V, 3), shapes (V, 3, 199) and expressions (V, 3, 29), micrometres.

    faces: (F, 3) int64. keypoints: (68,) int64, the vertices at the iBUG-68 points.
    """

    mean: Float64Array
    faces: NDArray[np.int64]
    shapes: NDArray[np.float32]
    expressions: NDArray[np.float32]
    keypoints: NDArray[np.int64]

    def vertices(self, face: FittedFace) -> Float64Array:
        """Vertices (V, 3) of a face in the model's frame, micrometres."""
        moved = self.shapes @ face.shape.astype(np.float32)
        moved += self.expressions @ face.expression.astype(np.float32)
        return np.asarray(self.mean + moved)

    def choose(self, rows: NDArray[np.int64]) -> "BaselFace":
        """The model of some vertices (n,) alone, without faces and keypoints."""
        nothing = np.zeros(0, np.int64)
        return BaselFace(
            self.mean[rows],
            nothing.reshape(0, 3),
            self.shapes[rows],
            self.expressions[rows],
            nothing,
        )


def read_basel_face(folder: Path) -> BaselFace:
    """The model of a folder. Raises HeadwaterError naming a missing or wrong file."""
    shape = read_mat(
        folder / "Model_Shape.mat",
        {
            "mu_shape": (None, 1),
            "w": (None, SHAPES),
            "tri": (3, None),
            "keypoints": (1, 68),
        },
        _MAX_BYTES,
    )
    path = folder / "Model_Expression.mat"
    path = path if path.exists() else folder / "Model_Exp.mat"
    expression = read_mat(path, {"mu_exp": (None, 1), "w_exp": (None, EXPRESSIONS)}, _MAX_BYTES)
    count = len(shape["mu_shape"]) // 3
    lengths = {len(shape["mu_shape"]), len(shape["w"])}
    lengths |= {len(expression["mu_exp"]), len(expression["w_exp"])}
    if lengths != {3 * count} or not 68 <= count <= _MOST_VERTICES:
        raise HeadwaterError(f"{path}: is of another mesh than Model_Shape.mat; name one model")
    return BaselFace(
        (shape["mu_shape"] + expression["mu_exp"]).reshape(count, 3),
        _rows(shape["tri"].T, count, folder, "tri"),
        shape["w"].reshape(count, 3, SHAPES).astype(np.float32),
        expression["w_exp"].reshape(count, 3, EXPRESSIONS).astype(np.float32),
        _rows(shape["keypoints"][0], count, folder, "keypoints"),
    )


def read_fitted_face(path: Path) -> FittedFace:
    """The fitted face of a ``.mat`` file. Raises HeadwaterError naming what is wrong with it."""
    found = read_mat(
        path, {"Shape_Para": (SHAPES, 1), "Exp_Para": (EXPRESSIONS, 1), "Pose_Para": (1, 7)}
    )
    pose = found["Pose_Para"][0]
    if not pose[6] > 0:
        raise HeadwaterError(f"{path}: Pose_Para has the scale {pose[6]:g}; fetch it again")
    return FittedFace(
        found["Shape_Para"][:, 0], found["Exp_Para"][:, 0], pose[:3], pose[3:6], float(pose[6])
    )


def _rows(numbers: Float64Array, count: int, folder: Path, name: str) -> NDArray[np.int64]:
    """Vertex numbers from 0, of MATLAB's from 1. Raises HeadwaterError for those out of range."""
    wrong = numbers[(numbers < 1) | (numbers > count) | (numbers % 1 != 0)]
    if wrong.size or not numbers.size:
        what = f"names vertex {wrong[0]:g} of {count}" if wrong.size else "is empty"
        raise HeadwaterError(f"{folder / 'Model_Shape.mat'}: {name} {what}; fetch it again")
    return np.asarray(numbers.astype(np.int64) - 1)
