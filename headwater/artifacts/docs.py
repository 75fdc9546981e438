"""The page that documents every table and column, written from the schemas."""

from pathlib import Path

import pyarrow as pa

from headwater.artifacts.atomic import write_text
from headwater.artifacts.columns import IMAGE, SCHEMA_VERSION, TableSchema, is_optional
from headwater.artifacts.schemas import TABLES

_INTRODUCTION = f"""\
# Artifacts

Written by `headwater docs` from `headwater/artifacts/schemas.py`; a test keeps the two equal.
Schema version {SCHEMA_VERSION}.

A table is a folder of Parquet files, `data/<step>/<table>/bucket-<nnn>.parquet`, with page
checksums and sorted by item; a subject's bucket is its identifier modulo the number of buckets.
The tables of `evaluate` and `reconstruct` are single files, `data/<step>/<system>/<table>.parquet`;
those of a challenge's baselines lie in `data/evaluate/baselines/<challenge>/`. Each file
carries its table's name, its schema version, the key of its bucket and, under `huggingface`, the
features that let `datasets.load_dataset("parquet", data_files=...)` show pictures and meshes.
Each step's folder has a `.manifest.json` with the SHA-256 and size of every file;
`headwater verify` checks them all.

Lengths are millimetres. The head frame has its origin midway between the ear canals, x to the
subject's left, y up and z out of the face. Cameras are OpenCV pinhole, `x_cam = R x_head + t`,
z forward; a pixel's centre is at integer + 0.5. A column is filled in every row unless it says
*may be empty*.

The column *frame* below names the axes of a quantity: those of the head or camera, or of the
picture whose px it counts. `synthesize` counts px of the *rendered view*; `ingest` and the steps
after it those of the *ingest frame*, a part of that view or of a photo. The 2 x 3 matrix A =
`frame_from_photo` of `ingest/frames` maps one to the other, `p_frame = A (x, y, 1)`; for rendered
rows "photo" is the rendered view. `transform_image(camera, A, width, height)` of
`headwater.geometry.cameras` takes a camera along. A rendered view in which `ingest` detects no
face stands in `evaluate` for its own ingest frame, where its camera is given.

Of the challenge `heads`, `conditions` in `evaluate/scores` have a `camera`: `given` where the masks
and cameras of a question are those of `synthesize/truth`, `estimated` where the question is the
first view of a head as if it were a photo, with the rows of `ingest`, `landmarks`, `masks` and
`cameras`. Names of figures begin with these words; `evaluate/errors`, `evaluate/examples`,
`evaluate/heat_map` and the charts are of given ones.

Rows about the same picture have the same `item`: those of `photos`, `synthesize/frames`,
`synthesize/truth`, `ingest`, `landmarks`, `masks`, `parts`, `cameras`, `evaluate/errors`,
`evaluate/examples` and `reconstruct` are joined by it. `synthesize/heads` and `sdf` are about
heads, whose `item` is the `subject` of their views. `parent` names another item:

| row | `parent` |
|---|---|
| a photo, and all about the face that has its `item` | empty |
| all about a further face of a photo, with `ingest.faces: all` | the photo |
| a head, and its distance samples | empty |
| all about a rendered view | its head |
| `expressions/frames` | the item of the frame that was changed |
| `maps/maps` | the item of the rendered view or of the frame that is shown |

`data/parser` is no table: `weights.safetensors` is the trained parser, where `parts.parser` asks
for it, `source.json` the SHA-256 of a parser of the user's own and whether its left is the image's.
`data/generator` holds the weights of the network that paints expressions, where
`expressions.pixels` asks for one.

`data/head_model` is no table: `bases.safetensors` holds the parametric head (mean, faces, shapes,
expressions), `source.json` the SHA-256 of the user's files that it was made of. The meshes of
`synthesize/heads` have its vertices in its order, and its 478 landmarks lie on each of them:

```python
from pathlib import Path

from headwater.data.tables import read_heads, read_model, template_of

data = Path("data")
template = template_of(read_model(data))  # mean (V, 3) mm, faces (F, 3), landmarks
vertices = read_heads(data, ("train",)).vertices[0]  # (V, 3) mm of the first head
landmarks_478 = template.landmarks_478.on(vertices)  # (478, 3) mm
landmarks_68 = template.landmarks_68(vertices)  # (68, 3) mm
```
"""


def artifacts_page() -> str:
    """The page as Markdown."""
    tables = [schema for schema in TABLES.values() if schema.table != "rejects"]
    rejects = [schema for schema in TABLES.values() if schema.table == "rejects"]
    contents = [f"- [`{s.name}`](#{_anchor(s.name)}): {s.row}" for s in tables]
    contents.append(f"- [`<step>/rejects`](#{_anchor('step/rejects')}): {rejects[0].row}")
    steps = ", ".join(f"`{schema.step}`" for schema in rejects)
    parts = [
        _INTRODUCTION,
        "\n".join(contents) + "\n",
        *(_section(schema.name, schema) for schema in tables),
        _section("step/rejects", rejects[0], f"One for each of the steps {steps}."),
    ]
    return "\n".join(parts)


def _anchor(name: str) -> str:
    return name.replace("/", "")


def _section(title: str, schema: TableSchema, note: str = "") -> str:
    lines = [f"## {title}", "", f"A row is {schema.row}.{' ' if note else ''}{note}", ""]
    lines += [
        "| column | type | unit | frame | shape | meaning |",
        "|---|---|---|---|---|---|",
        *(_line(field) for field in schema.arrow),
        "",
    ]
    return "\n".join(lines)


def _line(field: pa.Field) -> str:
    notes = {key.decode(): value.decode() for key, value in (field.metadata or {}).items()}
    meaning = notes["about"] + (" (*may be empty*)" if is_optional(field) else "")
    shape = notes.get("shape", "").replace("x", " x ")
    cells = (
        f"`{field.name}`",
        _kind(field.type, field.name),
        notes.get("unit", ""),
        notes.get("frame", ""),
        shape,
        meaning,
    )
    return f"| {' | '.join(cells)} |"


def _kind(kind: pa.DataType, name: str) -> str:
    """A column's type in words."""
    if kind == IMAGE:
        return "mesh" if name.startswith("mesh") else "image"
    if pa.types.is_fixed_size_list(kind):
        return f"{kind.list_size} x {_kind(kind.value_type, name)}"
    if pa.types.is_list(kind):
        return f"list of {_kind(kind.value_type, name)}"
    return {pa.float32(): "float32", pa.float64(): "float64"}.get(kind, str(kind))


if __name__ == "__main__":
    write_text(Path("docs/artifacts.md"), artifacts_page())
