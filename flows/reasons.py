"""Words for what differs between a stage's inputs as it last ran and as they are now."""

import json
import reprlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

_UNSET: Final = object()
# Words for the first part of an input's name, of systems' stages; all other parts are settings.
_WORDS: Final = {"other": "the other test set", "challenge": "its challenge's words"}

Leaves = dict[tuple[str, ...], Any]


def of_settings(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """A sentence for every setting that has another value, down to single values."""
    return [
        f"setting {'.'.join(name)}: {_shown(old)} -> {_shown(new)}"
        for name, old, new in _changes(_leaves(before), _leaves(now))
    ]


def of_contents(before: bytes | None, now: bytes) -> list[str]:
    """Sentences on what differs between two JSON files of what a stage depends on.

    None where that cannot be told, as without the former file.
    """
    try:
        old, new = json.loads(before or b""), json.loads(now)
    except (ValueError, RecursionError):
        return []
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return []
    return list(dict.fromkeys(_sentence(*one) for one in _changes(_leaves(old), _leaves(new))))


def _sentence(name: tuple[str, ...], old: Any, new: Any) -> str:
    if "packages" in name:
        package = ".".join(name[name.index("packages") + 1 :])
        return f"package {package}: {_shown(old)} -> {_shown(new)}"
    if name[-1] == "code":
        return "code that it executes"
    if name[-1] == "head_model":
        return "the head model"
    if "rows" in name[:-1]:
        return f"rows of {name[name.index('rows') + 1]}"
    if name[0] in _WORDS:
        return _WORDS[name[0]]
    setting = ".".join(name).removeprefix("config.")
    return f"setting {setting}: {_shown(old)} -> {_shown(new)}"


def _changes(before: Leaves, now: Leaves) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    for name in dict.fromkeys([*before, *now]):
        old, new = before.get(name, _UNSET), now.get(name, _UNSET)
        if old != new:
            yield name, old, new


def _leaves(value: Mapping[str, Any], above: tuple[str, ...] = ()) -> Leaves:
    leaves: Leaves = {}
    for name, inner in value.items():
        place = (*above, str(name))
        leaves |= _leaves(inner, place) if isinstance(inner, Mapping) else {place: inner}
    return leaves


def _shown(value: Any) -> str:
    if value is _UNSET:
        return "unset"
    return reprlib.repr(value) if not isinstance(value, str) or not value else value[:80]
