"""MediaPipe behind its adapter: quiet, deterministic, and clear about missing libraries."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from headwater.errors import HeadwaterError
from headwater.faces.frame_landmarks import photo_landmarks
from headwater.faces.mediapipe_adapter import MediaPipeFaces, _points, mediapipe_faces
from headwater.faces.system_libraries import check_system_libraries

SCRIPT = """
import hashlib, sys
from headwater.faces.frame_landmarks import photo_landmarks
from headwater.faces.mediapipe_adapter import mediapipe_faces
from headwater.photos.builtin import PORTRAITS
from headwater.photos.decode import decode_photo
faces = mediapipe_faces()
photos = [decode_photo(portrait.data()).rgb for portrait in PORTRAITS]
order = [int(c) for c in sys.argv[1]]
digests = {}
for index in order:
    digest = hashlib.sha256(photo_landmarks(photos[index], faces).tobytes())
    digest.update(faces.person_mask(photos[index]).tobytes())
    digest.update(faces.near_faces(photos[index]).tobytes())
    digest.update(faces.far_faces(photos[index]).tobytes())
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


UNUSED = """
import sys
from headwater.faces.mediapipe_adapter import mediapipe_faces
mediapipe_faces()
print("_sounddevice" in sys.modules, "matplotlib.figure" in sys.modules)
import mediapipe, matplotlib.pyplot
print(mediapipe.tasks.vision.FaceLandmarker.__name__, matplotlib.pyplot.figure.__name__)
"""


def test_what_the_graphs_do_not_use_is_loaded_by_those_who_do() -> None:
    done = subprocess.run(
        [sys.executable, "-c", UNUSED], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["False False", "FaceLandmarker figure"]


def test_threads_have_their_own_graphs(portraits) -> None:
    photo = portraits[0].photo
    with ThreadPoolExecutor(2) as pool:
        meshes = list(pool.map(lambda _: photo_landmarks(photo, mediapipe_faces()), range(4)))
    for mesh in meshes:
        np.testing.assert_array_equal(mesh, meshes[0])


def test_shapes_and_ranges(detector: MediaPipeFaces, portraits) -> None:
    for portrait in portraits:
        height, width = portrait.photo.shape[:2]
        for places in (detector.near_faces(portrait.photo), detector.far_faces(portrait.photo)):
            assert places.shape == (1, 5)
            x, y, side, roll, confidence = places[0]
            assert 0 < x < width
            assert 0 < y < height
            assert 0.15 * width < side < 0.6 * width
            assert abs(np.rad2deg(roll)) < 15
            assert 0.7 < confidence <= 1
        assert detector.near_faces(portrait.photo)[0, 4] == detector.near_score(portrait.photo)
        assert portrait.landmarks.shape == (478, 3)
        assert portrait.landmarks.dtype == np.float32
        mask = detector.person_mask(portrait.photo)
        assert mask.shape == (height, width)
        assert mask.dtype == np.float32
        assert mask.min() >= 0
        assert mask.max() <= 1
        x, y, *_ = detector.near_faces(portrait.photo)[0]
        assert mask[int(y), int(x)] > 0.9


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 4000, 3), (480, 640, 3)])
def test_images_without_a_face(detector: MediaPipeFaces, shape: tuple[int, ...]) -> None:
    image = np.zeros(shape, dtype=np.uint8)
    assert detector.near_faces(image).shape == (0, 5)
    assert detector.far_faces(image).shape == (0, 5)
    assert detector.crop_mesh(np.zeros((192, 192, 3), np.uint8)) is None
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
