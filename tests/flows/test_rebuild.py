"""The flow builds what DVC alone builds, says little, and ends with nothing left over."""

import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from headwater.errors import HeadwaterError
from headwater.upkeep.recorded import md5_of_file
from tests.flows.conftest import ToyProject

PROJECT = Path(__file__).resolve().parents[2]

LINES = (
    r"headwater: 4 stages changed; \d+ cores; watch http://127\.0\.0\.1:\d+/enter#[\w-]+",
    r"numbers +36 items, 4 rejected: nine 4 +\d+\.\d s",
    r"(doubles|squares) +36 items +\d+\.\d s",
    r"(doubles|squares) +36 items +\d+\.\d s",
    r"total +sum 19104 +\d+\.\d s",
    r"built in .+",
)


def test_build_says_one_line_per_stage(built: ToyProject) -> None:
    lines = (built.path / "output.txt").read_text().splitlines()
    assert len(lines) == len(LINES)
    for line, pattern in zip(lines, LINES, strict=True):
        assert re.fullmatch(pattern, line), line


def test_second_build_runs_nothing(copy_of_built: Callable[[], ToyProject]) -> None:
    project = copy_of_built()
    before = {path: path.stat().st_mtime_ns for path in (project.path / "data").rglob("*")}
    done = project.flow()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("everything is up to date")
    assert before == {p: p.stat().st_mtime_ns for p in (project.path / "data").rglob("*")}


@pytest.mark.slow  # A whole build of the toy: test_kill.py has the flow build the same clone.
def test_clean_clone_with_a_committed_record_is_built_by_dvc_alone(
    copy_of_built: Callable[[], ToyProject], built: ToyProject
) -> None:
    project = copy_of_built()
    project.forget(record=False)
    status = project.dvc("status")
    assert status.returncode == 0, status.stderr
    done = project.dvc("repro", "--quiet")
    assert done.returncode == 0, done.stderr
    assert project.bytes() == built.bytes()
    # Its cache lost, too, and one stage's output.
    shutil.rmtree(project.path / ".dvc" / "cache")
    shutil.rmtree(project.path / "data" / "doubles")
    done = project.flow()
    assert (done.returncode, done.stderr) == (0, "")
    assert project.bytes() == built.bytes()


@pytest.mark.fault("a fault of one item fails its stage alone and is named")
@pytest.mark.fault(
    "rot in the data that DVC does not see is found, and nothing else is called checked"
)
def test_damage_is_named_and_mended_and_a_fault_fails_its_stage_alone(
    copy_of_built: Callable[[], ToyProject],
) -> None:
    project = copy_of_built()
    before = project.bytes()
    damaged = next((project.path / "data" / "numbers" / "values").glob("*.parquet"))
    damaged.write_bytes(damaged.read_bytes()[:-10])
    fault = '            if row["value"] == 24:\n                raise RuntimeError("no luck")\n'
    project.edit("squares", "            result.add", f"{fault}            result.add")
    # Doubles are still computed when the squares have failed.
    project.edit("doubles", 'os.environ.get("TOY_SECONDS", "0")', '"0.5"')
    done = project.flow()
    assert done.returncode == 1
    log = project.path / ".headwater" / "logs" / "workers.log"
    first, last = done.stderr.splitlines()
    assert re.fullmatch(
        r"error: squares: bucket \d, item \w+ \(\w+\): unexpected RuntimeError: no luck "
        rf"\(details in {re.escape(str(log))}\)",
        first,
    )
    assert last == "error: 2 of 4 stages do not hold: squares failed; total waits for that"
    assert re.search(r"^doubles +36 items ", done.stdout, re.MULTILINE)
    assert "Traceback" in log.read_text()
    name = str(damaged.relative_to(project.path))
    assert f"{name}: it was damaged; restored from DVC's cache" in done.stdout
    assert damaged.read_bytes() == before[damaged.relative_to(project.path / "data").as_posix()]
    assert project.left_over() == []


def test_wrong_parameter_is_refused_before_anything_runs(toy: ToyProject) -> None:
    toy.set(synthesize__subject=3)
    done = toy.flow()
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: params.yaml: unknown key synthesize.subject; "
        "the nearest valid key is synthesize.subjects\n"
    )
    assert not (toy.path / "data" / "numbers").exists()


@pytest.mark.fault("of two builds at once the second is refused in one line")
def test_second_build_at_once_says_so_in_one_line(copy_of_built: Callable[[], ToyProject]) -> None:
    from headwater.upkeep.build_lock import build_lock

    project = copy_of_built()
    with build_lock(project.path):
        done = project.flow()
    assert done.returncode == 2
    assert re.fullmatch(
        r"error: another build \(process \d+\) is running in this folder; .*\n", done.stderr
    )
    assert project.flow().returncode == 0


@pytest.mark.fault("of two builds at once the second is refused in one line")
@pytest.mark.slow
def test_of_two_builds_that_start_together_one_builds(
    copy_of_built: Callable[[], ToyProject], built: ToyProject
) -> None:
    project = copy_of_built()
    project.forget()
    both = [project.start(sys.executable, "-m", "flows", seconds=2) for _ in range(2)]
    said = {process: process.communicate(timeout=300)[1] for process in both}
    one, other = sorted(both, key=lambda process: process.returncode)
    assert (one.returncode, said[one]) == (0, "")
    assert other.returncode == 2
    assert re.fullmatch(r"error: another build \(process \d+\) is running .*\n", said[other])
    assert project.left_over() == []
    assert project.bytes() == built.bytes()


def test_the_last_words_name_every_built_system_with_the_headline_of_its_challenge(
    tmp_path: Path,
) -> None:
    from flows.figures import main_figures

    text = (PROJECT / "params.yaml").read_text()
    text = text.replace("plugins: {}", f"plugins: {{toy: {PROJECT}/tests/systems/toy_plugin}}")
    (tmp_path / "params.yaml").write_text(text.replace("  lvd: heads", "  toy: fields"))
    face = "face_scan_to_mesh_mm"
    metrics = {
        f"estimated_{face}": 1.5,
        f"estimated_{face}_low": 1.4,
        f"estimated_{face}_high": 1.6,
        f"given_{face}": 1.2,
        "estimated_less_given_mm": 0.3,
    }
    data = tmp_path / "data"
    path = data / "evaluate" / "glvd" / "metrics.json"
    written = {
        path: metrics,
        data / "evaluate/toy/metrics.json": {"rmse": 0.25, "rmse_low": 0.125, "rmse_high": 0.5},
        data / "evaluate/lvd/metrics.json": {"face_scan_to_mesh_mm": 9.0},
        data / "evaluate/baselines/heads/mean_head/metrics.json": {"face_scan_to_mesh_mm": 1.625},
        data / "evaluate/baselines/fields/sphere/metrics.json": {"subjects": 0, "failures": 6},
        data / "reconstruct/glvd/metrics.json": {"real_landmark_nme_percent": 3.456},
        data / "reconstruct/toy/metrics.json": {},
    }
    for file, figures in written.items():
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(figures))
    report = tmp_path / "data" / "report" / "index.html"
    report.parent.mkdir()
    report.touch()
    outs = [
        {"path": out.relative_to(tmp_path).as_posix(), "md5": md5_of_file(out)}
        for out in (*written, report)
    ]
    record = {"schema": "2.0", "stages": {"evaluate@glvd": {"outs": outs}}}
    (tmp_path / "dvc.lock").write_text(yaml.safe_dump(record))
    leading = "face scan to mesh, camera estimated"
    words = [" ".join(line.split()) for line in main_figures(tmp_path)]
    assert words == [
        f"report: {report}",
        "fields sphere no figure",
        "fields toy RMSE 0.25 units (0.125 to 0.5)",
        # A build from before cameras were estimated.
        "heads mean_head face scan to mesh 1.62 mm",
        f"heads glvd {leading} 1.5 mm (1.4 to 1.6), camera given 1.2 mm, difference 0.3 mm",
        "heads glvd photos: real landmark nme percent 3.46",
    ]
    path.write_text(json.dumps({**metrics, f"estimated_{face}": 0.1}))
    with pytest.raises(HeadwaterError, match=r"metrics\.json: is not as dvc\.lock records it"):
        main_figures(tmp_path)
