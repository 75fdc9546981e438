"""Origin of a row: the columns that every table of items begins with."""

from typing import Any

from headwater.artifacts.columns import ORIGIN
from headwater.artifacts.tables import Row

ORIGIN_COLUMNS = tuple(field.name for field in ORIGIN)


def origin(row: Row, **changes: Any) -> Row:
    """The origin columns of ``row``, with ``changes``."""
    return {**{name: row[name] for name in ORIGIN_COLUMNS}, **changes}
