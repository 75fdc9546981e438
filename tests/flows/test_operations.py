"""The commands of docs/operations.md for one machine, run as they stand there."""

import re
import shlex
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from flows.server import environment
from tests.flows.conftest import PROJECT, ToyProject

DOCUMENT = PROJECT / "docs" / "operations.md"


def blocks(document: str) -> list[str]:
    """The blocks of commands of a document, in order."""
    return re.findall(r"^```sh\n(.*?)^```$", document, re.MULTILINE | re.DOTALL)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def surroundings(project: ToyProject, port: int) -> dict[str, str]:
    """Environment with Prefect's settings of the project alone, without a build's password."""
    made = environment(project.environment(), project.path, port, "")
    return {name: value for name, value in made.items() if "AUTH" not in name and value}


@pytest.mark.slow
def test_commands_lead_from_nothing_to_a_reviewed_rebuild(toy: ToyProject, tmp_path: Path) -> None:
    shutil.copy(PROJECT / "prefect.yaml", toy.path)
    shutil.copytree(PROJECT / ".dvc", toy.path / ".dvc", dirs_exist_ok=True)
    toy.commit("not built")
    toy.git("init", "--quiet", "--bare", str(tmp_path / "origin.git"))
    toy.git("remote", "add", "origin", str(tmp_path / "origin.git"))
    toy.dvc("remote", "add", "--local", "--default", "team", str(tmp_path / "remote"))
    port = free_port()
    of_one_machine = DOCUMENT.read_text(encoding="utf-8").split("## Experiments")[0]
    script = "\n".join(blocks(of_one_machine)).replace("4200", str(port))
    file = tmp_path / "commands.sh"
    file.write_text(script)
    # In a terminal, where the shell has jobs, and where programs may ask questions.
    shell = f"bash -meuo pipefail {shlex.quote(str(file))}"
    done = subprocess.run(
        ("script", "--quiet", "--return", "--command", shell, "/dev/null"),
        cwd=toy.path,
        env={**surroundings(toy, port), "COLUMNS": "200", "TERM": "dumb"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    said = done.stdout
    assert "Flow run finished successfully in 'Completed'" in said
    assert "0 3 * * *" in said
    for artifact in ("build", "items", "metrics", "review"):
        assert re.search(rf"\b{artifact}\b", said)
    assert "nine 4" in said
    assert "data/numbers/values/bucket-000.parquet" in said
    assert toy.git("log", "-1", "--format=%s").startswith("Rebuild rebuild/")
    assert toy.git("status", "--short") == ""
    assert toy.git("ls-remote", "--heads", "origin", "rebuild/*")
    assert any((tmp_path / "remote").rglob("*.dir"))
    assert toy.left_over(20) == []
