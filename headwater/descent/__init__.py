"""Learned vertex descent: networks, training and inference of systems that descend to a mesh."""
