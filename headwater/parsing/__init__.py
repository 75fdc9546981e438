"""Classes of a frame's pixels by a network: one that is trained here, or the user's own."""
