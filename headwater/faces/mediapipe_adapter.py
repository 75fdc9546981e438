"""The only module that imports MediaPipe: face detection, face mesh and person segmentation.

The models are the ones inside the 0.10.21 wheel; nothing is downloaded. Every call treats its
image on its own, so results do not depend on the process, the thread or the order of images.
"""

import importlib.metadata
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader
from itertools import chain
from operator import attrgetter
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from headwater.faces.system_libraries import check_system_libraries

# Redirecting the process's standard error is no business of two threads at once.
_stderr_lock = threading.Lock()


# Modules that MediaPipe imports but its graphs do not use: its tasks, which start a compiler to
# look for a sound library, and plotting. Loading them takes longer than the graphs of a photo.
_UNUSED: Final = frozenset({"mediapipe.tasks.python", "matplotlib.pyplot"})

# The face mesh of one given place; MediaPipe's own solution looks for the places by itself.
_MESH_NODE: Final = {
    "calculator": "FaceLandmarkCpu",
    "input_stream": ["IMAGE:image", "ROI:place"],
    "input_side_packet": ["WITH_ATTENTION:with_attention"],
    "output_stream": ["LANDMARKS:answer"],
}
# As in MediaPipe's own solution, which spends a quarter of its time round the graph.
_SHORT_NODE: Final = {
    "calculator": "FaceDetectionShortRangeCpu",
    "input_stream": ["IMAGE:image"],
    "output_stream": ["DETECTIONS:answer"],
}
# The general model, which is the calculator's own choice.
_PERSON_NODE: Final = {
    "calculator": "SelfieSegmentationCpu",
    "input_stream": ["IMAGE:image"],
    "output_stream": ["SEGMENTATION_MASK:answer"],
}


class MediaPipeFaces:
    """MediaPipe's graphs, kept between images; for one thread of one process."""

    def __init__(self) -> None:
        check_system_libraries()
        self._solutions = _import_solutions()
        self._graphs: dict[str, Any] = {}
        self._chatty = {"mesh", "short", "full", "person"}

    def crop_mesh(self, crop: NDArray[np.uint8]) -> NDArray[np.float32] | None:
        """The face mesh (478, 3) of the upright face that fills a square crop; None without one.

        x right and y down in px of the crop, z in about the same scale, growing away from the
        camera, 0 near the head's centre.
        """
        mesh = self._process("mesh", crop)
        return None if mesh is None else _points(mesh) * np.float32(crop.shape[1])

    def near_faces(self, rgb: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Places (n, 5) of possible faces in an (H, W, 3) image, by the short-range model.

        Rows are x and y of the centre and the longer side, px, the roll of the eyes, radians
        clockwise, and the confidence, 0 to 1; best first. The model finds faces of a tenth of the
        image's side and more.
        """
        return _places_of(self._process("short", rgb), rgb)

    def far_faces(self, rgb: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Places as of ``near_faces``, by the full-range model, which finds smaller faces."""
        return _places_of(self._process("full", rgb).detections, rgb)

    def near_score(self, rgb: NDArray[np.uint8]) -> float:
        """Best score in [0, 1] of the short-range detector."""
        return _best_score(self._process("short", rgb))

    def upright_score(self, rgb: NDArray[np.uint8]) -> float:
        """Best score in [0, 1] of the full-range detector, which sees upright faces only."""
        return _best_score(self._process("full", rgb).detections)

    def person_mask(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probability (H, W) in [0, 1] that a pixel of the (H, W, 3) image shows a person."""
        return np.array(self._process("person", rgb).numpy_view(), dtype=np.float32)

    def _process(self, name: str, rgb: NDArray[np.uint8]) -> Any:
        image = np.ascontiguousarray(rgb)
        if name not in self._chatty:
            return self._graph(name).process(image)
        # C++ code logs to standard error, past any setting, on a graph's first image.
        with _quiet_standard_error():
            result = self._graph(name).process(image)
        self._chatty.discard(name)
        return result

    def _graph(self, name: str) -> Any:
        if name not in self._graphs:
            self._graphs[name] = self._build(name)
        return self._graphs[name]

    def _build(self, name: str) -> Any:
        if name == "mesh":
            place = {"place": _whole_image()}
            return _OwnGraph(_MESH_NODE, "get_proto", {"with_attention": True}, place)
        if name == "short":
            return _OwnGraph(_SHORT_NODE, "get_proto_list")
        if name == "person":
            return _OwnGraph(_PERSON_NODE, "get_image_frame")
        return self._solutions.face_detection.FaceDetection(
            model_selection=1, min_detection_confidence=0.5
        )


class _OwnGraph:
    """A graph of one node, from its stream "image" to its stream "answer", on the calling thread.

    read: the ``packet_getter`` of the answer. settings: of its side packets. constants: messages
    that go with every image, by their stream.
    """

    def __init__(
        self,
        node: Mapping[str, Any],
        read: str,
        settings: Mapping[str, bool] = MappingProxyType({}),
        constants: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        from mediapipe.framework import calculator_pb2
        from mediapipe.python import _framework_bindings, packet_creator, packet_getter

        _framework_bindings.resource_util.set_resource_dir(_package_root())
        self._create_image = packet_creator.create_image_frame
        self._format = _framework_bindings.image_frame.ImageFormat.SRGB
        self._read: Callable[[Any], Any] = getattr(packet_getter, read)
        self._constants = {
            name: packet_creator.create_proto(message) for name, message in constants.items()
        }
        config = calculator_pb2.CalculatorGraphConfig(
            # Handing packets to other threads costs a tenth of a graph's time.
            executor=[{"type": "ApplicationThreadExecutor"}],
            input_stream=["image", *constants],
            input_side_packet=[*settings],
            output_stream=["answer"],
            node=[dict(node)],
        )
        self._graph = _framework_bindings.calculator_graph.CalculatorGraph(graph_config=config)
        self._graph.observe_output_stream("answer", self._keep, True)
        self._graph.start_run(
            {name: packet_creator.create_bool(value) for name, value in settings.items()}
        )
        self._time = 0
        self._packet: Any = None

    def process(self, rgb: NDArray[np.uint8]) -> Any:
        """The graph's message, or messages, for an (H, W, 3) image; None where it gives none."""
        self._time += 1
        self._packet = None
        image = self._create_image(image_format=self._format, data=rgb)
        for name, packet in {"image": image, **self._constants}.items():
            self._graph.add_packet_to_input_stream(stream=name, packet=packet.at(self._time))
        self._graph.wait_until_idle()
        return None if self._packet is None else self._read(self._packet)

    def _keep(self, stream: str, packet: Any) -> None:
        self._packet = None if packet.is_empty() else packet


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


def _places_of(faces: Any, rgb: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Places (n, 5) of detections in an (H, W, 3) image."""
    size = np.array(rgb.shape[1::-1], dtype=np.float64)
    places = []
    for face in faces or ():
        data = face.location_data
        box = data.relative_bounding_box
        right, left = (size * (eye.x, eye.y) for eye in data.relative_keypoints[:2])
        x, y = size * (box.xmin + box.width / 2, box.ymin + box.height / 2)
        side = max(size * (box.width, box.height))
        places.append((x, y, side, np.arctan2(*(left - right)[::-1]), face.score[0]))
    return np.array(places, dtype=np.float64).reshape(-1, 5)


def _best_score(faces: Any) -> float:
    return max((float(face.score[0]) for face in faces or ()), default=0.0)


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
    with _quiet_standard_error(), _loading_later(_UNUSED):
        from mediapipe.python import solutions
    module: ModuleType = solutions
    return module


class _LaterFinder(MetaPathFinder):
    """Finds modules by name, whose code then runs at the first access to an attribute."""

    def __init__(self, names: frozenset[str]) -> None:
        self._names = names

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of a module of these names, with a lazy loader; None for any other."""
        spec = PathFinder.find_spec(fullname, path, target) if fullname in self._names else None
        if spec is not None and spec.loader is not None:
            spec.loader = LazyLoader(spec.loader)
        return spec


@contextmanager
def _loading_later(names: frozenset[str]) -> Iterator[None]:
    """Import modules of these names lazily within the block."""
    finder = _LaterFinder(names)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


def _package_root() -> str:
    """The folder in which MediaPipe's graphs name their models, as its solutions set it."""
    import mediapipe

    return str(Path(mediapipe.__file__).parents[1])


def _whole_image() -> Any:
    """The place that is the whole image, level."""
    from mediapipe.framework.formats.rect_pb2 import NormalizedRect

    return NormalizedRect(x_center=0.5, y_center=0.5, width=1.0, height=1.0, rotation=0.0)


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
