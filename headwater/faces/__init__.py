"""Faces in photos: landmarks, masks, parts, cameras and expression edits."""
