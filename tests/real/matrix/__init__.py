"""The matrix: every end of a run, of every shape, with every CLI, held against what was served.

``make bench-truth`` runs all of it, with and without the relay; a slice is in ``make test-real``.
"""
