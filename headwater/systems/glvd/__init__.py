"""GLVD: guided learned vertex descent (arXiv 2510.06046)."""
