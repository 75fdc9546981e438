"""Heads to look at: studio pictures, photo textures, and the parts of a page that turns them."""
