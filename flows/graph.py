"""The graph of stages and what of it is out of date, as DVC sees them."""

import ast
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import networkx as nx
from dvc.dependency.param import ParamsDependency
from dvc.exceptions import DvcException
from dvc.lock import LockError
from dvc.repo import Repo
from dvc.scm import SCMError

from flows.odd_entries import pass_over_odd_entries
from headwater.artifacts.manifest import MANIFEST
from headwater.artifacts.modules import module_tree
from headwater.errors import HeadwaterError
from headwater.upkeep.places import refusal
from headwater.upkeep.recorded import LOCK


@dataclass(frozen=True)
class Stage:
    """A stage of ``dvc.yaml``.

    module: the step's module, from the stage's command. needs: stages that it reads from.
    bucketed: whether the module defines a ``STEP``. outs: its output folders, from the project's.
    deps: files and folders that it reads, as ``changed_stages`` names them.
    """

    name: str
    module: str
    needs: frozenset[str]
    bucketed: bool
    outs: tuple[str, ...] = ()
    deps: tuple[str, ...] = ()


@dataclass(frozen=True)
class Recorded:
    """The inputs of a stage as DVC recorded them, beside the parameters that it reads now.

    md5s: by path, of the files and folders that are on record. before, now: values of parameters
    by dotted name.
    """

    md5s: dict[str, str]
    before: dict[str, Any]
    now: dict[str, Any]


def read_graph(project: Path) -> dict[str, Stage]:
    """Stages by name, every stage after those that it needs."""
    with _repository(project) as repo:
        graph = repo.index.graph
        ordered = list(nx.dfs_postorder_nodes(graph))
        return {
            stage.addressing: _stage(
                project, stage, frozenset(need.addressing for need in graph.successors(stage))
            )
            for stage in ordered
        }


def changed_stages(project: Path) -> dict[str, Any]:
    """Changes by stage, as ``dvc status`` has them; empty when everything holds."""
    with _repository(project) as repo:
        return dict(repo.status())


def read_recorded(project: Path) -> dict[str, Recorded]:
    """Recorded inputs by stage."""
    with _repository(project) as repo:
        return {stage.addressing: _recorded(stage) for stage in repo.index.stages}


def read_metrics(project: Path) -> dict[str, float]:
    """Every number that ``dvc metrics show`` shows, by file and dotted key."""
    with _repository(project) as repo:
        files = repo.metrics.show().get("", {}).get("data", {})
    return {
        f"{Path(name).with_suffix('')} {key}": value
        for name, file in sorted(files.items())
        for key, value in _numbers(file.get("data", {}))
    }


def _numbers(value: Any, prefix: str = "") -> Iterator[tuple[str, float]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _numbers(inner, f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield prefix, value


@contextmanager
def _repository(project: Path) -> Iterator[Repo]:
    """DVC's view of a project; its errors become ours."""
    pass_over_odd_entries()
    try:
        with Repo(str(project)) as repo:
            yield repo
    except SCMError as error:
        raise HeadwaterError(
            f"dvc: {error}; run `git init` there, or `dvc config --local core.no_scm true` to "
            "build without version control"
        ) from error
    except LockError as error:
        pids = sorted(set(re.findall(r"PID (\d+)", str(error))))
        who = f" (process {', '.join(pids)})" if pids else ""
        raise HeadwaterError(
            f"another dvc{who} is at work in this folder; wait until it is done, or end it"
        ) from error
    except DvcException as error:
        raise HeadwaterError(f"dvc: {error}") from error
    except OSError as error:
        # Also of a link to nothing, for which DVC has no word.
        raise HeadwaterError(
            f"dvc: {refusal(error)}; where a link leads to nothing, remove it"
        ) from error
    except NotImplementedError as error:
        # Of the name of a hash that DVC does not know.
        raise HeadwaterError(
            f"{project / LOCK}: is not as DVC writes it; restore it (git checkout {LOCK}) or "
            "remove it"
        ) from error


def _stage(project: Path, stage: Any, needs: frozenset[str]) -> Stage:
    module = _module(stage.cmd)
    path = project.joinpath(*module.split(".")).with_suffix(".py")
    outs = tuple(sorted(Path(out.fs_path).relative_to(project).as_posix() for out in stage.outs))
    deps = tuple(str(dep) for dep in stage.deps if not isinstance(dep, ParamsDependency))
    return Stage(stage.addressing, module, needs, defines_step(path), outs, deps)


def _recorded(stage: Any) -> Recorded:
    settings = [dep for dep in stage.deps if isinstance(dep, ParamsDependency)]
    return Recorded(
        {
            str(dep): dep.hash_info.value
            for dep in stage.deps
            if isinstance(dep.hash_info.value, str)
        },
        {name: value for dep in settings for name, value in (dep.hash_info.value or {}).items()},
        {name: value for dep in settings for name, value in dep.read_params().items()},
    )


def written(project: Path, stage: Stage) -> dict[str, bytes | None]:
    """The manifest of each output folder of a stage; None where it has none."""
    paths = {out: project / out / MANIFEST for out in stage.outs}
    return {out: path.read_bytes() if path.is_file() else None for out, path in paths.items()}


def _module(command: str) -> str:
    words = command.split()
    return words[words.index("-m") + 1] if "-m" in words[:-1] else ""


def defines_step(path: Path) -> bool:
    """True when a module assigns ``STEP``; it is not imported, for steps are heavy.

    Raises HeadwaterError when it is no Python.
    """
    if not path.is_file():
        return False
    return any(
        isinstance(node, ast.Assign)
        and any(isinstance(target, ast.Name) and target.id == "STEP" for target in node.targets)
        for node in module_tree(path, path.read_bytes()).body
    )


def dependants(graph: Mapping[str, Stage], name: str) -> set[str]:
    """All stages that need ``name``, directly or not."""
    found: set[str] = set()
    for stage in graph.values():
        if stage.needs & (found | {name}):
            found.add(stage.name)
    return found
