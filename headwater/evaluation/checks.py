"""Names, challenges and figures from outside, checked before anything is made of them."""

import math
import re
import reprlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import pairwise
from numbers import Integral, Real
from typing import Final

from headwater.errors import HeadwaterError
from headwater.evaluation.challenge import Challenge, Figures, Metric, Stratum

MOST_LETTERS: Final = 200
MOST_LETTERS_ABOUT: Final = 2000
# Line ends, controls, and halves of letters, which no encoding writes.
_ODD: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
# Names of folders and files below data/, and keys in params.yaml.
_SAFE: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")


def name_fault(name: object, kind: str, taken: Collection[str] = ()) -> str | None:
    """A sentence on a name that is not of the safe form, or taken; None for another one."""
    if not isinstance(name, str) or not _SAFE.fullmatch(name):
        return (
            f"the name {reprlib.repr(name)} of a {kind} is not of small letters, digits and _, "
            "a letter first, at most 64 of them; rename it"
        )
    if name in taken:
        return f"the name {name!r} of a {kind} is taken by Headwater or a system; rename it"
    return None


def line_fault(value: object, what: str, most: int = MOST_LETTERS) -> str | None:
    """A sentence on what is no line of text that every file can hold; None for another one."""
    if not isinstance(value, str):
        return f"{what} is {reprlib.repr(value)}, no text; mend it"
    if len(value) > most:
        return f"{what} has {len(value)} letters, of which {most} fit; shorten it"
    if _ODD.search(value):
        return f"{what} is {reprlib.repr(value)}, not one line of plain text; mend it"
    return None


def is_number(value: object) -> bool:
    """True for a real number; True and False are none."""
    return isinstance(value, Real) and not isinstance(value, bool)


def challenge_fault(challenge: Challenge) -> str | None:
    """A sentence on the first thing for which a challenge cannot be judged; None without any."""
    return next(_faults(challenge), None)


def plain_figures(figures: Mapping[str, object], place: str) -> Figures:
    """Figures as numbers of Python. Raises HeadwaterError, which begins with ``place``."""
    plain: Figures = {}
    for name, value in dict(figures).items():
        if not isinstance(name, str):
            raise HeadwaterError(f"{place}: figure {name!r} has no name")
        if not isinstance(value, Real) or not math.isfinite(value):
            said = value if isinstance(value, Real) else reprlib.repr(value)
            raise HeadwaterError(f"{place}: figure {name!r} is {said}, no finite number")
        plain[name] = int(value) if isinstance(value, Integral) else float(value)
    return plain


def _faults(challenge: Challenge) -> Iterator[str]:
    if fault := name_fault(challenge.name, "challenge"):
        yield fault
    place = f"challenge {challenge.name}"
    for name, kind in (("metrics", Metric), ("strata", Stratum), ("listed", Metric)):
        members, of = getattr(challenge, name), kind.__name__
        if not isinstance(members, tuple) or not all(isinstance(one, kind) for one in members):
            yield f"{place}: {name} is {reprlib.repr(members)}, no tuple of {of}; mend it"
    for name in ("questions", "count", "score", "baselines"):
        value = getattr(challenge, name)
        if not callable(value):
            yield f"{place}: {name} is {reprlib.repr(value)}, no function; mend it"
    yield from _faults_of_names([metric.name for metric in challenge.metrics], "metric", "metrics")
    yield from _faults_of_names([one.name for one in challenge.strata], "stratum", "strata")
    yield from _faults_of_names([one.name for one in challenge.listed], "figure", "listed figures")
    if not challenge.metrics:
        yield f"{place} has no metric; give it one, the headline first"
    yield from (f"{place}: {fault}" for fault in _faults_of_texts(challenge))
    for stratum in challenge.strata:
        yield from (f"stratum {stratum.name}: {fault}" for fault in _faults_of_bins(stratum))


def _faults_of_texts(challenge: Challenge) -> Iterator[str]:
    about: object = challenge.about
    # A description may have lines; pages break them as they like.
    unbroken = re.sub(r"\s", " ", about) if isinstance(about, str) else about
    texts = [("title", challenge.title, MOST_LETTERS), ("about", unbroken, MOST_LETTERS_ABOUT)]
    for metric in (*challenge.metrics, *challenge.listed):
        texts += [
            (f"label of metric {metric.name}", metric.label, MOST_LETTERS),
            (f"unit of metric {metric.name}", metric.unit, MOST_LETTERS),
        ]
    for one in challenge.strata:
        texts += [(f"label of stratum {one.name}", one.label, MOST_LETTERS)]
    for what, text, most in texts:
        if fault := line_fault(text, what, most):
            yield fault


def _faults_of_bins(stratum: Stratum) -> Iterator[str]:
    edges: object = stratum.edges
    place: object = stratum.place
    if not callable(place):
        yield f"place is {reprlib.repr(place)}, no function; mend it"
    if not isinstance(edges, tuple | list) or not all(is_number(edge) for edge in edges):
        yield f"the edges {reprlib.repr(edges)} are no numbers; mend them"
    elif len(edges) == 1 or not all(low < high for low, high in pairwise(edges)):
        yield f"the edges {reprlib.repr(edges)} do not rise"


def _faults_of_names(names: Sequence[object], kind: str, plural: str) -> Iterator[str]:
    for name in names:
        if fault := name_fault(name, kind):
            yield fault
    for name, count in Counter(names).items():
        if count > 1:
            yield f"two {plural} are named {name!r}; rename one"
