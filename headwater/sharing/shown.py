"""Origins of artifacts for people: some lines on each, and all that is known of one."""

from collections.abc import Mapping, Sequence
from typing import Any

from headwater.errors import HeadwaterError
from headwater.sharing.origins import ModelUsed, Origin, Revision, TableOrigin
from headwater.sharing.tables import short_licence

SHORT = 8


def revision_line(revision: Revision) -> str:
    """Sentence on the commit that records a build."""
    if revision.commit is None:
        return "no commit records this build as it is: commit dvc.lock"
    return f"recorded by commit {revision.commit}"


def gap_lines(artifacts: Sequence[Origin]) -> list[str]:
    """Sentence on artifacts whose code and models are not known here; none where all are."""
    gaps = [one.path for one in artifacts if not one.code and one.stage not in {"code", "plugin"}]
    if not gaps:
        return []
    count = f"{len(gaps)} artifacts" if len(gaps) > 1 else gaps[0]
    where = "dvc pull data/code data/inputs data/questions"
    return [f"code, packages and models of {count} are not known here: {where}"]


def overview(artifacts: Sequence[Origin]) -> list[str]:
    """Lines on every artifact, short: what it was made of and with, its rows and their licences."""
    lines = []
    for one in artifacts:
        known = {
            "made of": (path.removeprefix("data/") for path in one.inputs),
            "settings": (f"{name} {value}" for name, value in _flat(one.parameters)),
            "models": (f"{model.source} ({model.licence})" for model in one.models),
            "rows": _rows(one.tables),
            "licences": _licences(one),
        }
        code = f", code {one.code[:SHORT]}" if one.code else ""
        lines.append(f"{one.path}  {_size(one.bytes)}{code}")
        texts = {title: ", ".join(parts) for title, parts in known.items()}
        lines += [f"  {title:<9} {text}" for title, text in texts.items() if text]
    return lines


def lines_of(artifacts: Sequence[Origin], path: str) -> list[str]:
    """Lines with all that is known of the artifact at ``path`` or that holds it.

    Raises HeadwaterError naming the artifacts where it is none.
    """
    wanted = path.rstrip("/").removeprefix("./")
    chosen = [one for one in artifacts if f"{wanted}/".startswith(f"{one.path}/")]
    if not chosen:
        names = ", ".join(one.path for one in artifacts)
        raise HeadwaterError(f"{path}: is no recorded artifact; there are: {names}")
    one = max(chosen, key=lambda origin: len(origin.path))
    return [
        f"{one.path}: {one.files} files, {_size(one.bytes)}, md5 {one.md5}",
        f"made by {one.command} (stage {one.stage})",
        f"code {one.code or 'unknown: its record is not here'}",
        *(f"package {name} {version}" for name, version in one.packages.items()),
        *(f"from {name}, md5 {md5}" for name, md5 in one.inputs.items()),
        *(f"setting {name}: {value}" for name, value in _flat(one.parameters)),
        *(line for model in one.models for line in _model(model)),
        *(
            f"table {table.name}: {_counts(table.splits)}"
            + (
                f"; licences of the sources: {_counts(table.licences)}"
                if any(table.licences)
                else ""
            )
            for table in one.tables
        ),
    ]


def _model(model: ModelUsed) -> list[str]:
    files = [f"  {name}, sha256 {sha256 or 'unknown'}" for name, sha256 in model.files.items()]
    return [f"model {model.name} ({model.source}), licence {model.licence}", *files]


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}".strip() for name, count in counts.items()) or "no rows"


def _rows(tables: Sequence[TableOrigin]) -> list[str]:
    """Rows of each table that has any."""
    return [f"{table.name} {sum(table.splits.values())}" for table in tables if table.splits]


def _licences(one: Origin) -> list[str]:
    return sorted({short_licence(name) for table in one.tables for name in table.licences if name})


def _flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for name, value in values.items():
        nested = isinstance(value, dict) and value
        rows += _flat(value, f"{prefix}{name}.") if nested else [(prefix + name, value)]
    return rows


def _size(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"
