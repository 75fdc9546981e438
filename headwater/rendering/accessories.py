"""Glasses and caps, fitted to the landmarks of each head."""

import numpy as np
from numpy.typing import NDArray

from headwater.faces import vocabulary as sets
from headwater.rendering.looks import Cap, Glasses
from headwater.rendering.stages import Prop, Stage, sheet, shell, tube
from headwater.rendering.tracing import float32

Float32Array = NDArray[np.float32]

CAP_BACKWARD_SLOPE = 0.16


def glasses(vertices: Float32Array, landmarks: Float32Array, wear: Glasses) -> list[Stage]:
    """Two rims, a bridge and two temples in front of the eyes of a head (V, 3), (478, 3) mm."""
    rims, inner, pieces = [], [], []
    bridge = landmarks[6]
    for side, loop in ((1.0, sets.LEFT_EYE), (-1.0, sets.RIGHT_EYE)):
        eye = landmarks[list(loop)].mean(axis=0)
        centre = np.array([eye[0] + 1.5 * side, eye[1] - 2.5, max(eye[2] + 13, bridge[2] + 3)])
        angle = np.linspace(0, 2 * np.pi, 49)
        power = 2.0 / wear.squareness
        x = wear.half_width_mm * np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** power
        y = wear.half_height_mm * np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** power
        rim = centre + np.stack([x, y, -0.006 * (centre[0] + x) ** 2 + 5], axis=1)
        rims.append(rim)
        pieces.append(tube(rim, wear.rim_mm, Prop.FRAME))
        inner.append(rim[np.argmin(rim[:, 0] * side)])
        outer = rim[np.argmax(rim[:, 0] * side)]
        beside = np.abs(vertices[:, 1] - eye[1]) < 15
        beside &= np.abs(vertices[:, 2] - 20) < 15
        width = float(np.abs(vertices[beside, 0]).max()) if beside.any() else 72.0
        hinge = outer + np.array([2.0 * side, 4.0, -2.0])
        ear = np.array([(width + 3) * side, eye[1] + 1, 12.0])
        behind = np.array([(width + 1) * side, eye[1] - 18, -18.0])
        pieces.append(tube(np.stack([outer, hinge, ear, behind]), wear.rim_mm, Prop.FRAME))
    share = np.linspace(0, 1, 9)[:, None]
    arc = inner[0] + (inner[1] - inner[0]) * share
    arc[:, 1] += 3.5 + 2.5 * np.sin(np.pi * share[:, 0])
    pieces.append(tube(arc, 0.9 * wear.rim_mm, Prop.FRAME))
    return pieces


def cap_distance(vertices: Float32Array, landmarks: Float32Array) -> Float32Array:
    """Height (V,) mm of vertices (V, 3) mm above the edge of a cap; below it, it is negative."""
    forehead = landmarks[sets.FOREHEAD]
    edge = forehead[1] + 2 + CAP_BACKWARD_SLOPE * (vertices[:, 2] - forehead[2])
    return float32(vertices[:, 1] - edge)


def cap(head: Stage, landmarks: Float32Array, wear: Cap) -> list[Stage]:
    """A cap over the skull, with a visor where ``visor_mm`` is not 0."""
    distance = cap_distance(head.vertices, landmarks)
    near = (distance[head.faces] > -15).all(axis=1) & (head.material == 0)
    lift = 6.0 + wear.puff_mm * np.clip(distance / 30, 0, 1)
    pieces = [shell(head, near, float32(lift), distance, Prop.CAP)]
    if wear.visor_mm > 0:
        forehead = landmarks[sets.FOREHEAD]
        angle = np.deg2rad(np.linspace(-72, 72, 25))
        out = np.linspace(0, 1, 6)[:, None] * wear.visor_mm * np.cos(angle * 1.1)
        front = forehead[2] + 5.0
        x = (66 + 0.25 * out) * np.sin(angle)
        z = (front - 15 + out) * np.cos(angle) + 15
        slope = CAP_BACKWARD_SLOPE * (z - front)
        y = forehead[1] + 3 + np.minimum(slope, 0) - 0.35 * out - 5 * np.sin(angle) ** 2
        pieces.append(sheet(np.stack([x, y, z], axis=-1), Prop.CAP, np.full(x.shape, 60.0)))
    return pieces
