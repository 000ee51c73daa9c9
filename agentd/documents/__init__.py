"""The documents of a change: read, validated, mended. Pure functions over text; one edge reads."""
