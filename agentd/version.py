"""The version, where all rooms can import it."""

__version__ = "0.2.0"

JSON_VERSION = "1"
"""The major version of what ``--json`` prints: within one keys are added, none changes or goes."""
