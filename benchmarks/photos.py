"""Photos per second, from a file to landmarks, mask, parts and camera, beside bare MediaPipe."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.head import head_model
from benchmarks.outcome import Figure, Outcome
from benchmarks.photo_set import PHONE, WEB, PhotoSet, write_photo_set
from benchmarks.pinned import PinnedWorkers, usable_cores
from benchmarks.timing import Spread, ratio, take_turns
from headwater.config import Params, load_params
from headwater.faces.frame_landmarks import landmarks_of_crop
from headwater.faces.mediapipe_adapter import mediapipe_faces
from headwater.faces.photo_path import face_frame, frame_camera, frame_mask, frame_parts
from headwater.faces.vocabulary import ibug68
from headwater.heads import store
from headwater.photos.decode import decode_photo
from headwater.pipeline.plan import Planned
from headwater.pipeline.run import assemble, compute_bucket
from headwater.pipeline.step import Step
from tasks.head_model import FILE

ROUNDS = 5
STEPS = ("photos", "ingest", "landmarks", "masks", "parts", "cameras")
ONE_CORE_GOAL = 0.85
TWO_CORES_GOAL = 1.7

CONDITIONS = {
    "bare loop": (
        "reads and decodes the file with Pillow, then FaceMesh (static images, refined, up to 16 "
        "faces) and SelfieSegmentation (general model) on the whole photo; keeps nothing"
    ),
    "our path": (
        "decodes as the step photos does, finds the largest face and which way is up, cuts its "
        "frame, then landmarks, head mask, eight parts and the camera; in memory"
    ),
    "our steps": (
        "photos, ingest, landmarks, masks, parts and cameras with their tables: image columns, "
        "checked Parquet, bucket cache; a fresh build every time"
    ),
    "cores": "each worker is pinned to one core; contestants take turns",
}


def bare(paths: Sequence[Path]) -> int:
    """The bare loop over photo files; returns how many."""
    mesh, person = _bare_graphs()
    for path in paths:
        with Image.open(path) as image:
            rgb = np.asarray(image.convert("RGB"))
        mesh.process(rgb)
        person.process(rgb)
    return len(paths)


@cache
def _bare_graphs() -> tuple[Any, Any]:
    solutions = import_module("mediapipe").solutions
    mesh = solutions.face_mesh.FaceMesh(
        static_image_mode=True, max_num_faces=16, refine_landmarks=True
    )
    return mesh, solutions.selfie_segmentation.SelfieSegmentation(model_selection=0)


def ours(paths: Sequence[Path]) -> int:
    """Our path over photo files, in memory; returns how many."""
    params, points_mm = _settings()
    faces = mediapipe_faces()
    for path in paths:
        rgb = decode_photo(path.read_bytes(), params.photos.max_pixels).rgb
        frame = face_frame(rgb, params.ingest.frame_px, faces)
        landmarks = landmarks_of_crop(frame.crop, frame.image.shape[0], faces)
        frame_mask(frame.image, landmarks, frame.shown, faces)
        frame_parts(landmarks, frame.shown)
        photo = frame.from_photo, frame.photo_width, frame.photo_height
        frame_camera(ibug68(landmarks)[:, :2], points_mm, *photo)
    return len(paths)


@cache
def _settings() -> tuple[Params, Any]:
    model = head_model()
    return load_params(Path("params.yaml")), ibug68(model.landmarks_478.on(model.mean))


def steps(paths: Sequence[Path]) -> int:
    """The steps over a folder of photo files, into tables that are thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        build_steps(paths, Path(folder), load_params(Path("params.yaml")))
    return len(paths)


def build_steps(paths: Sequence[Path], project: Path, params: Params) -> None:
    """Build the tables of photo files in the folder ``project``, which has nothing else."""
    photos = project / "data" / "chosen"
    photos.mkdir(parents=True)
    for path in paths:
        shutil.copy(path, photos)
    store.write(project / FILE, head_model())
    params = _with_folder(params, "data/chosen")
    for name in STEPS:
        step: Step = import_module(f"tasks.{name}").STEP
        assemble(step, params, project, partial(_compute, step, params, project))


def _with_folder(params: Params, folder: str) -> Params:
    return params.model_copy(update={"photos": params.photos.model_copy(update={"folder": folder})})


def _compute(
    step: Step, params: Params, project: Path, missing: Sequence[Planned]
) -> Iterator[None]:
    for planned in missing:
        compute_bucket(step, params, project, planned)
        yield


def measure() -> Outcome:
    """Compare on one core; repeat ours with two workers; then on photos of phone size."""
    cores = usable_cores()
    with tempfile.TemporaryDirectory() as folder, PinnedWorkers(cores) as workers:
        paths = write_photo_set(Path(folder), WEB)
        contestants = {
            "bare 1": partial(workers.run, bare, paths, 1),
            "ours 1": partial(workers.run, ours, paths, 1),
            "steps 1": partial(workers.run, steps, paths, 1),
        }
        if len(cores) > 1:
            contestants["ours 2"] = partial(workers.run, ours, paths, 2)
            contestants["steps 2"] = partial(workers.run, steps, paths, 2)
        rates = take_turns(contestants, ROUNDS)
        large = Path(folder, "phone")
        large.mkdir()
        paths = write_photo_set(large, PHONE)
        phone = take_turns(
            {
                "bare": partial(workers.run, bare, paths, 1),
                "ours": partial(workers.run, ours, paths, 1),
            },
            ROUNDS,
        )
    figures = [*_one_core(rates), *(_two_cores(rates) if len(cores) > 1 else ()), *_phone(phone)]
    photos = {"photos": described(WEB), "phone-size photos": described(PHONE)}
    return Outcome("photos", tuple(figures), {**photos, **CONDITIONS})


def _one_core(rates: Mapping[str, Spread]) -> list[Figure]:
    share = ratio(rates["ours 1"], rates["bare 1"])
    of_steps = ratio(rates["steps 1"], rates["bare 1"])
    return [
        Figure("bare MediaPipe on one core", "per second", rates["bare 1"]),
        Figure("our path on one core", "per second", rates["ours 1"]),
        Figure("our steps on one core", "per second", rates["steps 1"]),
        Figure("our path to bare, one core", "times", share, ONE_CORE_GOAL),
        Figure("our steps to bare, one core", "times", of_steps),
    ]


def _two_cores(rates: Mapping[str, Spread]) -> list[Figure]:
    gain = ratio(rates["ours 2"], rates["ours 1"])
    to_bare = ratio(rates["ours 2"], rates["bare 1"])
    of_steps = ratio(rates["steps 2"], rates["steps 1"])
    return [
        Figure("our path on two cores to one", "times", gain, TWO_CORES_GOAL),
        Figure("our path on two cores to bare on one", "times", to_bare),
        Figure("our steps on two cores to one", "times", of_steps),
    ]


def _phone(rates: Mapping[str, Spread]) -> list[Figure]:
    return [
        Figure("phone-size: bare MediaPipe on one core", "per second", rates["bare"]),
        Figure("phone-size: our path on one core", "per second", rates["ours"]),
        Figure(
            "phone-size: our path to bare, one core", "times", ratio(rates["ours"], rates["bare"])
        ),
    ]


def described(photos: PhotoSet) -> str:
    """Description of a set of photos, for people."""
    return (
        f"{photos.count} JPEG files made from the two built-in portraits by seeded crops, flips "
        f"and scales, longer side {photos.sides_px[0]} to {photos.sides_px[1]} px"
    )
