"""Every face of a photo as an item of its own: in the tables, in their checks, in the cache."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from headwater.artifacts.ids import beside, bucket_of
from headwater.artifacts.images import decode_png
from headwater.artifacts.landmark_rows import landmarks_of
from headwater.artifacts.schemas import FRAMES, LANDMARKS, PHOTOS
from headwater.artifacts.tables import Row, read_table
from headwater.config import Params, load_params
from headwater.errors import HeadwaterError
from headwater.faces.frame_landmarks import frame_landmarks
from headwater.faces.mediapipe_adapter import mediapipe_faces
from headwater.heads import store
from headwater.heads.model import HeadModel
from headwater.photos.builtin import PORTRAITS
from headwater.photos.decode import decode_photo
from headwater.pipeline.run import assemble, check_accounts, compute_bucket
from headwater.pipeline.step import Item, Work
from headwater.upkeep.verify import verify
from tasks import cameras, ingest, landmarks, masks, parts, photos
from tasks.head_model import FILE

PROJECT = Path(__file__).resolve().parents[2]
BUCKETS = 7


def params_with(faces: str, seed: int = 7) -> Params:
    params = load_params(PROJECT / "params.yaml")
    ingest_all = params.ingest.model_copy(update={"faces": faces, "frame_px": 200})
    chosen = params.photos.model_copy(update={"folder": "chosen"})
    return params.model_copy(
        update={"buckets": BUCKETS, "ingest": ingest_all, "photos": chosen, "seed": seed}
    )


def run(steps: tuple, params: Params, project: Path) -> None:
    for module in steps:
        step = module.STEP

        def compute(missing, step=step):
            for planned in missing:
                yield compute_bucket(step, params, project, planned)

        assemble(step, params, project, compute)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one photo of two people, taken through the steps up to the parts."""
    folder = tmp_path_factory.mktemp("two people")
    (folder / "chosen").mkdir()
    both = [Image.fromarray(decode_photo(one.data()).rgb).resize((512, 600)) for one in PORTRAITS]
    photo = Image.new("RGB", (1024, 600))
    photo.paste(both[0], (0, 0))
    photo.paste(both[1], (512, 0))
    photo.save(folder / "chosen" / "both.png")
    run((photos, ingest, landmarks, masks, parts), params_with("all"), folder)
    return folder


def rows(project: Path, schema) -> list[Row]:
    return read_table(project / "data", schema).to_pylist()


def test_both_faces_are_items_and_nobody_is_taken_for_another(project: Path) -> None:
    (photo,) = rows(project, PHOTOS)
    frames = {row["item"]: row for row in rows(project, FRAMES)}
    assert len(frames) == 2
    own = frames.pop(photo["item"])
    (other,) = frames.values()
    assert own["parent"] is None
    assert other["parent"] == photo["item"]
    assert other["subject"] != own["subject"]
    assert own["split"] == other["split"]
    assert own["faces_found"] == other["faces_found"] == 2
    assert bucket_of(other["subject"], BUCKETS) == bucket_of(own["subject"], BUCKETS)
    assert not np.array_equal(own["image"]["bytes"], other["image"]["bytes"])
    for row in rows(project, LANDMARKS):
        points = landmarks_of(row)
        assert np.ptp(points, axis=0).max() == pytest.approx(200 / 3, rel=0.05)
    assert {row["item"] for row in rows(project, LANDMARKS)} == {own["item"], other["item"]}


def test_landmarks_are_those_of_the_frames(project: Path) -> None:
    """The step reads the crop of the face alone."""
    stored = {row["item"]: row for row in rows(project, LANDMARKS)}
    for row in rows(project, FRAMES):
        own = frame_landmarks(decode_png(row["image"]), mediapipe_faces())
        np.testing.assert_array_equal(landmarks_of(stored[row["item"]]), own[:, :2])


def test_the_tables_keep_their_promises(project: Path) -> None:
    assert verify(project / "data").problems == ()


def test_the_largest_face_is_the_same_item_either_way(project: Path) -> None:
    (photo,) = rows(project, PHOTOS)
    before = {row["item"]: row for row in rows(project, FRAMES)}[photo["item"]]
    run((ingest,), params_with("largest"), project)
    (alone,) = rows(project, FRAMES)
    assert alone == before
    run((ingest,), params_with("all"), project)
    assert len(rows(project, FRAMES)) == 2


def test_a_bucket_with_further_faces_comes_from_the_cache(project: Path) -> None:
    """The cache gives it although it holds more items than were planned; nothing is computed."""

    def compute(missing):
        assert not missing
        return ()

    assemble(ingest.STEP, params_with("all"), project, compute)


def test_a_row_without_the_item_that_it_was_made_from_is_refused(project: Path) -> None:
    params = params_with("all")
    work = Work(0, [Item("a" * 32, "b" * 32, "photo")], {}, params, project)
    own, other = {"item": "a" * 32, "parent": None}, {"item": "c" * 32, "parent": "a" * 32}
    check_accounts(ingest.STEP, work, {FRAMES.name: [own, other]})
    for lost in ([other], [own, {**other, "parent": "d" * 32}], [own, {**other, "parent": None}]):
        with pytest.raises(HeadwaterError, match="unexpected items"):
            check_accounts(ingest.STEP, work, {FRAMES.name: lost})


@pytest.mark.parametrize("buckets", [1, 2, 7, 16, 999])
def test_a_subject_beside_another_shares_its_bucket_and_nothing_else(buckets: int) -> None:
    subjects = [f"{n**9:032x}" for n in range(1, 40)]
    others = [beside(one, buckets, "face", 3) for one in subjects]
    assert len({*subjects, *others}) == 78
    for one, other in zip(subjects, others, strict=True):
        assert bucket_of(other, buckets) == bucket_of(one, buckets)
        assert len(other) == 32


def test_a_camera_is_solved_for_every_face(project: Path, anny: HeadModel) -> None:
    store.write(project / FILE, anny)
    run((cameras,), params_with("all"), project)
    assert len(read_table(project / "data", cameras.CAMERAS).to_pylist()) == 2
