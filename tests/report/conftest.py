"""The tiny folder of data and its report, built once."""

from pathlib import Path

import pytest

from headwater.config import Params, load_params
from headwater.report import build_page
from headwater.report.page import Report
from tests.report.tiny_data import write_data

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def params() -> Params:
    """The project's own parameters."""
    return load_params(PROJECT / "params.yaml")


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny folder; not to be changed."""
    folder = tmp_path_factory.mktemp("report") / "data"
    write_data(folder)
    return folder


@pytest.fixture(scope="session")
def report(data: Path, params: Params) -> Report:
    """The report of the tiny folder."""
    return build_page(data, params)
