"""Data as systems take it: from our own tables, and from published folders of real heads."""
