"""The last words of a build: where the report is, and the main figures."""

import json
from pathlib import Path
from typing import Any

REPORT = Path("data/report/index.html")
EVALUATIONS, PHOTOS = "data/evaluate", "data/reconstruct"
FIGURES = "metrics.json"


def main_figures(project: Path) -> list[str]:
    """Lines that name the report and the main figures of every evaluated system."""
    lines = []
    if (project / REPORT).is_file():
        lines.append(f"report: {project / REPORT}")
    for path in sorted((project / EVALUATIONS).glob(f"*/{FIGURES}")):
        system = path.parent.name
        metrics = _figures(path) | _figures(project / PHOTOS / system / FIGURES)
        lines += [f"{system:<8} {name:<28} {value}" for name, value in _chosen(metrics)]
    return lines


def _figures(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


def _chosen(metrics: dict[str, Any]) -> list[tuple[str, str]]:
    chosen = []
    own, mean_head = metrics.get("face_chamfer_mm"), metrics.get("mean_head_face_chamfer_mm")
    if own is not None and mean_head:
        chosen = [
            ("face_chamfer_mm", f"{own:.3f}"),
            ("mean_head_face_chamfer_mm", f"{mean_head:.3f}"),
            ("ratio", f"{own / mean_head:.3f}"),
        ]
    nme = metrics.get("real_landmark_nme_percent")
    return [*chosen, ("real_landmark_nme_percent", f"{nme:.2f}")] if nme is not None else chosen
