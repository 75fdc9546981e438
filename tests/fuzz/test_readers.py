"""Thousands of damaged files for every reader: a sentence that names the file, or a sound result.

Never another exception, more than a gigabyte or more than ten seconds. A few of each in `make
test`, thousands in `make nightly`.
"""

import hashlib
import json
import random
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import torch
from scipy.io import savemat

from headwater.artifacts import schemas
from headwater.artifacts.file_checks import check_file
from headwater.artifacts.glb import Skin, from_glb, to_glb
from headwater.artifacts.ids import item_id
from headwater.artifacts.mat_files import read_mat
from headwater.artifacts.meshes import from_ply, to_ply
from headwater.artifacts.obj import read_obj
from headwater.artifacts.tables import bucket_bytes, bucket_key, read_bucket, to_table
from headwater.config import load_params
from headwater.data import h3ds
from headwater.data.aflw2000 import Aflw2000
from headwater.data.canonical import to_canonical
from headwater.data.h3ds import read_surface
from headwater.errors import HeadwaterError, ItemRejected
from headwater.heads import ict_adapter, store
from headwater.networks.encoder_weights import load_encoder
from headwater.networks.onnx_adapter import open_onnx
from headwater.networks.resnet import ResNet
from headwater.photos.builtin import PORTRAITS
from headwater.photos.decode import decode_photo
from headwater.reconstruct.given_cameras import read_cameras
from headwater.systems.glvd.train import build
from headwater.systems.glvd.weights import TrainedGlvd, load_weights, save_weights
from tests.artifacts.small_build import head_mesh, row_of
from tests.fuzz.mutants import (
    Mutate,
    any_of,
    glb_json_mutated,
    header_mutated,
    mutated,
    zip_member_mutated,
)
from tests.heads.test_ict_adapter import TINY, write_folder, write_npz
from tests.networks.onnx_files import onnx_file
from tests.photos.test_decode import FUZZED as PHOTOS
from tests.systems.toy_heads import TOY_CONFIG, toy_heads, toy_template

PROJECT = Path(__file__).resolve().parents[2]
FAST, NIGHTLY = 40, 5000
MAX_BYTES, MAX_SECONDS = 2**30, 10.0

Read = Callable[[Path], object]


@dataclass(frozen=True)
class Reader:
    """A reader and valid files for it: place (relative) of the file, seeds, and how to damage."""

    place: str
    read: Read
    seeds: Callable[[Path], Sequence[bytes]]
    mutate: Mutate = mutated


def _camera_file(_: Path) -> list[bytes]:
    camera = {"photo": "a.jpg", "K": [[500, 0, 32], [0, 500, 32], [0, 0, 1]], "t": [0, 0, 600]}
    camera |= {"R": np.eye(3).tolist(), "width": 64, "height": 64, "sha256": "0" * 64}
    return [json.dumps({"views": [camera, {**camera, "photo": "b.jpg"}]}).encode()]


def _table_file(_: Path) -> list[bytes]:
    rows = [row_of(schemas.TRUTH, item_id(i), item_id(i)) for i in range(3)]
    return [bucket_bytes(schemas.TRUTH, to_table(schemas.TRUTH, rows), "0" * 64)]


def _weights_file(folder: Path) -> list[bytes]:
    template = toy_template()
    targets = torch.from_numpy(to_canonical(toy_heads(2, seed=1).vertices, template.nose_bridge))
    network = build(TOY_CONFIG, targets, template, 0)
    save_weights(folder / "sound", TrainedGlvd(network, TOY_CONFIG, template))
    return [(folder / "sound").read_bytes()]


def _store_file(folder: Path) -> list[bytes]:
    ict_adapter.bases(write_npz(folder / "m.npz"), folder / "made", TINY)
    return [path.read_bytes() for path in (folder / "made").iterdir()]


def _obj_files(folder: Path) -> list[bytes]:
    neutral = write_folder(folder / "obj") / "generic_neutral_mesh.obj"
    return [neutral.read_bytes(), b"v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 1\nf 1 2 3 4\nf -4 -3 -1\n"]


def _ply_files(_: Path) -> list[bytes]:
    ascii_ply = (
        b"ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nproperty float y\n"
        b"property float z\nelement face 1\nproperty list uchar int vertex_indices\nend_header\n"
        b"0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n"
    )
    return [to_ply(*head_mesh()), ascii_ply]


def _glb_files(_: Path) -> list[bytes]:
    vertices, faces = head_mesh()
    skin = Skin(np.zeros((len(vertices), 2)), np.zeros((4, 4, 3), np.uint8))
    return [to_glb(vertices, faces), to_glb(vertices, faces, skin)]


def _onnx_files(_: Path) -> list[bytes]:
    return [
        onnx_file("AveragePool", kernel_shape=[4, 4], strides=[4, 4]),
        onnx_file("Conv", np.ones((4, 3, 3, 3))),
    ]


def _mat_files(folder: Path) -> list[bytes]:
    path, points = folder / "seed.mat", np.arange(12.0).reshape(3, 4)
    files = []
    for packed in (False, True):
        savemat(path, {"points": points, "roi": np.ones((1, 4), np.int16)}, do_compression=packed)
        files.append(path.read_bytes())
    return files


def _archives(folder: Path) -> list[bytes]:
    np.savez(folder / "seed.npz", world_mat_0=np.eye(4), scale_mat_0=np.eye(4))
    return [(folder / "seed.npz").read_bytes()]


def _yaw_files(folder: Path) -> list[bytes]:
    for number in range(3):
        (folder / f"image{number}.jpg").touch()
    files = []
    for kind in ("<f8", ">f4", "<i2"):
        np.save(folder / "seed.npy", np.arange(3).astype(kind))
        files.append((folder / "seed.npy").read_bytes())
    return files


def _torch_files(folder: Path) -> list[bytes]:
    path, weights = folder / "seed.pth", ResNet(4, (1, 1, 1, 1)).state_dict()
    files = []
    for as_zip in (True, False):
        torch.save(weights, path, _use_new_zipfile_serialization=as_zip)
        files.append(path.read_bytes())
    return files


def _read_encoder(path: Path) -> object:
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return load_encoder(ResNet(4, (1, 1, 1, 1)), path, sha256)


def _read_npz(path: Path) -> object:
    return ict_adapter._extract(ict_adapter.read_npz(path, TINY), TINY, path)


def _read_folder(path: Path) -> object:
    return ict_adapter.bases(path.parent, path.parent / "cache", TINY)


def _read_table(path: Path) -> object:
    # Each of the three must stay within bounds, whatever the others say.
    said = check_file(path)
    for read in (bucket_key, lambda path: read_bucket(path, schemas.TRUTH)):
        try:
            read(path)
        except HeadwaterError:
            continue
    return said


def _open_onnx(path: Path) -> object:
    try:
        return open_onnx(path.read_bytes(), 1)
    except ValueError as error:
        raise HeadwaterError(f"{path}: {error}") from error


def _decode(path: Path) -> object:
    try:
        return decode_photo(path.read_bytes(), 10**6)
    except ItemRejected as rejected:
        raise HeadwaterError(f"{path}: {rejected.message}") from rejected


READERS = {
    "npz": Reader(
        "m.npz",
        _read_npz,
        lambda folder: [write_npz(folder / "seed.npz").read_bytes()],
        any_of(mutated, zip_member_mutated, zip_member_mutated),
    ),
    "ict obj": Reader("FaceXModel/generic_neutral_mesh.obj", _read_folder, _obj_files),
    "obj": Reader("scan.obj", read_obj, _obj_files),
    "scan": Reader("scan.obj", read_surface, _obj_files),
    "ply": Reader("head.ply", lambda path: from_ply(path.read_bytes(), str(path)), _ply_files),
    "glb": Reader(
        "head.glb",
        lambda path: from_glb(path.read_bytes(), str(path)),
        _glb_files,
        any_of(mutated, glb_json_mutated),
    ),
    "parquet": Reader("synthesize/truth/bucket-000.parquet", _read_table, _table_file),
    "safetensors": Reader(
        "a.safetensors",
        check_file,
        lambda _: [safetensors.numpy.save({"a": np.ones((3, 4), np.float32), "b": np.arange(3)})],
        any_of(mutated, header_mutated),
    ),
    "stored head": Reader(
        "head.safetensors", store.read, _store_file, any_of(mutated, header_mutated)
    ),
    "weights": Reader(
        "weights.safetensors", load_weights, _weights_file, any_of(mutated, header_mutated)
    ),
    "json": Reader("metrics.json", check_file, lambda _: [b'{"a": [1, 2.5, "x"], "b": {}}']),
    "csv": Reader("loss.csv", check_file, lambda _: [b'step,error\n0,30.5\n1,"2.5"\n']),
    "html": Reader("page.html", check_file, lambda _: [b"<!doctype html><html></html>\n"]),
    "mat": Reader("a.mat", lambda path: read_mat(path, {"points": (3, None)}), _mat_files),
    "h3ds cameras": Reader(
        "cameras.npz", h3ds._cameras, _archives, any_of(mutated, zip_member_mutated)
    ),
    "yaws": Reader("yaws.npy", lambda path: Aflw2000(path.parent, None, path), _yaw_files),
    "encoder": Reader("own.pth", _read_encoder, _torch_files),
    "cameras": Reader("cameras.json", read_cameras, _camera_file),
    "params": Reader(
        "params.yaml", load_params, lambda _: [(PROJECT / "params.yaml").read_bytes()]
    ),
    "onnx": Reader("net.onnx", _open_onnx, _onnx_files),
    "photo": Reader(
        "photo", _decode, lambda _: [*PHOTOS, *(portrait.data() for portrait in PORTRAITS)]
    ),
}


def fuzz(reader: Reader, folder: Path, count: int) -> tuple[int, int]:
    """Numbers of refused and of read files among ``count`` damaged ones."""
    seeds = reader.seeds(folder)
    path = folder / reader.place
    if path.parent.name == "FaceXModel":
        write_folder(path.parent)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(seeds[0])
    reader.read(path)  # valid, or nothing below means anything
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused = 0
    for number in range(count):
        chance = random.Random(number)
        path.write_bytes(reader.mutate(chance.choice(seeds), chance))
        started = time.monotonic()
        try:
            reader.read(path)
        except HeadwaterError as error:
            refused += 1
            said = str(error)
        else:
            said = path.name
        # The file itself, or one that it names beside it.
        assert path.name in said or folder.name in said, number
        assert time.monotonic() - started < MAX_SECONDS, number
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown * 1024 < MAX_BYTES
    return refused, count - refused


@pytest.mark.fault("a damaged file is refused in one sentence by every reader, within bounds")
@pytest.mark.parametrize("name", READERS)
def test_a_few_damaged_files(name: str, tmp_path: Path) -> None:
    fuzz(READERS[name], tmp_path, FAST)


@pytest.mark.fault("a damaged file is refused in one sentence by every reader, within bounds")
@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
def test_thousands_of_damaged_files(name: str, tmp_path: Path) -> None:
    fuzz(READERS[name], tmp_path, NIGHTLY)
