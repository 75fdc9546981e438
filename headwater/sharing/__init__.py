"""Origins of artifacts, dataset cards and exports: a build as it is passed on to others."""
