"""Ray-cast pictures of heads with exact truth, on the CPU and without OpenGL."""
