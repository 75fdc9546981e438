"""OpenCV pinhole cameras: ``x_cam = R x_head + t`` in mm, z forward, y down.

Pixel coordinates are continuous: the centre of the top left pixel is (0.5, 0.5), and K is in
pixels of the stored image.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from headwater.errors import HeadwaterError

Float64Array = NDArray[np.float64]

SMALLEST_FOCAL_PX: Final = 1e-3


@dataclass(frozen=True)
class Camera:
    """One calibrated view.

    K: (3, 3) float64 intrinsics, px. R: (3, 3) float64 rotation from the head frame to the
    camera. t: (3,) float64 mm. width, height: size of the image in px.
    """

    K: Float64Array
    R: Float64Array
    t: Float64Array
    width: int
    height: int

    @property
    def centre(self) -> Float64Array:
        """Position (3,) of the camera in the head frame, mm."""
        position: Float64Array = -self.R.T @ self.t
        return position


def check_camera(camera: Camera, name: str = "camera", rotation_tolerance: float = 1e-5) -> None:
    """Raise ``HeadwaterError`` for a camera that cannot be, naming the field.

    rotation_tolerance: of the entries of R R^T, from those of the identity.
    """
    K, R, t = camera.K, camera.R, camera.t
    if K.shape != (3, 3) or R.shape != (3, 3) or t.shape != (3,):
        raise HeadwaterError(
            f"{name}: K {K.shape}, R {R.shape}, t {t.shape} must be (3, 3), (3, 3), (3,)"
        )
    for label, array in (("K", K), ("R", R), ("t", t)):
        if not np.isfinite(array).all():
            raise HeadwaterError(f"{name}: {label} contains NaN or infinity")
    if camera.width < 1 or camera.height < 1:
        raise HeadwaterError(f"{name}: image size {camera.width} x {camera.height} is empty")
    if not np.array_equal(K[2], (0.0, 0.0, 1.0)):
        raise HeadwaterError(f"{name}: the last row of K must be 0 0 1, not {K[2].tolist()}")
    if K[0, 0] < SMALLEST_FOCAL_PX or K[1, 1] < SMALLEST_FOCAL_PX or abs(K[1, 0]) > 1e-9:
        raise HeadwaterError(
            f"{name}: K must be upper triangular with positive focal lengths, not {K.tolist()}"
        )
    if np.abs(R @ R.T - np.eye(3)).max() > rotation_tolerance:
        raise HeadwaterError(f"{name}: R is not a rotation, R R^T differs from the identity")
    if np.linalg.det(R) < 0:
        raise HeadwaterError(f"{name}: R mirrors (determinant -1); is one of the axes flipped?")


def project(camera: Camera, points: ArrayLike) -> tuple[Float64Array, Float64Array]:
    """Pixels (n, 2) and z-depth (n,) mm of head-frame points (n, 3) mm.

    Points behind the camera have a negative depth; their pixels mean nothing.
    """
    in_camera = np.asarray(points, dtype=np.float64) @ camera.R.T + camera.t
    depth = in_camera[:, 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        homogeneous = in_camera / depth[:, None]
    return homogeneous @ camera.K[:2].T, depth


def projection_slopes(camera: Camera, points: ArrayLike) -> tuple[Float64Array, Float64Array]:
    """Pixels (n, 2) of points (n, 3) mm, and how they change with the points (n, 2, 3), px per mm.

    With p = R x + t the derivative of u is (K[:2] - u e_z^T) R / p_z.
    """
    pixels, depth = project(camera, points)
    by_camera = camera.K[:2] - pixels[:, :, None] * np.array([0.0, 0.0, 1.0])
    return pixels, by_camera @ camera.R / depth[:, None, None]


def unproject(camera: Camera, pixels: ArrayLike, depth: ArrayLike) -> Float64Array:
    """Head-frame points (n, 3) mm at pixels (n, 2) with z-depth (n,) mm; inverts ``project``."""
    distance = np.asarray(depth, dtype=np.float64)
    in_camera = _camera_directions(camera, np.asarray(pixels, np.float64)) * distance[:, None]
    points: Float64Array = (in_camera - camera.t) @ camera.R
    return points


def look_at(
    position: ArrayLike, target: ArrayLike, roll_degrees: float = 0.0
) -> tuple[Float64Array, Float64Array]:
    """Rotation (3, 3) and translation (3,) mm of a camera at ``position`` that sees ``target``.

    Both are head-frame points (3,) mm. The head's y axis points up in the image; a positive roll
    turns the image content clockwise.
    """
    eye = np.asarray(position, dtype=np.float64)
    forward = np.asarray(target, dtype=np.float64) - eye
    length = np.linalg.norm(forward)
    right = np.cross(forward, (0.0, 1.0, 0.0))
    if length == 0.0 or np.linalg.norm(right) < 1e-9 * length:
        raise HeadwaterError("look_at: the target lies at, straight above or below the camera")
    forward /= length
    right /= np.linalg.norm(right)
    upright = np.stack([right, np.cross(forward, right), forward])
    R = _turn(np.deg2rad(roll_degrees)) @ upright
    return R, -R @ eye


def transform_image(camera: Camera, affine: ArrayLike, width: int, height: int) -> Camera:
    """The camera of an image warped by ``affine`` (2, 3), which maps old pixels to new ones.

    A rotation of the image becomes a roll of R, so K stays upper triangular (RQ decomposition).
    Mirroring has no camera and is refused.
    """
    warp = np.asarray(affine, dtype=np.float64)
    if warp.shape != (2, 3) or not np.isfinite(warp).all() or np.linalg.det(warp[:, :2]) <= 0:
        raise HeadwaterError(
            "transform_image: needs a finite (2, 3) transform that does not mirror or collapse"
        )
    focal = warp[:, :2] @ camera.K[:2, :2]
    roll = np.arctan2(focal[1, 0], focal[1, 1])
    turn = _turn(roll)
    K = np.eye(3)
    K[:2, :2] = focal @ turn[:2, :2].T
    K[1, 0] = 0.0
    K[:2, 2] = warp[:, :2] @ camera.K[:2, 2] + warp[:, 2]
    return Camera(K, turn @ camera.R, turn @ camera.t, width, height)


def nearest_rotation(matrix: ArrayLike) -> Float64Array:
    """The rotation (3, 3) nearest to a nearly orthonormal matrix, as rounding leaves one."""
    u, _, v = np.linalg.svd(np.asarray(matrix, np.float64))
    rotation: Float64Array = u @ np.diag([1.0, 1.0, np.linalg.det(u @ v)]) @ v
    return rotation


def rotation_angle_degrees(first: ArrayLike, second: ArrayLike) -> float:
    """Angle in degrees of the rotation that takes one (3, 3) rotation to the other."""
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    # From the chord rather than the trace, which loses all digits near zero degrees.
    half_chord = np.linalg.norm(a - b) / np.sqrt(8.0)
    return float(np.rad2deg(2.0 * np.arcsin(min(half_chord, 1.0))))


def frontal_angle_degrees(rotation: ArrayLike) -> float:
    """Angle in degrees between where a head looks and the camera's axis; 0 is frontal.

    rotation: (3, 3), head frame to camera. Roll does not count.
    """
    towards = -float(np.asarray(rotation, dtype=np.float64)[2, 2])
    return float(np.rad2deg(np.arccos(np.clip(towards, -1.0, 1.0))))


def _camera_directions(camera: Camera, pixels: Float64Array) -> Float64Array:
    """Camera-frame directions (n, 3) of pixels (n, 2), with z = 1."""
    homogeneous = np.column_stack([pixels, np.ones(len(pixels))])
    directions: Float64Array = np.linalg.solve(camera.K, homogeneous.T).T
    return directions


def _turn(angle: float) -> Float64Array:
    """Rotation (3, 3) about the viewing axis that turns x towards y (clockwise on the image)."""
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])
