"""REALY's error slowly: the prediction is moved step by step, nearest points are trimesh's."""

import numpy as np
import trimesh

from headwater.geometry.nonrigid_icp import Keypoints
from headwater.metrics.realy import (
    BENDING,
    GLOBAL,
    RIGID,
    RealyScan,
    RealyTemplate,
)
from tests.geometry.slow_nonrigid_icp import slow_nonrigid_icp


def slow_realy_error(
    name: str, scan: RealyScan, template: RealyTemplate, vertices: np.ndarray
) -> float:
    """Error in mm of one region of a prediction (V, 3) with the template's faces."""
    known = scan.keypoints
    turn, shift, scale = fitted(_on(template, vertices)[list(GLOBAL)], known[list(GLOBAL)], True)
    moved = scale * vertices @ turn.T + shift
    region, chosen = scan.regions[name], list(RIGID[name])
    rate = len(region.vertices) / len(chosen) / (4 if name == "cheek" else 1)
    former = 0.0
    for _ in range(100):
        mesh = trimesh.Trimesh(moved, template.faces, process=False)
        ours = [mesh.nearest.on_surface(region.vertices)[0]]
        ours += [_on(template, moved)[chosen]] * int(rate)
        theirs = np.concatenate([region.vertices, *[known[chosen]] * int(rate)])
        points = np.concatenate(ours)
        turn, shift, _ = fitted(points, theirs, False)
        error = ((points @ turn.T + shift - theirs) ** 2).sum(axis=1).mean()
        if abs(error - former) < 1e-6:
            break
        moved, former = moved @ turn.T + shift, error
    mesh = trimesh.Trimesh(moved, template.faces, process=False)
    piece = trimesh.Trimesh(region.vertices, region.faces, process=True)
    keypoints, bending = None, list(BENDING[name])
    if bending:
        rows = piece.nearest.vertex(known[bending])[1]
        keypoints = Keypoints(rows, _on(template, moved)[bending])
    scanned = np.asarray(piece.vertices)
    targets = mesh.nearest.on_surface(scanned)[0]
    bent = slow_nonrigid_icp(scanned, np.asarray(piece.faces), targets, keypoints)
    apart = mesh.nearest.on_surface(bent)[0] - scanned
    return scan.metrical_scale * float(np.sqrt((apart**2).sum(axis=1)).mean())


def fitted(
    source: np.ndarray, target: np.ndarray, with_scale: bool
) -> tuple[np.ndarray, np.ndarray, float]:
    """Rotation, shift and scale of points (n, 3) onto others, by a singular value decomposition."""
    a, b = source - source.mean(axis=0), target - target.mean(axis=0)
    left, _, right = np.linalg.svd(b.T @ a)
    turn = left @ right
    scale = np.abs(b).sum() / np.abs(a @ turn.T).sum() if with_scale else 1.0
    return turn, target.mean(axis=0) - scale * turn @ source.mean(axis=0), scale


def _on(template: RealyTemplate, vertices: np.ndarray) -> np.ndarray:
    corners = vertices[template.keypoints.triangles]
    return (template.keypoints.weights[:, :, None] * corners).sum(axis=1)
