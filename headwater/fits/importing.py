"""The import of 300W-LP: its fit of each photo checked, and a head of our model fitted to it."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from headwater.artifacts.cameras import camera_columns
from headwater.artifacts.ids import item_id, sha256_hex
from headwater.artifacts.images import MAX_SIDE_PX, encode_png, jpeg_with
from headwater.artifacts.manifest import write_manifest
from headwater.artifacts.schemas import rejects_schema
from headwater.artifacts.tables import Row, bucket_file, to_table, write_bucket
from headwater.data.basel_face import UNITS_PER_MM, BaselFace, FittedFace
from headwater.data.dense_points import DensePoints, dense_points
from headwater.data.fitted_photos import FITTED_PHOTOS
from headwater.data.tables import template_of
from headwater.errors import HeadwaterError, ItemRejected
from headwater.fits.head_fit import FittedHead, HeadFit
from headwater.fits.lp_300w import LpPicture, check_points, check_shown, pictures
from headwater.geometry.cameras import project
from headwater.heads.model import HeadModel
from headwater.metrics.silhouette import silhouette
from headwater.photos.decode import USUAL_MAX_PIXELS, decode_photo
from headwater.photos.folder import printable, read_photo
from headwater.reject_reasons import RejectReason
from headwater.sharing.new_folder import appearing, refuse_unless_new

STEP: Final = "fits"
LICENCE: Final = "300W-LP, research only"
REJECTS: Final = rejects_schema(STEP)
# Photos of a bucket, which are all in memory at once.
_TOGETHER: Final = 256
# Most pairs of points that a head is fitted to; thousands of neighbours tell nothing new.
_MOST_POINTS: Final = 1500
# Largest root mean square distance of a fitted head from the face; faces differ from the mean by a
# few mm.
MOST_APART_MM: Final = 20.0


@dataclass(frozen=True)
class Imported:
    """photos: with a fitted head. rejects: rows of what was left out."""

    photos: int
    rejects: list[Row]


class _Fitter:
    """Fits heads of our model to faces of the data set's model."""

    def __init__(self, face: BaselFace, model: HeadModel) -> None:
        self.model = model
        pairs = dense_points(template_of(model), face.mean, face.mean[face.keypoints])
        some = slice(None, None, -(-len(pairs.rows) // _MOST_POINTS))
        self._pairs = DensePoints(
            pairs.rows[some], pairs.corners[some], pairs.weights[some], pairs.apart_mm[some]
        )
        self._keypoints = face.choose(face.keypoints)
        self._face = face.choose(self._pairs.rows)
        self._fit = HeadFit(model, self._pairs)

    def row(self, picture: LpPicture) -> Row:
        """The row of a photo. Raises ItemRejected where photo or fit cannot be used."""
        data = read_photo(picture.photo)
        photo = decode_photo(data, USUAL_MAX_PIXELS, None)
        size = photo.width, photo.height
        _check_size(*size)
        try:
            face, stored = picture.face(), picture.points()
        except HeadwaterError as problem:
            # Rows do not say where the data set lies.
            said = str(problem).removeprefix(f"{picture.root}{os.sep}")
            raise ItemRejected(RejectReason.FIT_FAILED, printable(said)) from problem
        points = face.in_picture(self._keypoints.vertices(face), photo.height)
        error = check_points(points, stored)
        check_shown(points, *size)
        head = self._fit.fit(self._face.vertices(face) / UNITS_PER_MM)
        _check_head(head)
        camera = face.camera(head.place, *size)
        seen, _ = project(camera, self.model.vertices(head.shape, head.expression))
        name = picture.place
        sha256 = sha256_hex(data)
        jpeg = jpeg_with(data, photo.rgb, picture.title) if photo.as_coded else None
        return {
            "item": item_id("300w_lp", name, sha256),
            "subject": item_id("300w_lp", picture.subject),
            "split": "train",
            "source": "photo",
            "licence": LICENCE,
            "parent": None,
            "source_sha256": sha256,
            "image": jpeg or encode_png(photo.rgb, picture.title),
            "width": photo.width,
            "height": photo.height,
            "file_name": f"{name}.jpg",
            **camera_columns(camera),
            "mask": encode_png(silhouette(seen, self.model.faces, size), picture.title),
            "head_model": self.model.name,
            "model_fingerprint": self.model.fingerprint,
            "shape": head.shape.tolist(),
            "expression": head.expression.tolist(),
            "points_error": error,
            "fit_apart_mm": head.apart_mm,
            "parameters": _parameters(face),
        }


def import_300w_lp(
    root: Path,
    face: BaselFace,
    model: HeadModel,
    out: Path,
    progress: Callable[[int, int], None],
) -> Imported:
    """Write the tables of a downloaded folder's photos into ``out``, a new or empty folder.

    face: the data set's morphable model; model: the build's. progress(done, of all). The same
    folder gives the same bytes. Raises HeadwaterError where there is no photo, where ``out`` holds
    something, and where every photo was rejected.
    """
    found = pictures(root)
    refuse_unless_new(out)
    fitter, photos = _Fitter(face, model), 0
    rejects: list[Row] = []
    with appearing(out) as made:
        for number, first in enumerate(range(0, len(found), _TOGETHER)):
            rows = list(_rows(fitter, found[first : first + _TOGETHER], rejects))
            photos += len(rows)
            path = made / FITTED_PHOTOS.table / bucket_file(number)
            write_bucket(path, FITTED_PHOTOS, to_table(FITTED_PHOTOS, rows), "0" * 64)
            progress(min(first + _TOGETHER, len(found)), len(found))
        if not photos:
            raise HeadwaterError(
                f"{root}: all {len(found)} photos were rejected, the first because: "
                f"{rejects[0]['message']}"
            )
        path = made / REJECTS.table / bucket_file(0)
        write_bucket(path, REJECTS, to_table(REJECTS, rejects), "0" * 64)
        write_manifest(made)
    return Imported(photos, rejects)


def _rows(fitter: _Fitter, some: Sequence[LpPicture], rejects: list[Row]) -> Iterator[Row]:
    """Rows of some photos; those of the others are appended to ``rejects``."""
    for picture in some:
        try:
            yield fitter.row(picture)
        except ItemRejected as error:
            rejects.append(_rejected(picture, error))


def _check_size(width: int, height: int) -> None:
    if max(width, height) > MAX_SIDE_PX:
        raise ItemRejected(
            RejectReason.TOO_MANY_PIXELS,
            f"The photo is {width} x {height} px; a side may have at most {MAX_SIDE_PX}.",
        )


def _check_head(head: FittedHead) -> None:
    if not head.apart_mm <= MOST_APART_MM:
        raise ItemRejected(
            RejectReason.FIT_FAILED,
            f"The fitted face is {head.apart_mm:.0f} mm away from every head of the build's model; "
            f"at most {MOST_APART_MM:.0f} are taken.",
        )


def _rejected(picture: LpPicture, error: ItemRejected) -> Row:
    name = f"{picture.place}.jpg"
    return {
        "item": item_id("300w_lp", name),
        "subject": item_id("300w_lp", picture.subject),
        "step": STEP,
        "reason": error.reason,
        "message": error.message,
        "name": name,
    }


def _parameters(face: FittedFace) -> list[float]:
    pose = [*face.angles, *face.translation, face.scale]
    return [float(one) for one in (*face.shape, *face.expression, *pose)]
