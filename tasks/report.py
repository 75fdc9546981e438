"""Step "report": everything that was built, as one page that works offline."""

from pathlib import Path

from headwater.artifacts.atomic import write_bytes, write_text
from headwater.artifacts.manifest import write_manifest
from headwater.config import load_params
from headwater.report import build_page
from headwater.sharing.card import CARD, card_of_build
from tasks.command import command


def main() -> str:
    """Write ``data/report/index.html``, the data's card and, with heads of photos, a picture."""
    data = Path("data")
    report = build_page(data, load_params(Path("params.yaml")))
    page = data / "report" / "index.html"
    picture = page.with_name("head.png")
    write_text(page, report.html)
    if report.picture is None:
        picture.unlink(missing_ok=True)
    else:
        write_bytes(picture, report.picture)
    write_text(page.with_name(CARD), card_of_build(data))
    write_manifest(page.parent)
    return f"{page}, {len(report.html.encode()) / 1e6:.1f} MB"


if __name__ == "__main__":
    command(main)
