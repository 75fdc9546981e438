"""The only module that imports MediaPipe: face mesh, face boxes and person segmentation.

The models are the ones inside the 0.10.21 wheel; nothing is downloaded. Every call treats its
image on its own, so results do not depend on the process, the thread or the order of images.
"""

import importlib.metadata
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from operator import attrgetter
from types import ModuleType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from headwater.faces.system_libraries import check_system_libraries

MAX_FACES: Final = 16

# Redirecting the process's standard error is no business of two threads at once.
_stderr_lock = threading.Lock()


@dataclass(frozen=True)
class FaceLandmarks:
    """The face mesh of one face.

    points: (478, 3) float32: x right and y down in px of the image, z in about the same scale,
    growing away from the camera, 0 near the head's centre.
    """

    points: NDArray[np.float32]

    @cached_property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom of the points, px; may reach outside the image."""
        low, high = self.points[:, :2].min(axis=0), self.points[:, :2].max(axis=0)
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])


class MediaPipeFaces:
    """MediaPipe's graphs, kept between images; for one thread of one process."""

    def __init__(self) -> None:
        check_system_libraries()
        self._solutions = _import_solutions()
        self._graphs: dict[str, Any] = {}
        self._chatty = {"mesh", "short", "full", "person"}

    def detect(self, rgb: NDArray[np.uint8]) -> list[FaceLandmarks]:
        """Face meshes of all faces in an (H, W, 3) image, at most ``MAX_FACES``."""
        result = self._process("mesh", rgb)
        height, width = rgb.shape[:2]
        scale = np.array([width, height, width], dtype=np.float32)
        return [FaceLandmarks(_points(face) * scale) for face in result.multi_face_landmarks or ()]

    def detect_boxes(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Boxes (n, 4) of possible faces, left, top, right, bottom in px, best first.

        Finds smaller and more turned faces than ``detect``, and things that are no faces.
        """
        height, width = rgb.shape[:2]
        boxes = []
        for model in ("full", "short"):
            for found in self._process(model, rgb).detections or ():
                box = found.location_data.relative_bounding_box
                right, bottom = box.xmin + box.width, box.ymin + box.height
                boxes.append((box.xmin * width, box.ymin * height, right * width, bottom * height))
        return np.array(boxes, dtype=np.float32).reshape(-1, 4)

    def upright_score(self, rgb: NDArray[np.uint8]) -> float:
        """Best score in [0, 1] of the full-range detector, which sees upright faces only."""
        found = self._process("full", rgb).detections or ()
        return max((float(detection.score[0]) for detection in found), default=0.0)

    def person_mask(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probability (H, W) in [0, 1] that a pixel of the (H, W, 3) image shows a person."""
        mask = self._process("person", rgb).segmentation_mask
        return np.array(mask, dtype=np.float32)

    def _process(self, name: str, rgb: NDArray[np.uint8]) -> Any:
        image = np.ascontiguousarray(rgb)
        if name not in self._chatty:
            return self._graph(name).process(image)
        # C++ code logs to standard error, past any setting, on a graph's first images; the mesh
        # does so again on its first face.
        with _quiet_standard_error():
            result = self._graph(name).process(image)
        if name != "mesh" or result.multi_face_landmarks:
            self._chatty.discard(name)
        return result

    def _graph(self, name: str) -> Any:
        if name not in self._graphs:
            self._graphs[name] = self._build(name)
        return self._graphs[name]

    def _build(self, name: str) -> Any:
        if name == "mesh":
            return self._solutions.face_mesh.FaceMesh(
                static_image_mode=True,
                max_num_faces=MAX_FACES,
                refine_landmarks=True,
                min_detection_confidence=0.5,
            )
        if name == "person":
            return self._solutions.selfie_segmentation.SelfieSegmentation(model_selection=0)
        return self._solutions.face_detection.FaceDetection(
            model_selection=("short", "full").index(name), min_detection_confidence=0.5
        )


def _points(face: Any) -> NDArray[np.float32]:
    """Landmarks (n, 3) of a normalised landmark list.

    Read from its serialised bytes, where each takes 17: asking for every number by itself takes
    seven times as long. Lists that say more of a landmark than x, y and z are read that slow way.
    """
    data = np.frombuffer(face.SerializeToString(), np.uint8)
    if len(data) == _LANDMARK_BYTES * len(face.landmark):
        rows = data.reshape(-1, _LANDMARK_BYTES)
        if (rows[:, _TAG_PLACES] == _TAGS).all():
            return rows[:, _NUMBER_PLACES].copy().view("<f4")
    values = chain.from_iterable(map(attrgetter("x", "y", "z"), face.landmark))
    return np.fromiter(values, np.float32, 3 * len(face.landmark)).reshape(-1, 3)


# Protocol buffers: field 1 with 15 bytes, in it the 32-bit fields 1, 2 and 3.
_LANDMARK_BYTES = 17
_TAG_PLACES, _TAGS = [0, 1, 2, 7, 12], np.array([0x0A, 15, 0x0D, 0x15, 0x1D], np.uint8)
_NUMBER_PLACES = [place for start in (3, 8, 13) for place in range(start, start + 4)]

_local = threading.local()


def release() -> dict[str, str]:
    """Version of the installed MediaPipe, which carries its models, for bucket keys."""
    return {"mediapipe": importlib.metadata.version("mediapipe")}


def mediapipe_faces() -> MediaPipeFaces:
    """The thread's graphs, made on first use; a forked process makes its own."""
    if getattr(_local, "process", None) != os.getpid():
        _local.faces = MediaPipeFaces()
        _local.process = os.getpid()
    faces: MediaPipeFaces = _local.faces
    return faces


def face_mesh_edges() -> frozenset[tuple[int, int]]:
    """Edges (a, b), a < b, of the face mesh's tessellation."""
    edges = _import_solutions().face_mesh_connections.FACEMESH_TESSELATION
    return frozenset((min(edge), max(edge)) for edge in edges)


def _import_solutions() -> ModuleType:
    os.environ.setdefault("GLOG_minloglevel", "3")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _quiet_standard_error():
        from mediapipe.python import solutions
    module: ModuleType = solutions
    return module


@contextmanager
def _quiet_standard_error() -> Iterator[None]:
    """Send what C++ code writes to file descriptor 2 nowhere; Python errors still propagate."""
    with _stderr_lock:
        sys.stderr.flush()
        kept = os.dup(2)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, 2)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(nowhere)
            os.close(kept)
