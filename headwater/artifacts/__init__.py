"""Artifacts: typed Parquet tables, meshes, their identifiers and the files they live in."""
