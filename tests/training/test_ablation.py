"""Ablations: each setting's own training, from one seed, in a folder of its own that is gone."""

from pathlib import Path

from headwater.training.ablation import trained_again
from headwater.training.run import Config, Curve, Run


class Setting(Config):
    """One number to train with."""

    rate: float


def train(config: Setting, data: Path, run: Run, weights: Path) -> Curve:
    """Write what the training was given."""
    assert not run.checkpoints.exists()
    run.checkpoints.mkdir()
    weights.write_text(f"{config.rate} {data.name} {run.seed} {weights.parent}")
    return []


def test_each_setting_is_trained_by_itself_with_the_same_seed(tmp_path: Path) -> None:
    told = []
    found = trained_again(
        {"fast": Setting(rate=1.0), "slow": Setting(rate=0.5)},
        train,
        lambda path: path.read_text().split(),
        tmp_path / "tables",
        7,
        lambda done, total: told.append((done, total)),
    )
    assert {name: read[:3] for name, read in found.items()} == {
        "fast": ["1.0", "tables", "7"],
        "slow": ["0.5", "tables", "7"],
    }
    folders = {read[3] for read in found.values()}
    assert len(folders) == 2
    assert not any(Path(folder).exists() for folder in folders)
    assert told == [(1, 2), (2, 2)]
