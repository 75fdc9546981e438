"""The step "maps" on made-up heads: exact depth and codes, fitted photos, reasons, 8-bit files."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from headwater.artifacts.images import decode_png
from headwater.artifacts.row_checks import check_rows
from headwater.artifacts.schemas import CAMERAS, FRAMES, LANDMARKS, MAPS, MASKS
from headwater.artifacts.tables import Row, to_table
from headwater.config import Params
from headwater.data.crops import seen_points
from headwater.data.face_codes import face_cut
from headwater.data.face_maps import BACKGROUND, DepthRange, MapSize, from_levels, published_files
from headwater.data.tables import template_of
from headwater.errors import HeadwaterError
from headwater.geometry.cameras import project
from headwater.geometry.rasterise import rasterise
from headwater.pipeline.plan import key_of, plan
from headwater.pipeline.run import check_accounts
from headwater.systems import SYSTEMS, settings
from headwater.systems.settings import map_size
from tasks import maps
from tasks.reads import recorded_map_size, size_text
from tests.tasks.small_maps import (
    MODEL,
    PARAMS,
    PHOTO,
    SIDE,
    VIEWS,
    YAWS,
    by_name,
    camera,
    frame_camera,
    head,
    made,
    rows,
    write_size,
)

PX, MM = 32, 240.0
TEMPLATE = template_of(MODEL)
CUT = face_cut(TEMPLATE)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_size(tmp_path, PX, MM)
    return tmp_path


def depth_mm(row: Row) -> np.ndarray:
    stood_for = DepthRange(row["near_mm"], row["far_mm"])
    return stood_for.depth_mm(from_levels(decode_png(row["depth"])))


def codes(row: Row) -> np.ndarray:
    planes = [decode_png(row[f"code_{axis}"]) for axis in "xyz"]
    assert {plane.dtype for plane in planes} == {np.dtype(np.uint16)}
    return np.stack([from_levels(plane) for plane in planes], axis=-1)


def test_every_view_and_crop_is_there_and_a_row_of_its_table(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, result = made(rows(), folder, monkeypatch)
    check_accounts(maps.STEP, work, result.rows)
    pictures = [("view", "given"), ("crop", "given"), ("crop", "estimated")]
    wanted = {(view, *picture) for view in VIEWS for picture in pictures}
    assert set(by_name(result)) == wanted | {(PHOTO, "crop", "estimated")}
    check_rows(MAPS, to_table(MAPS, result.rows[MAPS.name]))
    assert {row["codes_sha256"] for row in result.rows[MAPS.name]} == {CUT.digest}
    again = made(rows(), folder, monkeypatch)[1]
    assert again.rows == result.rows


def test_maps_of_a_view_are_the_depth_and_the_codes_of_its_head(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = by_name(made(rows(), folder, monkeypatch)[1])
    for view, yaw in zip(VIEWS, YAWS, strict=True):
        row = found[view, "view", "given"]
        pixels, depth = project(camera(yaw), head()[CUT.vertex])
        shown = rasterise(pixels, depth, CUT.faces, SIDE, SIDE)
        mask = decode_png(row["mask"]) > 0
        assert (mask & (shown.triangle >= 0)).sum() > 0.97 * mask.sum() > 1000
        both = mask & (shown.triangle >= 0)
        # At the rim this head is behind the range, whose last steps are the background's.
        inside = both & (from_levels(decode_png(row["depth"])) > 2.01 * BACKGROUND)
        assert inside.sum() > 0.85 * both.sum()
        # A step is one of 65,535 of some 150 mm.
        assert np.abs(depth_mm(row) - shown.depth)[inside].max() < 0.01
        exact = np.zeros((SIDE, SIDE, 3))
        exact[shown.triangle >= 0] = shown.carry(CUT.codes, CUT.faces)
        assert np.abs(codes(row) - exact)[both].max() < 1e-4
        assert not decode_png(row["depth"])[~mask].any()
        assert row["image"] is None
        usual = seen_points(
            torch.tensor(row["projection"]).view(1, 3, 4), CUT.mean, TEMPLATE.nose_bridge
        )
        assert np.abs(usual[0, :, :2] - pixels).max() < 0.08 * SIDE


def test_crops_by_both_cameras_show_the_same_head_elsewhere(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = by_name(made(rows(), folder, monkeypatch)[1])
    given, estimated = (found[VIEWS[0], "crop", kind] for kind in ("given", "estimated"))
    for row in (given, estimated):
        assert (row["width"], row["height"], row["crop_mm"]) == (PX, PX, MM)
        assert decode_png(row["image"]).shape == (PX, PX, 3)
        assert 0.2 < (decode_png(row["mask"]) > 0).mean() < 0.9
    assert given["projection"] != estimated["projection"]
    # The camera that took the picture sees the nose where it is, whatever placed the crop.
    nearest = [depth_mm(row)[decode_png(row["mask"]) > 0].min() for row in (given, estimated)]
    true = project(frame_camera(0.0), head())[1].min()
    np.testing.assert_allclose(nearest, true, atol=2.0)


def test_a_photo_has_the_maps_of_the_head_that_is_fitted_to_its_landmarks(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = by_name(made(rows(), folder, monkeypatch)[1])[PHOTO, "crop", "estimated"]
    assert (row["source"], row["view"]) == ("photo", 0)
    mask = decode_png(row["mask"]) > 0
    projection = np.array(row["projection"]).reshape(3, 4)
    # By its code each pixel is a place on the mean head, which the crop's camera sees there.
    places = CUT.decoded(codes(row)[mask])
    seen = (places - TEMPLATE.nose_bridge) / 100.0 @ projection[:, :3].T + projection[:, 3]
    lines, columns = np.nonzero(mask)
    away = np.hypot(seen[:, 0] / seen[:, 2] - columns - 0.5, seen[:, 1] / seen[:, 2] - lines - 0.5)
    assert mask.mean() > 0.2
    assert np.median(away) < 0.1 * PX


def test_a_misdetected_face_and_a_head_that_no_landmarks_fit_are_rejected_with_reasons(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = rows()
    places = {row["item"]: row for row in given[LANDMARKS.name]}
    points = np.array(places[VIEWS[1]]["landmarks_478_px"])
    places[VIEWS[1]]["landmarks_478_px"] = (points + 40.0).tolist()
    # Every second landmark lies elsewhere: they are those of no face.
    jumbled = np.array(places[PHOTO]["landmarks_478_px"]).reshape(-1, 2)
    jumbled[::2] = jumbled[::2][::-1]
    places[PHOTO]["landmarks_478_px"] = jumbled.ravel().tolist()
    work, result = made(given, folder, monkeypatch)
    check_accounts(maps.STEP, work, result.rows)
    rejects = {row["name"]: row["reason"] for row in result.rows["maps/rejects"]}
    assert rejects == {
        f"crop of {VIEWS[1]}, camera given": "misplaced_face",
        f"crop of {VIEWS[1]}, camera estimated": "misplaced_face",
        f"crop of {PHOTO}, camera estimated": "head_not_fitted",
    }
    assert (VIEWS[1], "view", "given") in by_name(result)


def test_a_photo_whose_border_cuts_the_face_is_rejected(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = rows()
    (frame,) = (row for row in given[FRAMES.name] if row["item"] == PHOTO)
    frame["photo_width"] = SIDE // 2
    _, result = made(given, folder, monkeypatch)
    (reject,) = result.rows["maps/rejects"]
    assert reject["reason"] == "head_not_fitted"
    assert "border cuts the face" in reject["message"]


def test_frames_without_landmarks_mask_or_camera_have_no_crop_that_needs_them(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = rows()
    given[LANDMARKS.name] = [row for row in given[LANDMARKS.name] if row["item"] != VIEWS[0]]
    given[CAMERAS.name] = [row for row in given[CAMERAS.name] if row["item"] != VIEWS[1]]
    given[MASKS.name] = [row for row in given[MASKS.name] if row["item"] != PHOTO]
    assert set(by_name(made(given, folder, monkeypatch)[1])) == {
        (VIEWS[0], "view", "given"),
        (VIEWS[1], "view", "given"),
        (VIEWS[1], "crop", "given"),
    }


def test_with_compat_every_view_has_the_published_files(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = by_name(made(rows(), folder, monkeypatch)[1])
    found = by_name(made(rows(), folder, monkeypatch, compat="3ddfa")[1])
    for key, row in found.items():
        files = [row.pop(name) for name in ("published_depth", "published_pncc")]
        without = dict(plain[key])
        assert [without.pop(name) for name in ("published_depth", "published_pncc")] == [None] * 2
        assert row == without
        if key[1] == "crop":
            assert files == [None, None]
            continue
        pixels, depth = project(camera(YAWS[VIEWS.index(key[0])]), head()[CUT.vertex])
        wanted = published_files(
            np.column_stack([pixels - 0.5, -depth]), CUT.faces, CUT.codes, SIDE, SIDE
        )
        for file, exact in zip(files, wanted, strict=True):
            np.testing.assert_array_equal(decode_png(file), exact)
            assert exact.dtype == np.uint8
            assert exact.max() > 200


def building(**build: str) -> Params:
    return PARAMS.model_copy(update={"build": build})


def test_maps_are_made_only_where_a_system_of_the_build_reads_them(tmp_path: Path) -> None:
    assert not maps.wanted(PARAMS, tmp_path)
    assert size_text(PARAMS, tmp_path) == "null\n"
    assert plan(maps.STEP, PARAMS, tmp_path) == []
    both = building(facevision="heads", lvd="heads")
    assert maps.wanted(both, tmp_path)
    assert size_text(both, tmp_path) == "[64, 240.0]\n"


def test_a_size_that_is_not_there_is_asked_for_by_name(tmp_path: Path) -> None:
    with pytest.raises(HeadwaterError, match="run the stage reads first"):
        recorded_map_size(tmp_path)
    write_size(tmp_path, 128, 240.0)
    assert recorded_map_size(tmp_path).px == 128


def test_a_build_has_maps_of_one_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = replace(SYSTEMS["facevision"], name="other", map_size=lambda config: MapSize(128, 240))
    known = {**SYSTEMS, "other": other}
    monkeypatch.setattr(settings, "find_system", lambda name, params, project: known[name])
    with pytest.raises(HeadwaterError, match="facevision 64 px of 240 mm, other 128 px of 240 mm"):
        map_size(building(facevision="heads", other="heads"), tmp_path)
    monkeypatch.setitem(known, "other", replace(other, map_size=None))
    with pytest.raises(HeadwaterError, match="it reads maps, and their size is None"):
        map_size(building(other="heads"), tmp_path)


def test_a_change_of_size_or_of_compat_makes_them_anew(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maps, "head_model_fingerprint", lambda params, project: {})
    work, _ = made(rows(), folder, monkeypatch)
    keys = {key_of(maps.STEP, work, maps._models(work.params, folder))}
    (folder / "data" / "reads" / "map_size.json").write_text("[64, 240.0]\n")
    keys.add(key_of(maps.STEP, work, maps._models(work.params, folder)))
    other, _ = made(rows(), folder, monkeypatch, compat="3ddfa")
    keys.add(key_of(maps.STEP, other, maps._models(other.params, folder)))
    assert len(keys) == 3
