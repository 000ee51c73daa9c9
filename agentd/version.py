"""The version, where all rooms can import it."""

__version__ = "0.2.0"
