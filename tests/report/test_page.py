"""The page is self-contained, safe, deterministic, complete, and says what the files say."""

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from headwater.artifacts.tables import DamagedTable
from headwater.config import Params
from headwater.evaluation.claims import file_name, measured, write_claims
from headwater.metrics.intervals import Interval
from headwater.report import build_page
from headwater.report.page import Report

PROJECT = Path(__file__).resolve().parents[2]
VOID = {"meta", "img", "input", "br", "hr", "link"}
SECTIONS = ("portraits", "results", "benchmark", "shapes", "built", "sheets", "quality", "making")
OTHERS = (
    *("photos", "synthesize", "ingest", "landmarks", "masks", "parts", "cameras", "expressions"),
    *("sdf", "quality", "train"),
)


class Page(HTMLParser):
    """Tags with their attributes, texts by tag, table rows; fails on a tag out of place."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.scripts: list[str] = []
        self.rows: list[list[str]] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "script":
            self.scripts.append("")
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, text: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts[-1] += text
        elif self.open and self.open[-1] != "style":
            self.text += text
            if {"td", "th"} & set(self.open):
                self.rows[-1][-1] += text

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attrs for name, attrs in self.tags if name == tag]

    def row(self, first: str) -> list[str]:
        return next(row for row in self.rows if row and row[0].strip() == first)


@pytest.fixture(scope="module")
def page(report: Report) -> Page:
    return Page(report.html)


def test_nothing_is_loaded(page: Page, report: Report) -> None:
    assert not page.all("link")
    assert not page.all("iframe")
    for _, attrs in page.tags:
        assert attrs.get("src", "data:").startswith("data:")
        assert "srcset" not in attrs
    links = [link["href"] for link in page.all("a")]
    assert all(link.startswith(("#", "https://arxiv.org/")) for link in links)
    style = report.html[report.html.index("<style>") : report.html.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
    assert len(report.html.encode()) < 10_000_000


def test_the_content_security_policy_admits_exactly_our_scripts(page: Page) -> None:
    policy = next(m["content"] for m in page.all("meta") if "http-equiv" in m)
    scripts = [
        text
        for text, attrs in zip(page.scripts, page.all("script"), strict=True)
        if "type" not in attrs
    ]
    wanted = [
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
        for text in scripts
    ]
    assert len(wanted) == 2
    assert f"script-src {' '.join(wanted)};" in policy
    assert policy.startswith("default-src 'none';")


def test_hostile_names_are_text_only(page: Page) -> None:
    assert len(page.scripts) == 3
    assert not [attrs for _, attrs in page.tags if any(name.startswith("on") for name in attrs)]
    assert not page.all("b") or "has" not in [attrs.get("class") for attrs in page.all("b")]
    assert "<script>alert(1)</script>.png" in page.text
    assert '"><img src=x onerror=alert(2)>\\n\\u202e\U0001f642.jpg' in page.text
    assert "The file <b>has</b> zero bytes." in page.text
    assert "<b>no</b> alignment" in page.text
    models = json.loads(page.scripts[0])
    assert models[0]["name"] != models[1]["name"]
    assert "<" not in page.scripts[0]


def test_every_section_and_every_image_is_described(page: Page) -> None:
    ids = [section.get("id") for section in page.all("section")]
    assert ids == list(SECTIONS)
    assert all(attrs.get("alt") for attrs in page.all("img"))
    named = {attrs["id"] for _, attrs in page.tags if "id" in attrs}
    assert {attrs["aria-labelledby"] for attrs in page.all("section")} <= named
    assert {attrs["for"] for attrs in page.all("label") if "for" in attrs} <= named
    assert {link["href"][1:] for link in page.all("a") if link["href"][0] == "#"} <= named


def test_identifiers_are_unique(page: Page) -> None:
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert sorted(ids) == sorted(set(ids))


def test_numbers_are_those_of_the_files(page: Page) -> None:
    face = "Face scan to mesh, camera"
    assert page.row(f"{face} estimated")[1:] == ["1.35 mm", "1.60 mm", "0.84"]
    assert page.row(f"{face} given")[1:] == ["1.23 mm", "1.59 mm", "0.78"]
    assert page.row("Estimated less given")[1:] == ["0.11 mm"]
    assert page.row("Vertex error")[1:] == ["3.21 mm", "4.32 mm", "0.74"]
    assert page.row("Real landmark NME")[1:] == ["3.46 %"]
    assert page.row("Face mesh to scan, camera given")[1:] == ["1.75 mm"]
    assert page.row("F-score at 1 mm, camera given")[1:] == ["0.625"]
    text = " ".join(page.text.split())
    assert "Face mesh to scan is the way back" in text
    assert "Scan to mesh rewards noise" in text
    assert "The F-score at a distance is the harmonic mean" in text
    assert "this project's aim: at most 0.85" in text
    assert "this project's aim: below 6 %" in text
    assert page.row("Subjects, camera given")[1:] == ["5"]
    assert page.row("Failures, camera estimated")[1:] == ["2"]
    assert page.row("Landmark (68) NME, %")[4] == "4.57"
    assert page.row("frown")[1:] == ["warp", "4", "75.0 %"]
    assert page.row("nose")[1].strip() == "0.81"
    assert page.row("Rejected ingest no face")[1:] == ["3"]


def test_systems_stand_side_by_side(page: Page) -> None:
    # Camera, views, heads and failures stand before the mean that they belong to.
    ours = [row[1:] for row in page.rows if row and row[0].strip() == "GLVD small"]
    spans = ["1.30 1.20–1.40", "0.15 0.15–0.15", "1.13 1.12–1.14"]
    assert ours[0][:7] == ["estimated", "1", "4", "1", *spans]
    assert ours[1][:7] == ["given", "1", "5", "0", "1.20 1.08–1.32", "", "1.00 1.00–1.00"]
    assert page.row("region")[:6] == ["region", "given", "nose", *3 * ["1.50 1.50–1.50"]]
    turned = [row for row in page.rows if row and row[0] == "head turned by, degrees"]
    assert [(row[1], row[2], row[-1]) for row in turned] == [
        ("given", "0 to 15", "5"),
        ("given", "15 to 30", "5"),
        ("estimated", "0 to 15", "4"),
    ]
    pictures = [attrs["alt"] for attrs in page.all("img") if "Mean error" in attrs["alt"]]
    assert len(pictures) == 6
    assert pictures[2] == "Mean error of GLVD small, from the front"
    assert "3 mm or more" in page.text
    assert "1.15 mm mean head" in page.text
    assert "none asked for" in page.text


def test_counts_are_those_of_the_tables(page: Page) -> None:
    def numbers(step: str) -> list[str]:
        row = next(row for row in page.rows if row and row[0].startswith(step))
        return row[1:]

    assert numbers("photos") == ["2", "2", "0", "2"]
    assert numbers("synthesize") == ["3", "0", "3", "0"]
    assert numbers("ingest") == ["8", "2", "6", "0"]
    assert numbers("expressions") == ["24", "6", "18", "0"]
    assert next(row for row in page.rows if row and row[0].startswith("empty_file"))[1] == "2"
    assert (
        "GLVD is closer than the mean head on 3 of 5 held-out heads, with camera and mask given."
        in page.text
    )


def test_no_date_and_no_path_of_this_machine(report: Report, data: Path) -> None:
    visible = re.sub(r"<script.*?</script>", "", report.html, flags=re.DOTALL)
    assert str(data) not in visible
    assert str(PROJECT) not in visible
    assert not re.search(r"\b20\d\d-\d\d-\d\d\b", visible)


@pytest.mark.parametrize(
    "part",
    [
        "evaluate",
        # A page each: the others are the same few lines.
        *(pytest.param(part, marks=pytest.mark.slow) for part in OTHERS),
    ],
)
def test_a_missing_part_is_named(data: Path, params: Params, tmp_path: Path, part: str) -> None:
    copy = tmp_path / "data"
    shutil.copytree(data, copy, ignore=shutil.ignore_patterns("examples.parquet"))
    shutil.rmtree(copy / part)
    page = Page(build_page(copy, params).html)
    assert [section.get("id") for section in page.all("section")] == list(SECTIONS)
    assert "not built" in page.text.lower()


def test_an_empty_folder_gives_a_page(params: Params, tmp_path: Path) -> None:
    report = build_page(tmp_path, params)
    page = Page(report.html)
    assert report.picture is None
    assert page.scripts == []
    assert "Nothing has been built yet." in page.text
    assert "script-src 'none'" in report.html


def test_a_damaged_table_is_refused_by_name(data: Path, params: Params, tmp_path: Path) -> None:
    copy = tmp_path / "data"
    shutil.copytree(data, copy)
    victim = next((copy / "masks" / "masks").glob("*.parquet"))
    victim.write_bytes(victim.read_bytes()[:-20])
    with pytest.raises(DamagedTable, match=re.escape(victim.name)):
        build_page(copy, params)


def test_the_step_writes_the_same_page_and_picture_in_any_process(
    data: Path, report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from headwater.sharing.card import card_of_build
    from tasks.report import main

    shutil.copytree(data, tmp_path / "data")
    shutil.copy(PROJECT / "params.yaml", tmp_path)
    other = {"PYTHONPATH": str(PROJECT), "PYTHONHASHSEED": "12345", "TZ": "Asia/Tokyo"}
    subprocess.run(
        [sys.executable, "-c", "from tasks.report import main; main()"],
        cwd=tmp_path,
        env={**os.environ, **other},
        check=True,
    )
    assert (tmp_path / "data/report/index.html").read_text(encoding="utf-8") == report.html
    assert (tmp_path / "data/report/head.png").read_bytes() == report.picture
    card = (tmp_path / "data/report/README.md").read_text(encoding="utf-8")
    assert card == card_of_build(data)
    assert "config_name: ingest_frames" in card
    shutil.rmtree(tmp_path / "data/evaluate")
    shutil.rmtree(tmp_path / "data/reconstruct")
    monkeypatch.chdir(tmp_path)
    main()
    assert not (tmp_path / "data/report/head.png").exists()


def test_claims_of_the_size_stand_in_the_section_of_their_system(
    data: Path, params: Params, tmp_path: Path
) -> None:
    shutil.copytree(data, tmp_path / "data", ignore=shutil.ignore_patterns("examples.parquet"))
    claims = [
        measured("three views beat <one>", "mm", Interval(-0.1, -0.2, -0.05), "<=", 0.0),
        measured("not by chance", "mm", Interval(-0.1, -0.2, 0.05), "<=", 0.0, strict=True),
        measured("flat", "ratio", Interval(1.5, 1.4, 1.6), "<=", 1.0, own=True),
    ]
    about = {
        "commit": "0123456789ab",
        "device": "cpu",
        "machine": {"processor": "a <processor>", "cores": 2},
        "overrides": {},
        "subjects": "all",
    }
    size = params.systems["glvd"].size
    folder = tmp_path / "benchmarks" / "results"
    write_claims(folder / file_name("glvd", size), claims, about)
    write_claims(folder / file_name("glvd", "paper"), [replace(claims[0], name="of paper")], {})
    page = Page(build_page(tmp_path / "data", params).html)
    row = [cell.strip() for cell in page.row("three views beat <one>")]
    assert row == ["three views beat <one>", "mm", "-0.1 (-0.2 to -0.05)", "at most 0", "yes"]
    row = [cell.strip() for cell in page.row("not by chance")]
    assert row[-2:] == ["at most 0, with all of its interval", "no"]
    assert page.row("flat this project's own goal")[-1].strip() == "no"
    assert "of paper" not in page.text
    text = " ".join(page.text.split())
    assert f"benchmarks/results/claims-glvd-{size}.json" in text
    assert "on all held-out subjects, with commit 0123456789ab, on cpu (a <processor>)" in text
    assert "They are not of this build" in text
