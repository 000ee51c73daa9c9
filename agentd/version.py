"""The version, where all rooms can import it."""

__version__ = "0.1.0"
