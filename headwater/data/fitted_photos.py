"""Photos with heads of our model fitted to them, written by an import and read by a training.

A folder with ``photos/bucket-<nnn>.parquet``, ``rejects/bucket-000.parquet`` and a manifest. The
manifest's hash is one of a training's inputs, so that a changed file is another training or an
error.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from headwater.artifacts.cameras import camera_of
from headwater.artifacts.columns import IMAGE, ORIGIN, camera_in, column, table
from headwater.artifacts.images import decode_picture, decode_png
from headwater.artifacts.manifest import MANIFEST, problems_with_files, sha256_of_file
from headwater.artifacts.tables import Row, read_bucket
from headwater.data.placement import in_canonical_frame, true_placement
from headwater.data.scenes import FloatArray, Template, Views, joined, stacked
from headwater.data.tables import template_of
from headwater.errors import HeadwaterError
from headwater.heads.model import HeadModel

_UNDETECTED: Final = np.full((478, 2), np.nan, np.float32)
_PHOTO: Final = "photo"

FITTED_PHOTOS: Final = table(
    "fits/photos",
    "a photo with a head of our model, fitted to the face that the data set's authors fitted to it",
    *ORIGIN,
    column("image", IMAGE, "the photo, 8-bit sRGB, JPEG as it was or PNG"),
    column("width", pa.int32(), "width of the photo", unit="px"),
    column("height", pa.int32(), "height of the photo", unit="px"),
    column("file_name", pa.string(), "path inside the data set's folder"),
    *camera_in(_PHOTO),
    column("mask", IMAGE, "silhouette of the fitted head, 8-bit PNG, 0 or 255"),
    column("head_model", pa.string(), "name of the parametric model"),
    column("model_fingerprint", pa.string(), "SHA-256 of the model's bases"),
    column("shape", pa.list_(pa.float32()), "shape coefficients of the model"),
    column("expression", pa.list_(pa.float32()), "expression coefficients of the model"),
    column(
        "points_error",
        pa.float32(),
        "mean distance of the data set's fit from its stored points, by the size of their box",
    ),
    column("fit_apart_mm", pa.float32(), "RMS distance of head and fitted face", unit="mm"),
    column(
        "parameters",
        pa.list_(pa.float64()),
        "the data set's fit: 199 of shape, 29 of expression, 7 of pose",
    ),
)


@dataclass(frozen=True)
class FittedPhotos:
    """n photos: views (n) and heads (n, V, 3), both in the canonical frame, mm."""

    views: Views
    heads: FloatArray


def read_fitted_photos(folder: Path, sha256: str, model: HeadModel) -> Iterator[FittedPhotos]:
    """All photos of an import, bucket by bucket.

    sha256: of its manifest. model: the build's. Raises HeadwaterError where the folder is damaged,
    has changed, or was made with another head model.
    """
    if sha256_of_file(folder / MANIFEST) != sha256:
        raise HeadwaterError(f"{folder}: changed while the build ran; run it again")
    if problems := problems_with_files(folder):
        path, fault = problems[0]
        raise HeadwaterError(f"{path}: {fault}; import the data set again")
    template = template_of(model)
    for path in sorted((folder / FITTED_PHOTOS.table).glob("bucket-*.parquet")):
        rows = read_bucket(path, FITTED_PHOTOS).to_pylist()
        if any(row["model_fingerprint"] != model.fingerprint for row in rows):
            raise HeadwaterError(
                f"{path}: was made with the head model {rows[0]['head_model']} as it is not in "
                "this build; import the data set again"
            )
        if rows:
            yield _photos(rows, model, template)


def _photos(rows: list[Row], model: HeadModel, template: Template) -> FittedPhotos:
    wanted, views, heads = template.landmarks_68(template.mean), [], []
    for row in rows:
        shape, expression = (np.array(row[key], np.float32) for key in ("shape", "expression"))
        vertices = model.vertices(shape, expression)
        place = true_placement(template.landmarks_68(vertices), wanted)
        views.append(in_canonical_frame(_view(row), place))
        heads.append(place.apply(vertices).astype(np.float32))
    numbered = replace(joined(views), head=np.arange(len(views), dtype=np.int32))
    return FittedPhotos(numbered, np.stack(heads))


def _view(row: Row) -> Views:
    K, R, t = stacked([camera_of(row)])
    return Views(
        (decode_picture(row["image"]),),
        (decode_png(row["mask"]),),
        *(K, R, t),
        _UNDETECTED[None],
        np.zeros(1, np.int32),
        np.array([row["split"]]),
        np.zeros(1, np.bool_),
    )
