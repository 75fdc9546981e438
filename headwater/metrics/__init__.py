"""Measures of reconstructions: surfaces, landmarks, masks, cameras."""
