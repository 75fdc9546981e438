"""``python -m benchmarks.h3ds FOLDER --release v2 --views config_v2.toml``: a build on H3DS.

FOLDER is the data set as its owners hand it out, for non-commercial research. The file given with
``--views`` comes with their package ``h3ds`` and lists which views of a scene make up each of the
published sets. The scan's cameras are taken as they are and the head is found among them as
``headwater reconstruct --cameras`` does; a set whose head is not found is a failure and in no mean.

The published score stands beside the scan-to-mesh one, the paper's figure with the gap to it. The
paper trained on scans that it does not name: with synthetic heads alone, the gap is a measurement
and no goal, and H3DS must not be trained or tuned on.
"""

import argparse
import json
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.machine import describe
from benchmarks.options import record_file
from benchmarks.timing import digits
from benchmarks.trained_systems import trained_systems
from headwater.artifacts.atomic import write_text
from headwater.artifacts.ids import sha256_hex
from headwater.data.h3ds import VERSIONS, H3dsFolder, H3dsScene, Release
from headwater.data.scenes import Template
from headwater.errors import HeadwaterError, ItemRejected
from headwater.evaluation.heads.answer import skin_faces
from headwater.faces.vocabulary import H3DS_FROM_478
from headwater.geometry.registration import Similarity
from headwater.metrics.h3ds import h3ds_score, landmarks_of
from headwater.metrics.intervals import Interval, mean_interval
from headwater.metrics.scan_to_mesh import PredictedSurface, scan_to_mesh_error
from headwater.photos.folder import PhotoFile
from headwater.reconstruct.given_cameras import GivenCamera
from headwater.reconstruct.head import Head, reconstruct_head
from headwater.reconstruct.placing import head_in_world, in_head_frame
from headwater.reconstruct.seeing import SeenFace, see
from headwater.reconstruct.settings import PhotoSettings
from headwater.systems import SYSTEMS

COUNTS: Final = (1, 3, 6)
PAPER_MM: Final = {("glvd", "v2", 1): 1.36, ("glvd", "v2", 3): 1.32, ("glvd", "v2", 6): 1.32}
HEADINGS: Final = (
    *("system", "views", "scenes", "failures", "views without face"),
    *("face mm (95 %)", "paper", "gap", "head mm", "scan-to-mesh face mm (95 %)"),
)
SEED: Final = 0

# Numbers of the views, by scene and by how many views are used.
ViewSets = Mapping[str, Mapping[int, Sequence[int]]]


@dataclass(frozen=True)
class System:
    """System under test. reconstruct(scene, faces in the head frame, its place in the world)."""

    name: str
    template: Template
    reconstruct: Callable[[str, Sequence[SeenFace], Similarity], Head]


@dataclass(frozen=True)
class Answer:
    """One system's head of one scene from one set of views; NaN and a reason where it failed.

    views: in the set; unseen: those of them in which no face was found, which are left out.
    """

    system: str
    scene: str
    views: int
    unseen: int
    face_mm: float = np.nan
    head_mm: float = np.nan
    scan_to_mesh_mm: float = np.nan
    failure: str | None = None


def main() -> None:
    """Judge the weights below ``--data`` on the data set and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="the data set, as downloaded")
    parser.add_argument("--release", choices=tuple(VERSIONS), required=True)
    parser.add_argument("--views", type=Path, required=True, help="their package's config_*.toml")
    parser.add_argument("--data", type=Path, default=Path("data"), help="a finished build")
    parser.add_argument("--out", type=record_file, help="write the figures to this file, as JSON")
    given = parser.parse_args()
    try:
        folder = H3dsFolder(given.folder, given.release)
        sets = view_sets(given.views, given.release, folder.scenes())
        systems = built(given.data)
        answers: list[Answer] = []
        for number, scene in enumerate(sets, 1):
            answers += judged(folder, scene, sets[scene], systems)
            print(f"{number} of {len(sets)} scenes", end="\r", file=sys.stderr, flush=True)
    except HeadwaterError as problem:
        parser.error(str(problem))
    figures = summary(answers, given.release)
    print(table(figures))
    for answer in answers:
        if answer.failure:
            print(f"{answer.system}, {answer.scene}, {answer.views} views: {answer.failure}")
    if given.out:
        record = {
            "release": given.release,
            "figures": figures,
            "answers": [rounded(asdict(answer)) for answer in answers],
            "machine": describe(),
        }
        write_text(given.out, json.dumps(record, indent=2, sort_keys=True) + "\n")


def view_sets(path: Path, release: Release, scenes: Sequence[str]) -> ViewSets:
    """The published sets of 1, 3 and 6 views of the scenes, as far as the release has them.

    Raises HeadwaterError when the file is of another release or lacks a scene.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise HeadwaterError(f"{path}: cannot be read ({error})") from error
    if str(document.get("version")) != VERSIONS[release]:
        raise HeadwaterError(
            f"{path}: is of version {document.get('version')}, "
            f"but release {release} is version {VERSIONS[release]}"
        )
    if not scenes:
        raise HeadwaterError("there is no scene in the data set's folder")
    try:
        listed = {scene: document["scenes"][scene]["default_views_configs"] for scene in scenes}
    except (KeyError, TypeError) as error:
        raise HeadwaterError(f"{path}: lists no views ({error})") from error
    return {
        scene: {count: sets[str(count)] for count in COUNTS if str(count) in sets}
        for scene, sets in listed.items()
    }


def built(data: Path) -> list[System]:
    """The systems whose weights lie below ``data``. Raises HeadwaterError without any."""
    return [
        System(
            name,
            trained.template,
            partial(reconstruct_head, partial(SYSTEMS[name].answer, trained)),
        )
        for name, trained in trained_systems(data).items()
    ]


def judged(
    folder: H3dsFolder, name: str, sets: Mapping[int, Sequence[int]], systems: Sequence[System]
) -> Iterator[Answer]:
    """The answers of all systems to all sets of views of one scene."""
    scene = folder.scene(name)
    numbers = {number for members in sets.values() for number in members}
    faces = {number: face_of(folder, name, number) for number in sorted(numbers)}
    for count, members in sets.items():
        seen = [face for number in members if (face := faces[number]) is not None]
        for system in systems:
            unseen = len(members) - len(seen)
            try:
                head = head_of_detected(system, name, seen)
                figures = scores(scene, head)
            except HeadwaterError as problem:
                yield Answer(system.name, name, count, unseen, failure=str(problem))
            else:
                yield Answer(system.name, name, count, unseen, *figures)


def face_of(folder: H3dsFolder, name: str, number: int) -> SeenFace | None:
    """The face of one view with the view's camera; None where the pipeline finds none."""
    camera = folder.view(name, number).camera
    path = folder.image_path(name, number)
    photo = PhotoFile(path, path.name, sha256_hex(path.read_bytes()))
    given = GivenCamera(f"{name}/{path.name}", path.name, photo.sha256, camera)
    try:
        # With a given camera the mean head's landmarks are not looked at.
        return see(photo, np.zeros((68, 3), np.float32), PhotoSettings(), given)
    except ItemRejected:
        return None


def head_of_detected(system: System, name: str, faces: Sequence[SeenFace]) -> Head:
    """The head of the views in which its face was detected.

    Raises HeadwaterError when there is none, it cannot be placed or not be reconstructed.
    """
    if not faces:
        raise HeadwaterError("no face was found in any view")
    template = system.template
    place = head_in_world(faces, template.landmarks_68(template.mean), name)
    return system.reconstruct(name, in_head_frame(faces, place), place)


def scores(scene: H3dsScene, head: Head) -> tuple[float, float, float]:
    """The published scores of face and head and the scan-to-mesh one of the face, mm."""
    truth, found = scene.truth(), landmarks_of(head.landmarks)
    known = np.array([scene.vertices[scene.landmarks[point]] for point in H3DS_FROM_478])
    ours = np.array(list(found.values()))
    skin = skin_faces(head.template)
    surface = PredictedSurface(head.vertices, skin, ours)
    tip = scene.vertices[scene.landmarks["nose_tip"]]
    judged = scan_to_mesh_error(scene.vertices, known, tip, surface)
    if not judged.aligned:
        raise HeadwaterError("the head could not be aligned with the scan")
    published = h3ds_score(truth, head.vertices, found)
    return published.face_mm, published.head_mm, judged.mean_mm


def summary(answers: Sequence[Answer], release: Release) -> list[dict[str, Any]]:
    """Figures by system and number of views; means are over the scenes that could be judged."""
    groups: dict[tuple[str, int], list[Answer]] = {}
    for answer in answers:
        groups.setdefault((answer.system, answer.views), []).append(answer)
    figures = []
    for (system, views), members in sorted(groups.items()):
        sound = [answer for answer in members if answer.failure is None]
        face = mean_interval(np.array([answer.face_mm for answer in sound]), SEED)
        paper = PAPER_MM.get((system, release, views), np.nan)
        row = {
            "system": system,
            "views": views,
            "scenes": len(members),
            "failures": len(members) - len(sound),
            "views_without_face": sum(answer.unseen for answer in members),
            **_ends("face_mm", face),
            "head_mm": mean_interval(np.array([answer.head_mm for answer in sound]), SEED).value,
            **_ends(
                "face_scan_to_mesh_mm",
                mean_interval(np.array([answer.scan_to_mesh_mm for answer in sound]), SEED),
            ),
            "paper_face_mm": paper,
            "gap_mm": face.value - paper,
        }
        figures.append(rounded(row))
    return figures


def table(figures: Sequence[Mapping[str, Any]]) -> str:
    """The figures as a Markdown table."""
    lines = ["| " + " | ".join(HEADINGS) + " |", "|---" * len(HEADINGS) + "|"]
    for row in figures:
        cells = [
            *(row[key] for key in ("system", "views", "scenes", "failures", "views_without_face")),
            _span(row, "face_mm"),
            *(_text(row["paper_face_mm"]), _text(row["gap_mm"], "+.2f"), _text(row["head_mm"])),
            _span(row, "face_scan_to_mesh_mm"),
        ]
        lines.append("| " + " | ".join(str(cell) for cell in cells) + " |")
    return "\n".join(lines)


def rounded(row: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers to four digits; None for NaN, which JSON has not."""
    return {
        key: (digits(value) if np.isfinite(value) else None) if isinstance(value, float) else value
        for key, value in row.items()
    }


def _ends(name: str, interval: Interval) -> dict[str, float]:
    return {name: interval.value, f"{name}_low": interval.low, f"{name}_high": interval.high}


def _span(row: Mapping[str, Any], name: str) -> str:
    low, high = _text(row[f"{name}_low"]), _text(row[f"{name}_high"])
    return f"{_text(row[name])} ({low} to {high})"


def _text(value: float | None, form: str = ".2f") -> str:
    return "-" if value is None else format(value, form)


if __name__ == "__main__":
    main()
