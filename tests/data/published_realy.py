"""REALY's folder as its owners hand it out, of scans cut from the toy sheet."""

import json
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from headwater.geometry.registration import Similarity
from tests.metrics.realy_face import UNIT_MM, scan_of, template

TEMPLATE = template()


def obj(vertices: np.ndarray, faces: np.ndarray) -> str:
    lines = [f"v {x:.9f} {y:.9f} {z:.9f}" for x, y, z in vertices]
    return "\n".join([*lines, *(f"f {a} {b} {c}" for a, b, c in faces + 1)]) + "\n"


def face_of(subject: int) -> np.ndarray:
    """The sheet as the subject has it (V, 3) mm: a narrow, a middle and a wide one."""
    return TEMPLATE.vertices * [0.9 + 0.05 * subject, 1.0, 1.0]


def write_realy(root: Path, subjects: int = 3) -> Path:
    """A benchmark's folder with scans of the subjects 1 to ``subjects``."""
    (root / "REALY_HIFI3D_keypoints").mkdir(parents=True)
    scales = [UNIT_MM + subject for subject in range(subjects)]
    for subject, scale in enumerate(scales, 1):
        turn = Rotation.random(random_state=subject).as_matrix()
        place = Similarity(1.0 / scale, turn, np.array([1.0, 2.0, 3.0]))
        scan = scan_of(face_of(subject), place)
        corners = obj(scan.keypoints, np.zeros((0, 3), int))
        (root / "REALY_HIFI3D_keypoints" / f"{subject}.obj").write_text(corners)
        folder = root / "REALY_scan_region" / str(subject)
        folder.mkdir(parents=True)
        for name, region in scan.regions.items():
            (folder / f"{name}.obj").write_text(obj(region.vertices, region.faces))
    (root / "metrical_scale.txt").write_text("".join(f"{scale:.18e}\n" for scale in scales))
    return root


def write_template(root: Path) -> tuple[Path, Path]:
    """The sheet's mesh and its keypoints."""
    root.mkdir(parents=True, exist_ok=True)
    mesh, keypoints = root / "sheet.obj", root / "sheet.txt"
    mesh.write_text(obj(TEMPLATE.vertices, TEMPLATE.faces))
    rows = [
        [int(np.flatnonzero((TEMPLATE.faces == corners).all(1))[0]), *map(float, weights[:2])]
        for corners, weights in zip(
            TEMPLATE.keypoints.triangles, TEMPLATE.keypoints.weights, strict=True
        )
    ]
    keypoints.write_text(json.dumps(rows))
    return mesh, keypoints
