"""LFW's layout as photos of a build: one face each, a reason for every other file, people apart."""

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from headwater.artifacts import schemas
from headwater.artifacts.tables import read_table
from headwater.cli import app, run
from headwater.config import Params, load_params
from headwater.errors import HeadwaterError
from headwater.faces.mediapipe_adapter import mediapipe_faces
from headwater.photos.builtin import PORTRAITS
from headwater.photos.decode import decode_photo
from headwater.pipeline.plan import Planned
from headwater.pipeline.run import assemble, compute_bucket
from headwater.pipeline.step import Item
from headwater.sharing.lfw import DROPPED, PHOTOS, Imported, import_lfw
from tasks import photos
from tasks.photos import sources

PARAMS = load_params(Path(__file__).resolve().parents[2] / "params.yaml")
SIDE = 250


def portrait(number: int, left: int = 0) -> Image.Image:
    """A portrait of LFW's size, a little to the left."""
    whole = Image.fromarray(decode_photo(PORTRAITS[number].data()).rgb)
    side = min(whole.size) - left
    return whole.crop((left, 0, left + side, side)).resize((SIDE, SIDE))


def both() -> Image.Image:
    photo = Image.new("RGB", (SIDE, SIDE))
    for number in (0, 1):
        photo.paste(portrait(number).resize((125, 125)), (125 * number, 60))
    return photo


@pytest.fixture(scope="module")
def lfw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two people, and files that are no photo of one face."""
    root = tmp_path_factory.mktemp("published") / "lfw"
    shown = {
        "Eileen_Collins/Eileen_Collins_0001.jpg": portrait(0),
        "Eileen_Collins/Eileen_Collins_0002.jpg": portrait(0, 8),
        "Grace_Hopper/Grace_Hopper_0001.jpg": portrait(1),
        "Grace_Hopper/Grace_Hopper_0002.jpg": both(),
        "Nobody_Here/Nobody_Here_0001.jpg": Image.new("RGB", (SIDE, SIDE), (90, 120, 70)),
        "Nobody_Here/Somebody_Else_0001.jpg": portrait(1, 4),
    }
    for name, image in shown.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        image.save(root / name, quality=95)
    first = root / "Eileen_Collins" / "Eileen_Collins_0001.jpg"
    (root / "Eileen_Collins" / "Eileen_Collins_0003.jpg").write_bytes(first.read_bytes())
    (root / "Grace_Hopper" / "Grace_Hopper_0003.jpg").write_bytes(first.read_bytes()[:4000])
    (root / "README.txt").write_text("as published")
    return root


@pytest.fixture(scope="module")
def imported(lfw: Path) -> tuple[Imported, Path]:
    folder, told = lfw.parent / "kept", []

    def tell(done: int, total: int) -> None:
        told.append((done, total))

    found = import_lfw(lfw, folder, mediapipe_faces(), tell)
    assert told == [(number, 9) for number in range(1, 10)]
    return found, folder


def test_photos_of_one_face_are_kept_as_they_are_and_all_others_have_a_reason(
    lfw: Path, imported: tuple[Imported, Path]
) -> None:
    found, folder = imported
    assert found.kept == (
        "Eileen_Collins/Eileen_Collins_0001.jpg",
        "Eileen_Collins/Eileen_Collins_0002.jpg",
        "Grace_Hopper/Grace_Hopper_0001.jpg",
    )
    assert found.people == 2
    files = [path for path in lfw.rglob("*") if path.is_file()]
    assert len(found.kept) + len(found.dropped) == len(files) == 9
    assert {one.name: one.reason for one in found.dropped} == {
        "Eileen_Collins/Eileen_Collins_0003.jpg": "duplicate",
        "Grace_Hopper/Grace_Hopper_0002.jpg": "several_faces",
        "Grace_Hopper/Grace_Hopper_0003.jpg": "truncated",
        "Nobody_Here/Nobody_Here_0001.jpg": "no_face",
        "Nobody_Here/Somebody_Else_0001.jpg": "not_laid_out",
        "README.txt": "not_laid_out",
    }
    for name in found.kept:
        assert (folder / PHOTOS / name).read_bytes() == (lfw / name).read_bytes()
    assert len([path for path in (folder / PHOTOS).rglob("*") if path.is_file()]) == 3
    with (folder / DROPPED).open(encoding="utf-8", newline="") as file:
        listed = list(csv.DictReader(file))
    assert [(row["name"], row["reason"]) for row in listed] == [
        (one.name, one.reason) for one in found.dropped
    ]
    assert all(row["message"].endswith(".") for row in listed)


def with_photos(folder: Path, subjects: str) -> Params:
    own = PARAMS.photos.model_copy(update={"folder": str(folder), "subjects": subjects})
    return PARAMS.model_copy(update={"photos": own})


def by_person(items: list[Item]) -> list[list[str]]:
    people: dict[str, list[str]] = {}
    for item in items:
        people.setdefault(item.subject, []).append(item.name)
    return sorted(people.values())


def test_people_are_subjects_so_that_splits_and_buckets_keep_them_whole(
    imported: tuple[Imported, Path], tmp_path: Path
) -> None:
    _, folder = imported
    params = with_photos(folder / PHOTOS, "folder")
    items = sources(params, tmp_path)
    assert by_person(items) == [
        ["Eileen_Collins/Eileen_Collins_0001.jpg", "Eileen_Collins/Eileen_Collins_0002.jpg"],
        ["Grace_Hopper/Grace_Hopper_0001.jpg"],
    ]
    apart = sources(with_photos(folder / PHOTOS, "photo"), tmp_path)
    assert [len(names) for names in by_person(apart)] == [1, 1, 1]
    assert [one.item for one in apart] == [one.item for one in items]
    # A photo in no folder is a person of its own.
    loose = sources(with_photos(folder / PHOTOS / "Grace_Hopper", "folder"), tmp_path)
    assert [one.subject for one in loose] == [one.item for one in loose]
    rows = built(params, tmp_path)
    splits = {row["subject"]: row["split"] for row in rows}
    assert {(row["subject"], row["split"]) for row in rows} == set(splits.items())
    assert len(rows) == 3


def built(params: Params, project: Path) -> list[dict[str, object]]:
    def compute(missing: list[Planned]) -> Iterator[None]:
        return (compute_bucket(photos.STEP, params, project, planned) for planned in missing)

    assemble(photos.STEP, params, project, compute)
    return read_table(project / "data", schemas.PHOTOS).to_pylist()


def test_the_command_says_what_it_kept_and_what_to_set(
    imported: tuple[Imported, Path], lfw: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = tmp_path / "lfw"
    for name in ("Grace_Hopper/Grace_Hopper_0001.jpg", "README.txt"):
        (small / name).parent.mkdir(parents=True, exist_ok=True)
        (small / name).write_bytes((lfw / name).read_bytes())
    out = tmp_path / "out"
    assert run(app, ["import", "lfw", str(small), "-o", str(out)]) == 0
    said, setting = capsys.readouterr().out.splitlines()
    assert said == (
        f"kept 1 of 2 files; people: 1; dropped: not_laid_out 1, listed in {out / DROPPED}"
    )
    assert f"photos.folder: {out / PHOTOS}, photos.subjects: folder" in setting


@pytest.mark.parametrize(
    ("root", "folder", "said"),
    [
        ("empty", "out", "has no photo named <person>/<person>_0001.jpg"),
        ("missing", "out", "missing: is no folder; name the one that LFW unpacks to"),
        ("lfw", "full/file/out", "full/file/out: Not a directory"),
        ("lfw", "out", "no photo shows exactly one face; the first, Grace_Hopper/Grace"),
        ("lfw", "full", "is not empty"),
        ("lfw", "lfw/inside", "lies in"),
        ("lfw/Grace_Hopper", "out", "has no photo named <person>/<person>_0001.jpg"),
    ],
)
def test_other_folders_are_refused_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], root: str, folder: str, said: str
) -> None:
    for name in ("empty", "full", "lfw/Grace_Hopper"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "full" / "file").write_text("x")
    (tmp_path / "lfw" / "Grace_Hopper" / "Grace_Hopper_0001.jpg").write_bytes(b"x")
    assert run(app, ["import", "lfw", str(tmp_path / root), "-o", str(tmp_path / folder)]) == 2
    error = capsys.readouterr().err
    assert said in error.replace("\n", " ")
    assert "Traceback" not in error
    assert not (tmp_path / "out").exists()


def test_nothing_is_left_where_it_ends_in_the_middle(lfw: Path, tmp_path: Path) -> None:
    def stop(done: int, _: int) -> None:
        if done == 2:
            raise HeadwaterError("stopped")

    with pytest.raises(HeadwaterError, match="stopped"):
        import_lfw(lfw, tmp_path / "out", mediapipe_faces(), stop)
    assert list(tmp_path.iterdir()) == []


def test_a_copy_under_another_name_does_not_take_the_place_of_a_photo(
    lfw: Path, tmp_path: Path
) -> None:
    name = "Grace_Hopper/Grace_Hopper_0001.jpg"
    for copy in (name, "A first copy.jpg", "Grace_Hopper/Copy.jpg"):
        (tmp_path / "lfw" / copy).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "lfw" / copy).write_bytes((lfw / name).read_bytes())
    found = import_lfw(tmp_path / "lfw", tmp_path / "out", mediapipe_faces(), lambda *_: None)
    assert found.kept == (name,)
    assert found.reasons == {"not_laid_out": 2}
