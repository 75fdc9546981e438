"""The pipeline's own quality: its detections on rendered views against their exact truth."""
