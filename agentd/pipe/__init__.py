"""``agentd pipe``: JSON lines in, the same lines out with their tokens and costs.

One process reads and writes and never looks into a line; worker processes count whole chunks of
lines (``batch``). Results are written in the order of the input.
"""
