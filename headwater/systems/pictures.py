"""Pictures of a system's answers, checked and written as a table."""

import reprlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from headwater.artifacts.evaluate_schemas import PICTURES
from headwater.artifacts.ids import item_id
from headwater.artifacts.images import decode_png, picture_size
from headwater.artifacts.tables import Row, to_table, write_bucket
from headwater.errors import READER_ERRORS, HeadwaterError
from headwater.evaluation.attempt import blaming
from headwater.evaluation.challenge import Challenge, Judged, Picture

MOST_PICTURES: Final = 24
MOST_PX: Final = 2048


def write_pictures(out: Path, challenge: Challenge, judged: Iterable[Judged]) -> None:
    """Write the challenge's pictures of the first answers, ``MOST_PICTURES`` at most, as a table.

    Raises HeadwaterError, which names system and question, for what is no PNG of at most
    ``MOST_PX`` px a side, for two pictures of one name, and for more than the table takes.
    """
    if challenge.pictures is None:
        return
    rows: list[Row] = []
    for one in judged:
        if one.failure is None:
            more = _rows(challenge, one)
            if len(rows) + len(more) > MOST_PICTURES:
                break
            rows += more
    # A table is sorted by its identifiers, which are hashes.
    placed = [{**row, "place": place} for place, row in enumerate(rows)]
    write_bucket(out / "pictures.parquet", PICTURES, to_table(PICTURES, placed), "")


def _rows(challenge: Challenge, one: Judged) -> list[Row]:
    """Rows of an answer's pictures, without their places."""
    assert challenge.pictures is not None
    question = one.question
    place = f"{one.system}: pictures of question {question.key!r} of subject {question.subject}"
    with blaming(place):
        pictures = list(challenge.pictures(question, one.answer))
        for picture in pictures:
            if not isinstance(picture, Picture):
                raise TypeError(f"{reprlib.repr(picture)} is no Picture")
    if len(pictures) > MOST_PICTURES:
        raise HeadwaterError(
            f"{place}: {len(pictures)} pictures of one answer, at most {MOST_PICTURES} are kept"
        )
    for name, count in Counter(picture.name for picture in pictures).items():
        if count > 1:
            raise HeadwaterError(f"{place}: {name!r} stands twice; give each a name of its own")
    return [
        {
            "item": item_id("picture", one.system, question.subject, question.key, picture.name),
            "challenge": challenge.name,
            "system": one.system,
            "subject": question.subject,
            "question": question.key,
            "name": picture.name,
            "image": _image(picture, place),
        }
        for picture in pictures
    ]


def _image(picture: Picture, place: str) -> Row:
    """The column's value of a picture that can be read and is not too large."""
    name = reprlib.repr(picture.name)
    image = {"bytes": picture.png, "path": f"{picture.name}.png"}
    given: object = picture.png
    size = picture_size(given, ("PNG",)) if isinstance(given, bytes) else None
    if size is not None and max(size) > MOST_PX:
        raise HeadwaterError(
            f"{place}: {name} is {size[0]} x {size[1]} px, a side may have at most {MOST_PX}"
        )
    try:
        if size is None:
            raise ValueError(name)
        decode_png(image)
    except READER_ERRORS as error:
        raise HeadwaterError(f"{place}: {name} is no PNG picture") from error
    return image
