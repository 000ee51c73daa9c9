"""The page on which costs are looked at, live or frozen, and its server."""
