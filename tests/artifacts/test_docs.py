"""The documentation of the tables is what the schemas say."""

from pathlib import Path

import pytest

from headwater.artifacts.docs import artifacts_page
from headwater.artifacts.schemas import TABLES
from headwater.cli import main

PAGE = Path(__file__).resolve().parents[2] / "docs" / "artifacts.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == artifacts_page(), "run: make docs"


def test_every_column_of_every_table_is_explained() -> None:
    page = artifacts_page()
    for name, schema in TABLES.items():
        heading = "step/rejects" if schema.table == "rejects" else name
        section = page.split(f"## {heading}\n")[1].split("\n## ")[0]
        for field in schema.arrow:
            about = field.metadata[b"about"].decode()
            assert f"| `{field.name}` |" in section
            assert about in section


def test_the_command_writes_the_page(tmp_path: Path) -> None:
    page = tmp_path / "docs" / "artifacts.md"
    with pytest.raises(SystemExit) as end:
        main(["docs", "--page", str(page)])
    assert end.value.code == 0
    assert page.read_text(encoding="utf-8") == artifacts_page()
