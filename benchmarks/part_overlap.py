"""``python -m benchmarks.part_overlap``: overlap of face parts with the true ones, by part.

Compares polygons between landmarks and the build's parser (``parts.parser: trained``, or a file of
the user's) on the frames of held-out views, whose parts the renderer knows. ``--photos`` adds a
folder of photos with hand-drawn parts: PNG files of ids in ``labels/`` below it, whose names the
list ``labels`` in ``frl189.json`` has.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from headwater.artifacts.cameras import frame_from_photo_of
from headwater.artifacts.images import decode_png
from headwater.artifacts.landmark_rows import landmarks_of
from headwater.artifacts.regular_files import files_in, read_file, read_json
from headwater.artifacts.schemas import FRAMES, LANDMARKS, TRUTH
from headwater.artifacts.tables import Row, read_table
from headwater.config import Params, load_params
from headwater.errors import READER_ERRORS, HeadwaterError, ItemRejected
from headwater.faces.affine import inside_photo, labels_in_frame
from headwater.faces.frame_landmarks import landmarks_of_crop
from headwater.faces.mediapipe_adapter import mediapipe_faces
from headwater.faces.photo_path import face_frame, frame_parts
from headwater.faces.vocabulary import FACE_PARTS, Part
from headwater.metrics.regions import part_intersection_over_union
from headwater.parsing.frame_parser import FrameParser, parsed_parts
from headwater.parsing.prepared import prepared_parser
from headwater.photos.decode import decode_photo
from headwater.photos.folder import read_photo

SPLIT: Final = "test"
UNKNOWN: Final = 255
_MAX_BYTES: Final = 2**26
# Parts that the photos' labels have with the same meaning, by the label's name; nose and skin have
# none.
LABELLED: Final[Mapping[str, Part]] = {
    part.name.lower(): part for part in FACE_PARTS if part not in (Part.NOSE, Part.SKIN)
}


@dataclass(frozen=True)
class Overlaps:
    """Overlap (n, 8) of parts with the true ones in n images, NaN for a part that neither has.

    drawn: of polygons between landmarks. parsed: of the parser's parts.
    """

    drawn: NDArray[np.float64]
    parsed: NDArray[np.float64]


def main() -> None:
    """Print the tables of the build that the command line names."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--project", type=Path, default=Path(), help="folder of a finished build")
    options.add_argument("--photos", type=Path, help="folder of photos, with labels/ below it")
    given = options.parse_args()
    try:
        print(measure(given.project, given.photos), end="")
    except HeadwaterError as problem:
        options.error(str(problem))


def measure(project: Path, photos: Path | None) -> str:
    """The tables of a build with a parser. Raises HeadwaterError for one without."""
    params = load_params(project / "params.yaml")
    parser = parser_of(params, project)
    views = overlaps_of(view_parts(project / "data", parser))
    text = f"Held-out views:\n\n{table(views)}"
    if photos is not None:
        labelled = overlaps_of(photo_parts(photos, params.ingest.frame_px, parser))
        text += f"\nPhotos:\n\n{table(labelled)}"
    return text


def parser_of(params: Params, project: Path) -> FrameParser:
    """The parser of a build. Raises HeadwaterError for a build without one."""
    parser = prepared_parser(params, project)
    if parser is None:
        raise HeadwaterError(
            f"{project / 'params.yaml'}: parts.parser is landmarks, which parses no picture; "
            "set it to trained, or to an .onnx file, and build"
        )
    return parser


# Part ids (n, n) of one image: true, drawn, parsed.
Parts = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]


def view_parts(data: Path, parser: FrameParser) -> Iterator[Parts]:
    """True, drawn and parsed part ids (n, n) of the frames of held-out views with landmarks."""
    own = (pc.field("split") == SPLIT) & (pc.field("source") == "synthetic")
    about = ["item", "source", "split"]
    truths = _by_item(data, [*about, "classes"], own)
    points = read_table(data, LANDMARKS, [*about, "landmarks_478_px"], own).to_pylist()
    found = {row["item"]: landmarks_of(row) for row in points}
    place = ["image", "width", "height", "frame_from_photo", "photo_width", "photo_height"]
    for frame in read_table(data, FRAMES, [*about, *place], own).to_pylist():
        if frame["item"] not in found:
            continue
        affine, size = frame_from_photo_of(frame), (frame["width"], frame["height"])
        classes = labels_in_frame(decode_png(truths[frame["item"]]["classes"]), affine, *size)
        shown = inside_photo(affine, frame["photo_width"], frame["photo_height"], *size)
        landmarks = found[frame["item"]]
        parsed = parsed_parts(parser, decode_png(frame["image"]), landmarks, shown)
        truth = np.where(classes <= max(Part), classes, np.uint8(Part.NONE))
        yield truth, frame_parts(landmarks, shown), parsed


def photo_parts(folder: Path, frame_px: int, parser: FrameParser) -> Iterator[Parts]:
    """True, drawn and parsed part ids (n, n) of the frames of a folder's photos with labels.

    Parts that the labels do not have are left out of all three. Raises HeadwaterError naming a file
    that is missing or wrong, and a photo without a face.
    """
    part_of = _part_of_label(folder / "frl189.json")
    faces = mediapipe_faces()
    labelled = [path for path in files_in(folder / "labels") if path.suffix == ".png"]
    if not labelled:
        raise HeadwaterError(f"{folder / 'labels'}: has no .png of labels; name another folder")
    for path in labelled:
        name = folder / f"{path.stem}.jpg"
        try:
            photo = decode_photo(read_photo(name)).rgb
            frame = face_frame(photo, frame_px, faces)
            landmarks = landmarks_of_crop(frame.crop, frame.image.shape[0], faces)
        except ItemRejected as problem:
            raise HeadwaterError(f"{name}: {problem.message}") from problem
        px = frame.image.shape[0]
        labels = part_of[_labels(path, photo.shape[:2])]
        truth = labels_in_frame(labels, frame.from_photo, px, px)
        truth[~frame.shown] = UNKNOWN
        parsed = parsed_parts(parser, frame.image, landmarks, frame.shown)
        yield truth, *(_labelled(one) for one in (frame_parts(landmarks, frame.shown), parsed))


def _part_of_label(path: Path) -> NDArray[np.uint8]:
    """Part ids (256,) by the labels' ids, of the names that a file lists."""
    content = read_json(path, _MAX_BYTES)
    names = content.get("labels") if isinstance(content, dict) else None
    if not isinstance(names, list) or not 0 < len(names) <= UNKNOWN:
        raise HeadwaterError(f"{path}: has no list 'labels' of at most {UNKNOWN} names")
    part_of = np.zeros(256, np.uint8)
    part_of[UNKNOWN] = UNKNOWN
    for number, name in enumerate(names):
        part_of[number] = LABELLED.get(str(name), Part.NONE)
    return part_of


def _labels(path: Path, size: tuple[int, ...]) -> NDArray[np.uint8]:
    """Ids (h, w) of a PNG file of this size."""
    try:
        labels = decode_png({"bytes": read_file(path, _MAX_BYTES), "path": str(path)})
    except READER_ERRORS as error:
        reason = " ".join(str(error).split())[:200]
        raise HeadwaterError(f"{path}: cannot be read ({reason})") from error
    if labels.shape != size or labels.dtype != np.uint8:
        raise HeadwaterError(
            f"{path}: is {labels.dtype} {labels.shape} instead of one id of 8 bits for each of the "
            f"photo's pixels {size}"
        )
    return labels


def _by_item(data: Path, columns: list[str], rows: pc.Expression) -> dict[str, Row]:
    return {row["item"]: row for row in read_table(data, TRUTH, columns, rows).to_pylist()}


def _labelled(parts: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.where(np.isin(parts, list(LABELLED.values())), parts, np.uint8(Part.NONE))


def overlaps_of(images: Iterator[Parts]) -> Overlaps:
    """Overlaps of the drawn and the parsed parts of images with the true ones."""
    rows = [
        [part_intersection_over_union(one, truth, max(Part))[1:] for one in given]
        for truth, *given in images
    ]
    drawn, parsed = np.array(rows, np.float64).reshape(-1, 2, max(Part)).swapaxes(0, 1)
    return Overlaps(drawn, parsed)


def table(overlaps: Overlaps) -> str:
    """A Markdown table: mean over the images that have a part, then over the parts."""
    shown = [n for n in range(max(Part)) if np.isfinite(overlaps.drawn[:, n]).any()]
    titles = [FACE_PARTS[n].title for n in shown]
    lines = [f"| {len(overlaps.drawn)} images | " + " | ".join((*titles, "mean")) + " |"]
    lines.append("|---" * (len(shown) + 2) + "|")
    for name, values in (("landmarks", overlaps.drawn), ("parser", overlaps.parsed)):
        means = _means(values, shown)
        cells = [f"{one:.3f}" for one in (*means, np.mean(means))]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _means(values: NDArray[np.float64], shown: Sequence[int]) -> list[float]:
    return [float(np.nanmean(values[:, n])) for n in shown]


if __name__ == "__main__":
    main()
