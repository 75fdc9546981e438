"""Names, challenges and figures from outside, checked before anything is made of them."""

import math
import re
import reprlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import pairwise
from numbers import Integral, Real
from typing import Final

from headwater.errors import HeadwaterError
from headwater.evaluation.challenge import Challenge, Figures

# Names of folders and files below data/, and keys in params.yaml.
_SAFE: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")


def name_fault(name: object, kind: str, taken: Collection[str] = ()) -> str | None:
    """A sentence on a name that is not of the safe form, or taken; None for another one."""
    if not isinstance(name, str) or not _SAFE.fullmatch(name):
        return (
            f"the name {name!r} of a {kind} is not of small letters, digits and _, a letter first, "
            "at most 64 of them; rename it"
        )
    if name in taken:
        return f"the name {name!r} of a {kind} is taken by Headwater or a system; rename it"
    return None


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
    named = (
        ("challenge", "challenges", (challenge.name,)),
        ("metric", "metrics", [metric.name for metric in challenge.metrics]),
        ("stratum", "strata", [stratum.name for stratum in challenge.strata]),
    )
    for kind, plural, names in named:
        yield from _faults_of_names(names, kind, plural)
    if not challenge.metrics:
        yield f"challenge {challenge.name} has no metric; give it one, the headline first"
    for stratum in challenge.strata:
        edges = stratum.edges
        rising = all(low < high for low, high in pairwise(edges))
        if len(edges) == 1 or not rising:
            yield f"stratum {stratum.name}: the edges {edges} do not rise"


def _faults_of_names(names: Iterable[str], kind: str, plural: str) -> Iterator[str]:
    for name, count in Counter(names).items():
        if fault := name_fault(name, kind):
            yield fault
        if count > 1:
            yield f"two {plural} are named {name!r}; rename one"
