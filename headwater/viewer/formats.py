"""Numbers and names as text of the page."""

import math
from typing import Any

MISSING = "–"
MAX_NAME = 80


def number(value: Any, digits: int = 2) -> str:
    """A number with ``digits`` after the point, whole numbers in groups of three."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return MISSING
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.{digits}f}"


def share(value: float | None) -> str:
    """A share in 0..1 as a percentage."""
    return MISSING if value is None or not math.isfinite(value) else f"{100 * value:.1f} %"


def visible(name: str) -> str:
    """A file name in one line: control characters written out, long ones cut in the middle."""
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)
    if len(text) <= MAX_NAME:
        return text
    return f"{text[: MAX_NAME // 2]}…{text[-MAX_NAME // 2 :]}"


def plural(count: int, one: str, many: str = "") -> str:
    """A count with its noun."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


FILTERS = {"number": number, "share": share, "visible": visible, "plural": plural}
