"""``dvc plots show`` draws without a network: its page holds the scripts itself."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

PROJECT = Path(__file__).resolve().parents[1]
GRAPH = """
plots:
  - descent:
      title: Vertex error
      x: step
      y:
        descent.csv: vertex_error_mm
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a project with one plot and the repository's DVC settings."""
    folder = tmp_path_factory.mktemp("plots")
    subprocess.run(("git", "init", "--quiet", str(folder)), check=True)
    shutil.copytree(
        PROJECT / ".dvc", folder / ".dvc", ignore=shutil.ignore_patterns("cache", "tmp", "*.local")
    )
    (folder / "dvc.yaml").write_text(GRAPH)
    (folder / "descent.csv").write_text("step,vertex_error_mm\n0,70\n1,20\n2,4\n")
    command = (sys.executable, "-m", "dvc", "plots", "show", "--out", "shown")
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder / "shown" / "index.html"


def test_every_chart_of_the_build_names_its_axes() -> None:
    graph = yaml.safe_load((PROJECT / "dvc.yaml").read_text(encoding="utf-8"))
    for plot in graph["plots"]:
        ((name, settings),) = plot.items()
        assert {"x_label", "y_label"} <= settings.keys(), name
        # The charts of a folder have the names of their tables for titles.
        assert "title" in settings or not Path(name).suffix, name


@pytest.mark.fault("plots are drawn without a network")
def test_the_page_loads_nothing(page: Path) -> None:
    head, _, body = page.read_text().partition("<body>")
    assert "default-src 'none'" in head
    markup = re.sub(r"<script([^>]*)>.*?</script>", r"<script\1>", head + body, flags=re.DOTALL)
    assert markup.count("<script") >= 4
    assert not re.search(r"<(script|link|img|iframe)[^>]*\s(src|href)=", markup)
    assert "vegaEmbed('#" in body
    assert "{plot_divs}" not in body


@pytest.mark.fault("plots are drawn without a network")
@pytest.mark.slow
def test_a_browser_draws_the_chart_without_a_network(page: Path, tmp_path: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no chromium to open the page with")
    drawn = subprocess.run(
        (
            *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"),
            *("--virtual-time-budget=20000", "--host-resolver-rules=MAP * ~NOTFOUND"),
            *(f"--user-data-dir={tmp_path}", page.as_uri()),
        ),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    ).stdout
    assert re.search(r'<(canvas|svg)[^>]*class="marks"', drawn)
