"""The last words of a build: where the report is, and the main figures."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headwater.errors import HeadwaterError
from headwater.upkeep.recorded import LOCK, Output, md5_of
from headwater.upkeep.repair import read_record

REPORT = Path("data/report/index.html")
EVALUATIONS, PHOTOS = "data/evaluate", "data/reconstruct"
FIGURES = "metrics.json"


def shown_files(project: Path) -> list[Path]:
    """Files that the last words name or take figures from."""
    places = (project / EVALUATIONS, project / PHOTOS)
    figures = [path for place in places for path in sorted(place.glob(f"*/{FIGURES}"))]
    return [path for path in (project / REPORT, *figures) if path.is_file()]


def main_figures(project: Path) -> list[str]:
    """Lines that name the report and the main figures of every evaluated system.

    Raises HeadwaterError when a file is not, byte for byte, what was recorded.
    """
    files = read_record(project).files
    contents = {path: _as_recorded(project, path, files) for path in shown_files(project)}
    lines = []
    if (report := project / REPORT) in contents:
        lines.append(f"report: {report}")
    for path in sorted((project / EVALUATIONS).glob(f"*/{FIGURES}")):
        system = path.parent.name
        photos = project / PHOTOS / system / FIGURES
        metrics = json.loads(contents[path]) | json.loads(contents.get(photos, b"{}"))
        lines += [f"{system:<8} {name:<28} {value}" for name, value in _chosen(metrics)]
    return lines


def _as_recorded(project: Path, path: Path, files: Mapping[str, tuple[str, Output]]) -> bytes:
    name = path.relative_to(project).as_posix()
    content = path.read_bytes()
    if name not in files or md5_of(content) != files[name][0]:
        raise HeadwaterError(f"{name}: is not as {LOCK} records it; run again")
    return content


def _chosen(metrics: dict[str, Any]) -> list[tuple[str, str]]:
    chosen = []
    own = metrics.get("face_scan_to_mesh_mm")
    mean_head = metrics.get("mean_head_face_scan_to_mesh_mm")
    if own is not None and mean_head:
        chosen = [
            ("face_scan_to_mesh_mm", f"{own:.3f}"),
            ("mean_head_face_scan_to_mesh_mm", f"{mean_head:.3f}"),
            ("ratio", f"{own / mean_head:.3f}"),
        ]
    nme = metrics.get("real_landmark_nme_percent")
    return [*chosen, ("real_landmark_nme_percent", f"{nme:.2f}")] if nme is not None else chosen
