from pathlib import Path

import pytest

from headwater.heads import load_head_model
from headwater.heads.model import HeadModel


@pytest.fixture(scope="session")
def head_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("heads")


@pytest.fixture(scope="session")
def anny(head_cache: Path) -> HeadModel:
    return load_head_model("anny", head_cache)


@pytest.fixture(scope="session")
def ict(head_cache: Path, shared_data: Path) -> HeadModel:
    return load_head_model(f"ict:{shared_data / 'ict_facekit.npz'}", head_cache)
