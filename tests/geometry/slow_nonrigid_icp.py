"""Non-rigid ICP slowly: each step one dense least-squares problem, as the equations are printed."""

import numpy as np

from headwater.geometry.nonrigid_icp import KEYPOINT_STIFF_ROWS, STIFF_ROWS, Keypoints


def slow_nonrigid_icp(
    vertices: np.ndarray, faces: np.ndarray, targets: np.ndarray, keypoints: Keypoints | None
) -> np.ndarray:
    """The stages as one dense least-squares problem per step, nearest targets by all distances."""
    edges = {tuple(sorted(pair)) for a, b, c in faces for pair in ((a, b), (b, c), (c, a))}
    count, total = len(vertices), 0
    incidence = np.zeros((len(edges), count))
    for row, (start, end) in enumerate(sorted(edges)):
        incidence[row, start], incidence[row, end] = 1.0, -1.0
    points, maps, former = vertices, np.ones((4 * count, 3)), np.zeros((4 * count, 3))
    for stage in range(-1 if keypoints else 0, 3):
        steps = 0
        while np.linalg.norm(maps - former) > 0.5**stage and (steps < 11 or not keypoints):
            former, rows = maps, np.zeros((count, 4 * count))
            for i, point in enumerate(points):
                rows[i, 4 * i : 4 * i + 4] = [*point, 1.0]
            distances = np.linalg.norm(points[:, None] - targets, axis=2)
            near = distances.min(axis=1) < max(2 * distances.min(axis=1).mean(), 1.0)
            first = stage < 0
            alpha = 150.0 if first else 50.0 * np.exp(-0.5 * stage)
            stiff = alpha * np.kron(
                incidence, np.diag(KEYPOINT_STIFF_ROWS if first else STIFF_ROWS)
            )
            left, right = [stiff], [np.zeros((len(stiff), 3))]
            if not first:
                left.append(near[:, None] * rows)
                right.append(near[:, None] * targets[distances.argmin(axis=1)])
            if keypoints:
                weight = 50.0 if first else 5.0 * np.exp(-0.9 * total)
                left.append(weight * rows[keypoints.rows])
                right.append(weight * keypoints.places)
            system, sides = np.concatenate(left), np.concatenate(right)
            maps = np.linalg.solve(system.T @ system, system.T @ sides)
            points, steps, total = rows @ maps, steps + 1, total + 1
            if first:
                break
    return points
