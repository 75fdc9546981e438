"""Origins of artifacts for people: a table of all, and all that is known of one."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from headwater.errors import HeadwaterError
from headwater.sharing.origins import ModelUsed, Origin, Revision
from headwater.sharing.tables import short_licence

SHORT = 8


def revision_line(revision: Revision) -> str:
    """Sentence on the commit that records a build."""
    if revision.commit is None:
        return "no commit records this build as it is: commit dvc.lock"
    return f"recorded by commit {revision.commit}"


def overview(artifacts: Sequence[Origin]) -> Table:
    """A row per artifact: its stage, what it was made of, its models and licences, its size."""
    table = Table(
        "artifact", "code", "made of", "models", "rows", "licences of the sources", "size"
    )
    for one in artifacts:
        table.add_row(
            one.path,
            one.code[:SHORT],
            ", ".join(path.removeprefix("data/") for path in one.inputs),
            "\n".join(sorted(f"{model.source}, {model.licence}" for model in one.models)),
            "\n".join(f"{table.name} {sum(table.splits.values())}" for table in one.tables),
            ", ".join(_licences(one)),
            _size(one.bytes),
        )
    return table


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
