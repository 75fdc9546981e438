"""The benchmark that judges every system: held-out heads, trials, tables and figures."""
