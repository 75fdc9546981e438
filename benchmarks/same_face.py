"""``python -m benchmarks.same_face [PHOTO ...]``: how far a head moves when its photo is changed.

Every photo, the two built-in portraits when none is named, is framed, turned, mirrored, resized and
spoilt; the heads of the variants are compared with that of the photo itself: rms over the front
quarter of the vertices after rigid alignment, mm, and how often the person's own head is the
nearest. Above it stand the distances between people, and how far the lips of their heads are
parted: of people with closed lips about 0, below it where they overlap.
"""

import argparse
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.h3ds import built
from headwater.data.scenes import Template
from headwater.errors import HeadwaterError, ItemRejected
from headwater.faces.mediapipe_adapter import mediapipe_faces
from headwater.faces.photo_path import face_frame
from headwater.faces.vocabulary import outer_eye_distance
from headwater.geometry.mirror import mirror_pairs
from headwater.geometry.registration import umeyama
from headwater.heads.contact import height_shares
from headwater.photos.builtin import PORTRAITS
from headwater.photos.decode import decode_photo
from headwater.photos.folder import PhotoFile, read_photo
from headwater.photos.pixels import DecodedPhoto, shrink
from headwater.quality.variants import Picture, variants
from headwater.reconstruct.seeing import PhotoFaces, SeenFace, see_face
from headwater.reconstruct.settings import PhotoSettings

LONGEST_PX: Final = 1200
FRONT_PERCENT: Final = 75
SAME_PLACE_MM: Final = 1.0

Vertices = NDArray[np.float32]
# The head of a picture, or None where it shows none.
HeadOf = Callable[[Picture], Vertices | None]
Parted = Callable[[Vertices], float]


def main() -> None:
    """Print the table of the first system below ``--data``."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("photos", type=Path, nargs="*", help="photos of different people")
    parser.add_argument("--data", type=Path, default=Path("data"), help="a finished build")
    given = parser.parse_args()
    try:
        system = built(given.data)[0]
        pictures = [_picture(data) for data in _data(given.photos)]
    except (HeadwaterError, ItemRejected) as problem:
        parser.error(str(problem))
    mean = system.template.landmarks_68(system.template.mean)

    def head_of(picture: Picture) -> Vertices | None:
        try:
            return system.reconstruct("", [seen(picture, mean)]).vertices
        except ItemRejected:
            return None

    parted = partial(lips_parted_percent, system.template)
    for line in table(pictures, head_of, system.template.mean, parted):
        print(line, flush=True)


def table(
    pictures: Sequence[Picture], head_of: HeadOf, mean: Vertices, parted: Parted
) -> Iterator[str]:
    """Lines of the table; ``mean`` (V, 3), mm, is the template's mean head.

    parted: of a head (V, 3), how far its lips are parted, % of the outer eye distance.
    """
    front = np.flatnonzero(mean[:, 2] > np.percentile(mean[:, 2], FRONT_PERCENT))
    partners = mirror_pairs(mean, SAME_PLACE_MM)
    own = {number: head_of(picture) for number, picture in enumerate(pictures)}
    people = {number: head for number, head in own.items() if head is not None}
    apart = [distance_mm(one, other, front) for one, other in combinations(people.values(), 2)]
    if apart:
        yield f"between people: mean {np.mean(apart):.2f} mm, least {np.min(apart):.2f}"
    lips = [parted(head) for head in people.values()]
    if lips:
        yield f"lips parted: mean {np.mean(lips):.1f} %, {np.min(lips):.1f} to {np.max(lips):.1f}"
    rows: dict[str, list[tuple[float, bool]]] = {}
    for number in people:
        for variant in variants(pictures[number]):
            head = head_of(variant.image)
            if head is None or (variant.mirrored and partners is None):
                continue
            if variant.mirrored:
                head = (head * np.float32([-1, 1, 1]))[partners]
            rows.setdefault(variant.kind, []).append(_nearest(head, number, people, front))
    for kind, outcomes in rows.items():
        away = [distance for distance, _ in outcomes]
        yield (
            f"{kind:24} mean {np.mean(away):5.2f} mm  worst {np.max(away):5.2f}  "
            f"own head nearest {sum(own for _, own in outcomes)} of {len(outcomes)}"
        )


def distance_mm(head: Vertices, other: Vertices, rows: NDArray[np.intp]) -> float:
    """Distance (rms, mm) of the vertices ``rows`` of two heads (V, 3) after rigid alignment."""
    place = umeyama(head[rows], other[rows], with_scale=False)
    off = place.apply(head[rows]) - other[rows]
    return float(np.sqrt((off.astype(np.float64) ** 2).sum(axis=1).mean()))


def lips_parted_percent(template: Template, head: Vertices) -> float:
    """Height of the upper above the lower lip of a head (V, 3), % of the outer eye distance."""
    height = height_shares(template.landmarks_478, len(head)) @ head[:, 1]
    return 100 * float(height) / outer_eye_distance(template.landmarks_68(head))


def seen(picture: Picture, mean_landmarks_68: NDArray[np.float32]) -> SeenFace:
    """Detections of the largest face of a picture in memory. Raises ``ItemRejected``."""
    height, width = picture.shape[:2]
    photo = DecodedPhoto(picture, width, height, "PNG", "RGB", as_coded=False)
    frame = face_frame(picture, PhotoSettings().frame_px, mediapipe_faces())
    faces = PhotoFaces(PhotoFile(Path(), "variant", ""), photo, [frame])
    return see_face(faces, 1, mean_landmarks_68)


def _nearest(
    head: Vertices, number: int, people: Mapping[int, Vertices], front: NDArray[np.intp]
) -> tuple[float, bool]:
    """Distance to the person's own head, mm, and True when no other person's is nearer."""
    away = {person: distance_mm(head, other, front) for person, other in people.items()}
    return away[number], min(away, key=lambda person: away[person]) == number


def _data(photos: Iterable[Path]) -> list[bytes]:
    return [read_photo(path) for path in photos] or [portrait.data() for portrait in PORTRAITS]


def _picture(data: bytes) -> Picture:
    return shrink(decode_photo(data).rgb, LONGEST_PX)


if __name__ == "__main__":
    main()
