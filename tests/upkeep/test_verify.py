"""``headwater verify`` against every kind of damage, bit by bit."""

import io
import os
import re
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headwater.artifacts import schemas
from headwater.artifacts.columns import TableSchema
from headwater.artifacts.ids import item_id
from headwater.artifacts.images import encode_png
from headwater.artifacts.manifest import MANIFEST, files_below, write_manifest
from headwater.artifacts.meshes import to_ply
from headwater.artifacts.tables import bucket_file, read_bucket, to_table, write_bucket
from headwater.cli import app, main, run
from headwater.errors import HeadwaterError
from headwater.upkeep.build_lock import build_lock
from headwater.upkeep.verify import verify
from tests.artifacts.small_build import BUCKETS, SIDE, build, row_of

FLIPS = 300


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("sound") / "data"
    build(data)
    return data


@pytest.fixture
def data(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "data"))


def test_a_sound_build_has_no_problems(sound: Path) -> None:
    found = verify(sound)
    assert found.problems == ()
    assert found.files == len([name for name in files_below(sound) if MANIFEST not in name])
    assert found.rows == 3 + 3 + 2 * 3 + 5 * 5 + 5 + 5 + 3 + 1 + 3 * 3


def test_a_build_that_is_running_is_named_instead_of_what_it_has_not_made_yet(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    next(data.rglob("*.parquet")).unlink()
    with build_lock(data.parent):
        assert run(app, ["verify", "--data", str(data)]) == 2
    out, error = capsys.readouterr()
    assert out == ""
    assert " ".join(error.split()) == (
        f"error: another build (process {os.getpid()}) is running in this folder; wait until it "
        "is done"
    )
    assert run(app, ["verify", "--data", str(data)]) == 1


def test_a_set_of_its_own_is_checked_by_itself(data: Path) -> None:
    """Its items are no doubles of the build's, it may do without a step, and it must add up."""
    own = data / "other_heads"
    for step in ("photos", "synthesize", "ingest", "landmarks"):
        shutil.copytree(data / step, own / step, ignore=shutil.ignore_patterns(MANIFEST))
    write_manifest(own)
    assert verify(data).problems == ()
    paths = sorted((own / "landmarks" / "landmarks").glob("*.parquet"))
    path = max(paths, key=lambda path: read_bucket(path, schemas.LANDMARKS).num_rows)
    kept = read_bucket(path, schemas.LANDMARKS).slice(1)
    write_bucket(path, schemas.LANDMARKS, kept, "")
    write_manifest(own)
    (problem,) = verify(data).problems
    assert problem.path == own / "landmarks" / "landmarks"
    assert "are lost" in problem.message


@pytest.mark.fault("300 of 300 flipped bits are found by verify")
def test_300_of_300_random_bit_flips_are_found(data: Path) -> None:
    random = np.random.default_rng(11)
    names = files_below(data)
    kinds = sorted({Path(name).suffix for name in names})
    assert set(kinds) == {
        ".parquet",
        ".ply",
        ".glb",
        ".safetensors",
        ".json",
        ".csv",
        ".html",
        ".png",
    }
    tried: Counter[str] = Counter()
    for flip in range(FLIPS):
        kind = kinds[flip % len(kinds)]
        path = data / random.choice([name for name in names if name.endswith(kind)])
        whole = path.read_bytes()
        bit = int(random.integers(8 * len(whole)))
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << (bit % 8)
        path.write_bytes(damaged)
        # Only the damaged step's folder: the others are the same in all 300 rounds.
        problems = verify(_step_of(data, path)).problems
        assert path in {problem.path for problem in problems}, f"bit {bit} of {path}"
        path.write_bytes(whole)
        tried[kind] += 1
    assert tried.total() == FLIPS
    assert verify(data).problems == ()


def _step_of(data: Path, path: Path) -> Path:
    return data / path.relative_to(data).parts[0]


def remove(path: Path) -> None:
    path.unlink()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def lengthen(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\n")


def empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.fault("verify names what is absent")
@pytest.mark.parametrize("damage", [remove, cut, lengthen, empty])
@pytest.mark.parametrize(
    "name",
    [
        "landmarks/landmarks/bucket-001.parquet",
        "evaluate/glvd/meshes/one.ply",
        "train/glvd/weights.safetensors",
        "report/index.html",
    ],
)
def test_missing_cut_and_longer_files_are_named(
    data: Path, name: str, damage: Callable[[Path], None]
) -> None:
    damage(data / name)
    problems = verify(data).problems
    assert [problem.path for problem in problems] == [data / name]
    assert "make repro" in str(problems[0])


@pytest.mark.parametrize("damage", [cut, lengthen, empty])
def test_a_damaged_manifest_is_named(data: Path, damage: Callable[[Path], None]) -> None:
    damage(data / "masks" / MANIFEST)
    assert [problem.path for problem in verify(data).problems] == [data / "masks" / MANIFEST]


def test_files_that_no_step_wrote_are_named(data: Path) -> None:
    inside = data / "masks" / "masks" / "extra.parquet"
    outside = data / "notes.txt"
    inside.write_bytes(b"x")
    outside.write_text("x")
    (data / ".gitignore").write_text("/masks")
    assert {problem.path for problem in verify(data).problems} == {inside, outside}


def test_a_step_without_manifest_is_unfinished(data: Path) -> None:
    (data / "masks" / MANIFEST).unlink()
    (data / "train" / "glvd" / MANIFEST).unlink()
    (data / "evaluate" / "other").mkdir()
    (data / "evaluate" / "other" / "metrics.json").write_text("{}")
    problems = verify(data).problems
    assert [problem.path for problem in problems] == [
        data / "evaluate" / "other",
        data / "masks",
        data / "train",
    ]
    assert "belongs to no finished step" in str(problems[0])


def test_a_folder_without_artifacts_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(HeadwaterError, match="no artifacts"):
        verify(tmp_path)


def test_leftovers_of_a_killed_run_do_not_enter_the_manifest(data: Path) -> None:
    before = (data / "masks" / MANIFEST).read_bytes()
    (data / "masks" / "masks" / ".bucket-000.parquet.17-ab.tmp").write_bytes(b"half")
    write_manifest(data / "masks")
    assert (data / "masks" / MANIFEST).read_bytes() == before
    assert verify(data).problems == ()


def rewrite(data: Path, schema: TableSchema, change: Callable[[list[dict]], list[dict]]) -> None:
    """Change the rows of a table wherever they are, and write files and manifest anew."""
    for bucket in range(BUCKETS):
        path = data / schema.step / schema.table / bucket_file(bucket)
        rows = change(read_bucket(path, schema).to_pylist())
        write_bucket(path, schema, to_table(schema, rows), "key")
    write_manifest(data / schema.step)


def messages(data: Path) -> str:
    return "\n".join(map(str, verify(data).problems))


def test_a_subject_in_two_splits_is_found(data: Path) -> None:
    def change(rows: list[dict]) -> list[dict]:
        return [{**row, "split": "validation"} for row in rows]

    rewrite(data, schemas.MASKS, change)
    assert "is in split validation" in messages(data)


def test_a_lost_item_is_found(data: Path) -> None:
    victim = item_id("photo", 1)
    rewrite(data, schemas.CAMERAS, lambda rows: [row for row in rows if row["item"] != victim])
    assert messages(data).startswith(f"{data / 'cameras/cameras'}: 1 items of landmarks/landmarks")


def test_a_doubled_item_is_found(data: Path) -> None:
    rewrite(data, schemas.PARTS, lambda rows: [*rows, *rows[:1]])
    assert "stands 2 times in parts/parts" in messages(data)


def test_an_item_both_put_out_and_rejected_is_found(data: Path) -> None:
    victim = item_id("photo", 0)
    rejects = schemas.rejects_schema("masks")
    path = data / "masks" / "rejects" / bucket_file(int(victim, 16) % BUCKETS)
    write_bucket(path, rejects, to_table(rejects, [row_of(rejects, victim, victim)]), "key")
    write_manifest(data / "masks")
    assert f"item {victim} is in masks/masks and among the rejects" in messages(data)


def test_a_row_in_the_wrong_bucket_is_named(data: Path) -> None:
    one, other = (data / "sdf" / "samples" / bucket_file(bucket) for bucket in (0, 1))
    rows = [
        *read_bucket(one, schemas.SDF).to_pylist(),
        *read_bucket(other, schemas.SDF).to_pylist(),
    ]
    assert rows
    first, second = (rows, []) if int(rows[0]["subject"], 16) % BUCKETS == 1 else ([], rows)
    write_bucket(one, schemas.SDF, to_table(schemas.SDF, first), "key")
    write_bucket(other, schemas.SDF, to_table(schemas.SDF, second), "key")
    write_manifest(data / "sdf")
    assert f"of {BUCKETS}" in messages(data)


def test_an_expression_of_an_unknown_frame_is_found(data: Path) -> None:
    rewrite(data, schemas.EXPRESSIONS, lambda rows: [{**row, "parent": "0" * 32} for row in rows])
    assert "not in ingest/frames" in messages(data)


def test_maps_of_an_unknown_picture_are_found(data: Path) -> None:
    rewrite(data, schemas.MAPS, lambda rows: [{**row, "parent": "0" * 32} for row in rows])
    assert "not in synthesize/frames or ingest/frames" in messages(data)


def test_a_picture_of_another_size_than_its_column_states_is_named(data: Path) -> None:
    small = encode_png(np.zeros((SIDE, SIDE, 3), np.uint8), "small")
    rewrite(data, schemas.FRAMES, lambda rows: [{**row, "face_crop": small} for row in rows])
    assert f"face_crop is {SIDE} x {SIDE} px instead of 192 x 192" in messages(data)


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("rotation", [1.0, 0, 0, 0, 1, 0, 0, 0, -1], "R mirrors"),
        ("rotation", [1.0, 0.1, 0, 0, 1, 0, 0, 0, 1], "not a rotation"),
        ("intrinsics", [0.0, 0, 1, 0, 1, 1, 0, 0, 1], "focal"),
        ("translation", [0.0, float("nan"), 0], "not finite"),
        ("width", 25, "the row says 25 x 24"),
        ("split", "exam", "none of train"),
        ("subject", "somebody", "no identifier"),
    ],
)
def test_rows_that_cannot_be_right_are_named(
    data: Path, column: str, value: object, said: str
) -> None:
    schema = schemas.TRUTH
    path = data / "synthesize" / "truth" / bucket_file(0)
    row = row_of(schema, item_id(1), item_id(1)) | {column: value}
    write_bucket(path, schema, to_table(schema, [row]), "key")
    write_manifest(data / "synthesize")
    problems = verify(data).problems
    assert [problem.path for problem in problems] == [path]
    assert said in str(problems[0])


def test_a_head_in_metres_is_found(data: Path) -> None:
    vertices, faces = np.eye(3) * 0.2, np.array([[0, 1, 2]])
    path = data / "evaluate" / "glvd" / "meshes" / "one.ply"
    path.write_bytes(to_ply(vertices, faces))
    write_manifest(data / "evaluate" / "glvd")
    assert "are these metres read as millimetres?" in messages(data)


def test_the_command_prints_a_line_per_problem(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["verify", "--data", str(data)])
    assert end.value.code == 0
    assert "all sound" in capsys.readouterr().out
    cut(data / "masks" / "masks" / "bucket-000.parquet")
    remove(data / "quality" / "metrics.json")
    with pytest.raises(SystemExit) as end:
        main(["verify", "--data", str(data)])
    assert end.value.code == 1
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith(str(data / "masks" / "masks" / "bucket-000.parquet"))
    # Rows are checked only where every file is sound.
    assert re.fullmatch(r"2 problems; \d+ files, \d+\.\d MB are sound\n", said.err)


def footer_of_millions(rows: int) -> bytes:
    """A table of ``rows`` equal rows, which pack into some bytes."""
    texts = pa.array(["0" * 32] * 1000).dictionary_encode()
    table = pa.table({name: pa.chunked_array([texts] * (rows // 1000)) for name in "abcdefgh"})
    buffer = io.BytesIO()
    pq.write_table(table, buffer, row_group_size=rows, compression="zstd")
    return buffer.getvalue()


HOSTILE = {
    "deep.json": b"[" * 100_000,
    "number.json": b"9" * 10_000,
    "text.json": b"\xff\xfe{",
    "cut.glb": b"glTF\x02\x00\x00\x00",
    "claims.ply": b"ply\nformat binary_little_endian 1.0\nelement vertex 2000000000\n"
    b"property float x\nproperty float y\nproperty float z\nend_header\n",
    "list.ply": b"ply\nformat ascii 1.0\nelement face 1\nproperty list uchar int vertex_indices\n"
    b"end_header\n255 1\n",
    "long.safetensors": b"\xff" * 8 + b"{}",
    "wide.csv": b"a,b\n1\n",
    "nul.csv": b"a,b\n\x00,\xff\n",
    "rows.parquet": footer_of_millions(5_000_000),
    "cut.parquet": b"PAR1" + b"\xff" * 90 + b"PAR1",
    "page.html": b"\xff</html>",
}


@pytest.mark.fault("a damaged file is refused in one sentence by every reader, within bounds")
def test_files_that_no_reader_can_read_are_findings_and_the_rest_is_checked(data: Path) -> None:
    """A manifest may vouch for anything: whoever made the folder wrote it."""
    masks = data / "masks" / "masks"
    for name, content in HOSTILE.items():
        place = masks / "bucket-999.parquet" if name == "rows.parquet" else data / "masks" / name
        place.write_bytes(content)
    write_manifest(data / "masks")
    problems = verify(data).problems
    assert {problem.path.name for problem in problems} == {
        *(name for name in HOSTILE if name != "rows.parquet"), "bucket-999.parquet"
    }  # fmt: skip
    for problem in problems:
        assert "\n" not in str(problem)
        assert len(str(problem)) < 600
    assert "unpack to" in "".join(map(str, problems))


@pytest.mark.parametrize(
    ("schema", "column"),
    [
        (schemas.LANDMARKS, "landmarks_478_px"),
        (schemas.SDF, "points_mm"),
        (schemas.SDF, "near_surface"),
        (schemas.TRUTH, "rotation"),
    ],
)
def test_numbers_that_are_missing_in_a_list_are_found(
    data: Path, schema: TableSchema, column: str
) -> None:
    path = next(iter(sorted((data / schema.name).glob("bucket-*.parquet"))))
    table = read_bucket(path, schema)
    place = table.schema.get_field_index(column)
    flat = table.column(column).combine_chunks()
    write_bucket(
        path, schema, table.set_column(place, schema.arrow.field(column), emptied(flat)), ""
    )
    write_manifest(data / schema.step)
    assert f"column {column} has empty values" in messages(data)


def emptied(values: pa.Array) -> pa.Array:
    """Lists of any depth, of the same lengths, whose numbers are all missing."""
    if pa.types.is_fixed_size_list(values.type):
        return pa.FixedSizeListArray.from_arrays(emptied(values.values), type=values.type)
    if pa.types.is_list(values.type):
        return pa.ListArray.from_arrays(values.offsets, emptied(values.values), type=values.type)
    return pa.nulls(len(values), values.type)
