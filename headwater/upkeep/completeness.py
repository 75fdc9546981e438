"""A build's data held against its record: every output there, and as it was recorded."""

from collections.abc import Collection
from pathlib import Path

from headwater.errors import HeadwaterError
from headwater.upkeep.dvc_command import stages
from headwater.upkeep.recorded import LOCK, Output, md5_of_file, md5_of_folder, read_lock
from headwater.upkeep.repair import read_record

GRAPH = "dvc.yaml"
# Most missing files of an output that are named: a fetch that broke off lacks many.
MOST_NAMED = 20


def missing_outputs(data: Path) -> list[tuple[Path, str]] | None:
    """Outputs on record beside the folder ``data`` that ``data`` lacks: (place, message).

    Outputs of ``dvc.lock`` and stages of ``dvc.yaml``, and files for which an output could not be
    fetched. None when there is no record of ``data``.
    """
    project, outputs = data.parent, _outputs_below(data)
    if not outputs:
        return None
    missing = [
        (
            project / output.path,
            f"is missing; {output.stage} made it, as {LOCK} has it; run `make repro`",
        )
        for output in outputs
        if not (project / output.path).exists()
    ]
    missing += _unfetched(project, {path for path, _ in missing})
    return missing + _unbuilt(project, {output.stage for output in read_lock(project)})


def foreign_outputs(data: Path, left_out: Collection[Path]) -> list[tuple[Path, str]]:
    """Outputs below ``data`` that are not as recorded: (place, message).

    left_out: damaged places; the outputs that they lie in are passed over.
    """
    project = data.parent
    return [
        (path, f"is not what {output.stage} made, as {LOCK} has it; run `make repro`")
        for output in _outputs_below(data)
        if (path := project / output.path).exists()
        and not any(place.is_relative_to(path) or path.is_relative_to(place) for place in left_out)
        and _md5(path, output) != output.md5
    ]


def _unfetched(project: Path, places: Collection[Path]) -> list[tuple[Path, str]]:
    """Files of outputs at some places that DVC's cache lacks although it has others of them.

    A remote that lost or spoilt one object makes DVC refuse the whole output, without naming it.
    """
    record = read_record(project)
    lacking: dict[str, list[Path]] = {}
    fetched = set()
    for name, (md5, output) in record.files.items():
        if project / output.path in places:
            if record.objects.path(md5).exists():
                fetched.add(output.path)
            else:
                lacking.setdefault(output.path, []).append(project / name)
    message = "is not whole at the remote that the rest came from; `headwater push` it there again"
    return [
        (path, message)
        for output in sorted(lacking.keys() & fetched)
        for path in lacking[output][:MOST_NAMED]
    ]


def _outputs_below(data: Path) -> list[Output]:
    parts = (data.name,)
    return [o for o in read_lock(data.parent) if data.name and Path(o.path).parts[:1] == parts]


def _md5(path: Path, output: Output) -> str | None:
    if output.is_folder != path.is_dir():
        return None
    return md5_of_folder(path)[0] if output.is_folder else md5_of_file(path)


def _unbuilt(project: Path, built: Collection[str]) -> list[tuple[Path, str]]:
    graph = project / GRAPH
    if not (graph.is_file() and (project / ".dvc").is_dir()):
        return []
    try:
        names = stages(project)
    except HeadwaterError as error:
        return [(graph, str(error).removeprefix(f"{graph}: "))]
    return [
        (graph, f"stage {name} has not been built; run `make repro`")
        for name in names
        if name not in built
    ]
