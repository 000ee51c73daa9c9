"""``fillback``: specs for code that is there."""

STATE_NAME = "fillback.json"
"""The file in a change's folder that has the code's path, and which parts of it are done."""
