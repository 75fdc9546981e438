"""MediaPipe behind its adapter: quiet, deterministic, and clear about missing libraries."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from headwater.errors import HeadwaterError
from headwater.faces.mediapipe_adapter import MediaPipeFaces, _points, mediapipe_faces
from headwater.faces.system_libraries import check_system_libraries

SCRIPT = """
import hashlib, sys
from headwater.faces.mediapipe_adapter import mediapipe_faces, _points
from headwater.photos.builtin import PORTRAITS
from headwater.photos.decode import decode_photo
faces = mediapipe_faces()
photos = [decode_photo(portrait.data()).rgb for portrait in PORTRAITS]
order = [int(c) for c in sys.argv[1]]
digests = {}
for index in order:
    (face,) = faces.detect(photos[index])
    digest = hashlib.sha256(face.points.tobytes())
    digest.update(faces.person_mask(photos[index]).tobytes())
    digest.update(faces.detect_boxes(photos[index]).tobytes())
    assert digests.setdefault(index, digest.hexdigest()) == digest.hexdigest()
print(digests[0], digests[1])
"""


def test_quiet_and_equal_in_any_process_and_order() -> None:
    outputs = []
    for order in ("010", "1001"):
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, order], capture_output=True, text=True, check=True
        )
        assert done.stderr == ""
        outputs.append(done.stdout)
    assert outputs[0] == outputs[1]
    assert len(outputs[0].split()) == 2


def test_threads_have_their_own_graphs(portraits) -> None:
    photo = portraits[0].photo
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda _: mediapipe_faces().detect(photo)[0].points, range(4)))
    for points in found:
        np.testing.assert_array_equal(points, found[0])


def test_shapes_and_ranges(detector: MediaPipeFaces, portraits) -> None:
    for portrait in portraits:
        (face,) = detector.detect(portrait.photo)
        assert face.points.shape == (478, 3)
        assert face.points.dtype == np.float32
        left, top, right, bottom = face.box
        height, width = portrait.photo.shape[:2]
        assert 0 < left < right < width
        assert 0 < top < bottom < height
        mask = detector.person_mask(portrait.photo)
        assert mask.shape == (height, width)
        assert mask.dtype == np.float32
        assert mask.min() >= 0
        assert mask.max() <= 1
        assert mask[int(face.points[1, 1]), int(face.points[1, 0])] > 0.9


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 4000, 3), (480, 640, 3)])
def test_images_without_a_face(detector: MediaPipeFaces, shape: tuple[int, ...]) -> None:
    image = np.zeros(shape, dtype=np.uint8)
    assert detector.detect(image) == []
    assert detector.detect_boxes(image).shape == (0, 4)
    assert detector.person_mask(image).shape == shape[:2]


def test_missing_libraries_are_one_line_with_their_packages() -> None:
    def load(name: str) -> None:
        if name == "libGL.so.1":
            raise OSError(f"{name}: cannot open shared object file")

    with pytest.raises(HeadwaterError) as caught:
        check_system_libraries(load)
    assert "libGL.so.1" in str(caught.value)
    assert "apt-get install libgl1" in str(caught.value)
    assert "libglib" not in str(caught.value)
    assert "\n" not in str(caught.value)

    def load_none(name: str) -> None:
        raise OSError(name)

    with pytest.raises(HeadwaterError, match=r"apt-get install libgl1 libglib2\.0-0"):
        check_system_libraries(load_none)
    check_system_libraries(lambda name: None)


def test_landmarks_are_read_alike_from_bytes_and_one_by_one() -> None:
    from mediapipe.framework.formats import landmark_pb2

    rng = np.random.default_rng(0)
    values = rng.uniform(-1, 1, (478, 3)).astype(np.float32)
    plain = landmark_pb2.NormalizedLandmarkList()
    for x, y, z in values.tolist():
        plain.landmark.add(x=x, y=y, z=z)
    np.testing.assert_array_equal(_points(plain), values)
    fuller = landmark_pb2.NormalizedLandmarkList()
    for x, y, z in values.tolist():
        fuller.landmark.add(x=x, y=y, z=z, visibility=0.5)
    np.testing.assert_array_equal(_points(fuller), values)
    assert _points(landmark_pb2.NormalizedLandmarkList()).shape == (0, 3)
