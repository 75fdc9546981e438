"""Photos with fitted faces of others' data sets, and heads of ours fitted to them."""
