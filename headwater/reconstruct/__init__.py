"""The command ``headwater reconstruct``: photos to textured head meshes, pictures and a viewer."""
