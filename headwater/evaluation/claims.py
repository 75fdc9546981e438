"""Claims of a paper about its system, measured on a build: a value, its interval and its goal."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from headwater.artifacts.atomic import write_text
from headwater.errors import HeadwaterError
from headwater.metrics.intervals import Interval


@dataclass(frozen=True)
class Claim:
    """One claim and its measurement.

    what: the quantity with its unit and the heads it is taken over. low, high: 95 % interval over
    subjects, None where there is none. sign: side of the goal on which the claim holds. strict: the
    whole interval has to lie there, as for differences that are to be told from chance. own: a goal
    of this project, which the paper does not claim.
    """

    name: str
    what: str
    value: float
    low: float | None
    high: float | None
    goal: float
    sign: Literal["<=", ">="]
    strict: bool = False
    own: bool = False

    @property
    def holds(self) -> bool:
        """True where the value, or the whole interval, lies on the goal's side; NaN never does."""
        end = self.high if self.sign == "<=" else self.low
        judged = (end if end is not None else math.nan) if self.strict else self.value
        return judged <= self.goal if self.sign == "<=" else judged >= self.goal

    @property
    def spread(self) -> str:
        """The value with its interval, three digits."""
        if self.low is None or self.high is None:
            return f"{self.value:.3g}"
        return f"{self.value:.3g} ({self.low:.3g} to {self.high:.3g})"

    @property
    def bound(self) -> str:
        """The goal in words."""
        words = f"{'at most' if self.sign == '<=' else 'at least'} {self.goal:g}"
        return f"{words}, with all of its interval" if self.strict else words


def measured(
    name: str,
    what: str,
    interval: Interval,
    sign: Literal["<=", ">="],
    goal: float,
    *,
    strict: bool = False,
    own: bool = False,
) -> Claim:
    """The claim that an estimate with an interval lies on one side of a goal."""
    low, high = (None if math.isnan(end) else end for end in (interval.low, interval.high))
    return Claim(name, what, interval.value, low, high, goal, sign, strict, own)


def file_name(system: str, size: str) -> str:
    """Name of the file with a system's claims at a size."""
    return f"claims-{system}-{size}.json"


def write_claims(path: Path, claims: Sequence[Claim], about: Mapping[str, Any]) -> None:
    """Write the claims, and what they were measured with (machine, commit), as JSON."""
    rows = [{**asdict(claim), "holds": claim.holds} for claim in claims]
    record = {**about, "claims": rows}
    write_text(path, json.dumps(_finite(record), indent=2, sort_keys=True) + "\n")


def read_claims(path: Path) -> list[Claim]:
    """The claims of a file of ``write_claims``; none where there is no file.

    Raises HeadwaterError for any other file. What holds is computed anew.
    """
    if not path.is_file():
        return []
    try:
        return [_claim(row) for row in _record(path)["claims"]]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _no_claims(path, error) from None


def measured_with(path: Path) -> str:
    """The measurement that a file of ``write_claims`` tells of, in words; "" where it says nothing.

    Raises HeadwaterError for any other file.
    """
    about = _record(path) if path.is_file() else {}
    parts = []
    if subjects := about.get("subjects"):
        parts.append(f"on {subjects} held-out subjects")
    if commit := about.get("commit"):
        parts.append(f"with commit {commit}")
    machine = about.get("machine")
    if isinstance(machine, dict):
        parts.append(f"on {about.get('device')} ({machine.get('processor', 'unknown')})")
    return ", ".join(parts)


def claims_table(claims: Sequence[Claim]) -> str:
    """Rows of a Markdown table, as the system's README shows them."""
    lines = ["| claim | measured | goal | holds |", "|---|---|---|---|"]
    for claim in claims:
        holds = "yes" if claim.holds else "**no**"
        name = f"{claim.name} (own goal)" if claim.own else claim.name
        lines.append(f"| {name}: {claim.what} | {claim.spread} | {claim.bound} | {holds} |")
    return "\n".join(lines) + "\n"


def _record(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise _no_claims(path, error) from None


def _no_claims(path: Path, error: Exception) -> HeadwaterError:
    return HeadwaterError(
        f"{path}: not a file of claims ({error}); measure it again with python -m benchmarks.claims"
    )


def _claim(row: Mapping[str, Any]) -> Claim:
    if row["sign"] not in ("<=", ">="):
        raise ValueError(f"sign {row['sign']!r}")
    numbers = {
        name: None if row[name] is None else float(row[name])
        for name in ("value", "low", "high", "goal")
    }
    value, goal = numbers["value"], numbers["goal"]
    if goal is None:
        raise ValueError("a claim without a goal")
    return Claim(
        str(row["name"]),
        str(row["what"]),
        math.nan if value is None else value,
        numbers["low"],
        numbers["high"],
        goal,
        row["sign"],
        bool(row["strict"]),
        bool(row.get("own", False)),
    )


def _finite(value: Any) -> Any:
    """Without NaN, which JSON has no word for."""
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
