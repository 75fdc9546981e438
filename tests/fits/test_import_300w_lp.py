"""300W-LP in its published layout: checked, fitted, stored, and learned from."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import loadmat, savemat

from headwater.artifacts.images import MAX_SIDE_PX
from headwater.artifacts.manifest import MANIFEST, sha256_of_file
from headwater.artifacts.tables import read_bucket
from headwater.cli import app, run
from headwater.data import tables
from headwater.data.basel_face import read_fitted_face
from headwater.data.fitted_photos import FITTED_PHOTOS, FittedPhotos, read_fitted_photos
from headwater.data.scenes import Template
from headwater.errors import HeadwaterError, ItemRejected
from headwater.fits.importing import REJECTS, import_300w_lp
from headwater.fits.lp_300w import LpPicture, check_points, pictures
from headwater.geometry.cameras import project
from headwater.networks.pixel_aligned import project as project_batch
from headwater.systems.spiral_gcn.config import prepared
from headwater.systems.spiral_gcn.data import examples_of
from headwater.systems.spiral_gcn.train import train
from headwater.systems.spiral_gcn.weights import load_weights
from headwater.training.run import Run
from tests.data.published_faces import (
    SIDE,
    PublishedModel,
    keypoints_of,
    toy_model,
    write_lp,
    write_model,
)
from tests.systems.spiral_gcn.toy import TOY, toy_surface, toy_tables

MODEL = toy_model()
TEMPLATE = Template(MODEL.mean, MODEL.faces, MODEL.surface, MODEL.landmarks_478)
NAMES = {
    "AFW/AFW_134212_1_0": 0.0,
    "AFW/AFW_134212_1_3": 50.0,
    "AFW_Flip/AFW_134212_1_0": -10.0,
    "LFPW/LFPW_image_train_0001_7": -80.0,
}


def silent(_done: int, _total: int) -> None:
    pass


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> PublishedModel:
    return write_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def root(published: PublishedModel, tmp_path: Path) -> Path:
    write_lp(tmp_path / "300W_LP", published.model, NAMES)
    return tmp_path / "300W_LP"


@pytest.fixture(scope="module")
def imported(published: PublishedModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lp")
    write_lp(folder / "300W_LP", published.model, NAMES)
    import_300w_lp(folder / "300W_LP", published.model, MODEL, folder / "fits", silent)
    return folder / "fits"


def rows_of(folder: Path) -> list[dict]:
    return read_bucket(folder / "photos" / "bucket-000.parquet", FITTED_PHOTOS).to_pylist()


def photos_of(folder: Path) -> list[FittedPhotos]:
    return list(read_fitted_photos(folder, sha256_of_file(folder / MANIFEST), MODEL))


def test_all_sets_are_found_and_pictures_of_one_photo_are_one_subject(root: Path) -> None:
    found = pictures(root)
    assert [f"{one.set_name}/{one.name}" for one in found] == list(NAMES)
    assert [one.subject for one in found] == 3 * ["AFW/AFW_134212_1"] + [
        "LFPW/LFPW_image_train_0001"
    ]
    with pytest.raises(HeadwaterError, match="holds none of the folders AFW, HELEN"):
        pictures(root / "AFW")
    (root / "HELEN").symlink_to("HELEN")
    with pytest.raises(HeadwaterError, match=r"HELEN: cannot be read \(Too many levels"):
        pictures(root)


def test_the_fit_lands_on_the_stored_points_to_a_pixel(
    root: Path, published: PublishedModel
) -> None:
    for picture in pictures(root):
        points = keypoints_of(published.model, picture.face())
        assert np.abs(points[:, :2] - picture.points()).max() < 1.0
        assert check_points(points, picture.points()) < 1e-5


def test_points_beside_the_face_are_refused_but_not_those_of_its_outline() -> None:
    rng = np.random.default_rng(0)
    stored = rng.uniform(100, 200, (68, 2))
    outline = np.concatenate([stored[:17] + 40.0, stored[17:]])
    assert check_points(outline, stored) == 0.0
    with pytest.raises(ItemRejected, match="misses the photo's stored points by 1"):
        check_points(stored + 12.0, stored)
    with pytest.raises(ItemRejected, match="lie on one line or at one place"):
        check_points(stored, np.ones((68, 2)))


def test_a_head_of_ours_stands_where_the_photo_shows_its_face(imported: Path) -> None:
    for row in rows_of(imported):
        assert row["points_error"] < 1e-4
        assert row["fit_apart_mm"] < 2.5
        assert row["split"] == "train"
        assert len(row["parameters"]) == 199 + 29 + 7
    [photos] = photos_of(imported)
    assert len(photos.views) == len(photos.heads) == len(NAMES)
    assert photos.views.head.tolist() == [0, 1, 2, 3]
    for number, mask in enumerate(photos.views.masks):
        pixels, _ = project(photos.views.camera(number), photos.heads[number])
        inside = ((pixels > 1) & (pixels < SIDE - 1)).all(axis=1)
        cells = pixels[inside].astype(int)
        assert (mask[cells[:, 1], cells[:, 0]] == 255).mean() > 0.8
        assert 0.02 < (mask == 255).mean() < 0.9


def test_the_head_projects_onto_the_published_points(
    imported: Path, published: PublishedModel, root: Path
) -> None:
    """Through camera and canonical placement: its keypoints, within 1 % of the face's size."""
    [photos] = photos_of(imported)
    names = [row["file_name"] for row in rows_of(imported)]
    by_name = {f"{one.set_name}/{one.name}.jpg": one for one in pictures(root)}
    for number, name in enumerate(names):
        true = keypoints_of(published.model, by_name[name].face())[:, :2] - 0.5
        found, _ = project(
            photos.views.camera(number), photos.heads[number][published.model.keypoints]
        )
        assert np.linalg.norm(found - true, axis=1).mean() < 0.012 * np.ptp(true, axis=0).max()


def test_what_cannot_be_used_is_left_out_with_its_reason(
    root: Path, published: PublishedModel, tmp_path: Path
) -> None:
    afw = root / "AFW"
    (afw / "AFW_134212_1_3.mat").unlink()
    (root / "AFW_Flip" / "AFW_134212_1_0.jpg").write_bytes(b"no picture")
    path = root / "LFPW" / "LFPW_image_train_0001_7.mat"
    whole = {key: value for key, value in loadmat(path).items() if not key.startswith("__")}
    savemat(path, {**whole, "pt2d": whole["pt2d"][:, ::-1]})
    made = import_300w_lp(root, published.model, MODEL, tmp_path / "out", silent)
    assert made.photos == 1
    told = {row["name"]: (row["reason"], row["message"]) for row in made.rejects}
    assert told["AFW/AFW_134212_1_3.jpg"][0] == "fit_failed"
    assert "there is no such file" in told["AFW/AFW_134212_1_3.jpg"][1]
    assert told["AFW_Flip/AFW_134212_1_0.jpg"][0] == "not_an_image"
    assert "misses the photo's stored points" in told["LFPW/LFPW_image_train_0001_7.jpg"][1]
    stored = read_bucket(tmp_path / "out" / "rejects" / "bucket-000.parquet", REJECTS)
    assert stored.num_rows == 3


def test_the_same_folder_gives_the_same_bytes_and_no_folder_is_written_into_twice(
    root: Path, published: PublishedModel, imported: Path, tmp_path: Path
) -> None:
    import_300w_lp(root, published.model, MODEL, tmp_path / "again", silent)
    assert (tmp_path / "again" / MANIFEST).read_bytes() == (imported / MANIFEST).read_bytes()
    with pytest.raises(HeadwaterError, match="is not empty; name a folder that is new or empty"):
        import_300w_lp(root, published.model, MODEL, tmp_path / "again", silent)


def test_a_folder_of_which_nothing_is_left_is_refused(
    root: Path, published: PublishedModel, tmp_path: Path
) -> None:
    for path in root.glob("*/*.mat"):
        path.write_bytes(b"")
    with pytest.raises(HeadwaterError, match="all 4 photos were rejected, the first because: AFW/"):
        import_300w_lp(root, published.model, MODEL, tmp_path / "out", silent)
    assert not (tmp_path / "out").exists()


def test_the_folder_appears_whole_or_not_at_all_and_only_where_it_can(
    root: Path, published: PublishedModel, tmp_path: Path
) -> None:
    def stop(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    out = tmp_path / "made" / "out"
    with pytest.raises(KeyboardInterrupt):
        import_300w_lp(root, published.model, MODEL, out, stop)
    assert list(out.parent.iterdir()) == []
    out.write_text("mine")
    with pytest.raises(HeadwaterError, match="out: is no folder"):
        import_300w_lp(root, published.model, MODEL, out, silent)
    with pytest.raises(HeadwaterError, match="Not a directory"):
        import_300w_lp(root, published.model, MODEL, out / "below", silent)
    assert out.read_text() == "mine"


def test_where_the_data_set_lies_changes_no_byte_and_no_name_is_too_odd(
    root: Path, published: PublishedModel, tmp_path: Path
) -> None:
    (root / "AFW" / "AFW_134212_1_3.mat").unlink()
    (root / "AFW_Flip" / "AFW_134212_1_0.mat").write_bytes(b"")
    odd = b"LFPW_\xff\n\xe2\x80\xae_0"
    for ending in ("jpg", "mat"):
        path = root / "LFPW" / f"LFPW_image_train_0001_7.{ending}"
        path.rename(root / "LFPW" / f"{os.fsdecode(odd)}.{ending}")
    import_300w_lp(root, published.model, MODEL, tmp_path / "one", silent)
    root.rename(tmp_path / "elsewhere")
    import_300w_lp(tmp_path / "elsewhere", published.model, MODEL, tmp_path / "two", silent)
    one, two = (sha256_of_file(tmp_path / name / MANIFEST) for name in ("one", "two"))
    assert one == two
    assert rows_of(tmp_path / "one")[1]["file_name"] == r"LFPW/LFPW_\xff\n\u202e_0.jpg"


@pytest.mark.parametrize(
    ("pose", "said"),
    [
        ([0, 0, 0, 5000, 225, 0, 1e-3], "points 0 lie in the photo"),
        ([0, 0, 0, 225, 225, 0, 1.0], "points 0 lie in the photo"),
        ([0, 0, 0, 225, 225, 0, 1e-5], "px large; at least 16"),
        ([0, 0, 0, 225, 225, 0, 1e300], "Pose_Para holds numbers beyond 1e"),
    ],
)
def test_a_fit_that_agrees_with_its_points_but_shows_no_face_is_left_out(
    pose: list[float], said: str, root: Path, published: PublishedModel, tmp_path: Path
) -> None:
    refit(root / "AFW" / "AFW_134212_1_0.mat", published, Pose_Para=np.array([pose]))
    made = import_300w_lp(root, published.model, MODEL, tmp_path / "out", silent)
    assert [row["reason"] for row in made.rejects] == ["fit_failed"]
    assert said in made.rejects[0]["message"]


def test_a_face_that_no_head_of_ours_comes_near_is_left_out(
    root: Path, published: PublishedModel, tmp_path: Path
) -> None:
    path = root / "AFW" / "AFW_134212_1_0.mat"
    refit(path, published, Shape_Para=np.full((199, 1), 10.0))
    made = import_300w_lp(root, published.model, MODEL, tmp_path / "out", silent)
    assert [row["reason"] for row in made.rejects] == ["fit_failed"]
    assert "mm away from every head of the build's model" in made.rejects[0]["message"]


def test_a_photo_with_a_side_longer_than_tables_hold_is_left_out(
    root: Path, published: PublishedModel, tmp_path: Path
) -> None:
    path = root / "AFW" / "AFW_134212_1_0.jpg"
    wide = Image.new("RGB", (MAX_SIDE_PX + 1, SIDE))
    with Image.open(path) as photo:
        wide.paste(photo)
    wide.save(path)
    made = import_300w_lp(root, published.model, MODEL, tmp_path / "out", silent)
    assert [row["reason"] for row in made.rejects] == ["too_many_pixels"]
    assert made.rejects[0]["message"] == "The photo is 8193 x 450 px; a side may have at most 8192."


def refit(path: Path, published: PublishedModel, **changed: np.ndarray) -> None:
    """Give a picture's fit other parameters, and its stored points by them."""
    whole = {key: value for key, value in loadmat(path).items() if not key.startswith("__")}
    savemat(path, {**whole, **changed})
    pose = np.asarray({**whole, **changed}["Pose_Para"])[0]
    if pose[6] < 1e9:
        points = keypoints_of(published.model, read_fitted_face(path))[:, :2]
        beside = path.parents[1] / "landmarks" / path.parent.name / f"{path.stem}_pts.mat"
        savemat(beside, {"pts_3d": points})


def test_a_changed_or_damaged_folder_and_another_head_model_are_refused(
    imported: Path, tmp_path: Path
) -> None:
    with pytest.raises(HeadwaterError, match="changed while the build ran"):
        list(read_fitted_photos(imported, "0" * 64, MODEL))
    other = replace(MODEL, fingerprint="another")
    with pytest.raises(HeadwaterError, match="made with the head model toy as it is not"):
        list(read_fitted_photos(imported, sha256_of_file(imported / MANIFEST), other))
    for path in imported.rglob("*"):
        if path.is_file():
            copy = tmp_path / path.relative_to(imported)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    (tmp_path / "photos" / "bucket-000.parquet").write_bytes(b"PAR1")
    with pytest.raises(HeadwaterError, match="import the data set again"):
        photos_of(tmp_path)


def test_the_coarse_stage_learns_from_photos_beside_the_rendered_views(
    imported: Path, tmp_path: Path
) -> None:
    template, surface = toy_surface()
    own, photos = toy_tables(), photos_of(imported)
    bare = examples_of(TOY, own.heads, own.views, template, surface)
    more = examples_of(TOY, own.heads, own.views, template, surface, photos)
    # Mirror images come after all: toy heads are not symmetric enough for a mirror.
    factor = len(bare.crops) // len(bare.views)
    assert len(more.crops) == len(bare.crops) + factor * len(NAMES)
    assert len(more.targets) == len(bare.targets) + factor * len(NAMES)
    rows = torch.arange(len(own.views), len(own.views) + len(NAMES))
    targets = more.targets[more.crops.head[rows]]
    pixels, _ = project_batch(targets, more.crops.projection[rows][:, None])
    side = TOY.image_px
    for place, crop in zip(pixels[:, 0], more.crops.pixels[rows], strict=True):
        inside = ((place > 0) & (place < side)).all(dim=1)
        assert float(inside.float().mean()) > 0.6
        cells = place[inside].long()
        assert float((crop[cells[:, 1], cells[:, 0], 3] > 0).float().mean()) > 0.85
    short = TOY.model_copy(update={"steps": 10, "detail_steps": 10})
    path = tmp_path / "weights.safetensors"
    curve = train(short, own, Run(3, tmp_path / "checkpoints"), path, photos)
    # Of the decoder, the encoder, both together, and the detail network.
    assert [record["step"] for record in curve] == [10, 20, 30, 40]
    assert load_weights(path).config.steps == 10


def test_a_training_counts_by_the_content_of_the_folder(imported: Path, tmp_path: Path) -> None:
    named = TOY.model_copy(update={"fitted_photos": str(imported)})
    found = prepared(named, tmp_path)
    assert found.fitted_photos == imported.name
    assert found.fitted_sha256 == sha256_of_file(imported / MANIFEST)
    assert found.answer.fitted_folder == str(imported)
    assert str(imported) not in found.model_dump_json()
    missing = TOY.model_copy(update={"fitted_photos": "nowhere"})
    with pytest.raises(HeadwaterError, match=r"name a folder of `headwater import`"):
        prepared(missing, tmp_path)


def test_the_command_says_what_it_made_and_what_it_lacks(
    root: Path,
    published: PublishedModel,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ["import", "300w_lp", str(root), "--model", str(published.folder)]
    arguments += ["-o", str(tmp_path / "fits"), "--project", str(tmp_path)]
    assert run(app, arguments) == 2
    assert "head_model" in capsys.readouterr().err
    # A build's head model is that of anny or ICT: the toy one stands for it.
    monkeypatch.setattr(tables, "read_model", lambda _: MODEL)
    (root / "AFW" / "AFW_134212_1_3.mat").unlink()
    assert run(app, arguments) == 0
    shown = capsys.readouterr()
    assert "3 photos with fitted heads, 1 left out" in shown.out
    assert "AFW/AFW_134212_1_3.jpg: " in shown.err


def test_a_picture_names_its_files(root: Path) -> None:
    picture = LpPicture(root, "AFW", "AFW_134212_1_0")
    assert picture.photo == root / "AFW" / "AFW_134212_1_0.jpg"
    assert picture.face().yaw_degrees == pytest.approx(0.0)
