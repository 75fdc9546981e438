"""A network that finds points of the face in crops of heads, and how far off each may be."""
