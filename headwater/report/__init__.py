"""The browsable report: one self-contained HTML page about everything that was built."""

from headwater.report.page import build_page

__all__ = ["build_page"]
