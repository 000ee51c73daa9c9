"""Every request of a run, metered where it happens: between the CLI and its API.

``relay`` is a process of its own for each run, on loopback; ``request_log`` writes what it leaves
in the run's folder, ``requests.jsonl``, and ``logged_requests`` reads it.
"""
