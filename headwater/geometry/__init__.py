"""Cameras, rays, alignment and distances."""
