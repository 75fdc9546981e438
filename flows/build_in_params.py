"""The entry ``build`` of params.yaml written anew, and nothing else of the file."""

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

Entry = tuple[str, list[str], str]


def with_build(text: str, build: Mapping[str, str]) -> str | None:
    """Parameters with other entries in the mapping ``build``; None where its form forbids that.

    Nothing else of the text changes. Comments above an entry move with it; they stay where it
    leaves, and so does its line, as a comment, where it ends with one.
    """
    [(key, old)] = [pair for pair in yaml.compose(text).value if pair[0].value == "build"]
    write = _of_one_line if old.flow_style else _of_lines
    new = write(text, key, old, build)
    try:
        said = yaml.safe_load(new)
    except yaml.YAMLError:
        return None
    return new if said == {**yaml.safe_load(text), "build": dict(build)} else None


def _of_one_line(text: str, key: Any, old: Any, build: Mapping[str, str]) -> str:
    start, end = old.start_mark.index, old.end_mark.index
    if "#" in text[start:end]:
        # A comment between the braces belongs to an entry, which one cannot be seen.
        return text
    entries = ", ".join(f"{name}: {challenge}" for name, challenge in build.items())
    return f"{text[:start]}{{{entries}}}{text[end:]}"


def _of_lines(text: str, key: Any, old: Any, build: Mapping[str, str]) -> str:
    start, end = _line_end(text, key) + 1, _line_end(text, old.value[-1][1])
    indent, line_end = " " * old.start_mark.column, "\r" if text[:start].endswith("\r\n") else ""
    kept: dict[str, list[str]] = {}
    left: list[str] = []
    for name, above, line in _entries(text, start, old, build):
        if name in build:
            kept[name] = [*left, *above, line]
            left = []
        else:
            commented = [f"{indent}# {line.lstrip()}"] if "#" in line else []
            left += [*above, *commented]
    lines = [
        line
        for name, challenge in build.items()
        for line in kept.get(name, [f"{indent}{name}: {challenge}{line_end}"])
    ]
    return text[:start] + "\n".join([*lines, *left]) + text[end:]


def _entries(text: str, after: int, old: Any, build: Mapping[str, str]) -> Iterator[Entry]:
    """Name, comments above and line of every entry, with the challenge that it shall have."""
    for key, value in old.value:
        start = text.rindex("\n", 0, key.start_mark.index) + 1
        end = _line_end(text, value)
        line = text[start:end]
        if value.value != build.get(key.value, value.value):
            begin, stop = value.start_mark.index, value.end_mark.index
            line = text[start:begin] + build[key.value] + text[stop:end]
        yield key.value, text[after:start].split("\n")[:-1], line
        after = end + 1


def _line_end(text: str, node: Any) -> int:
    """Place of the end of the line that a node ends in."""
    end = text.find("\n", node.end_mark.index)
    return len(text) if end < 0 else end
