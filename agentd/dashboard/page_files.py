"""The files that the page is made of."""

from __future__ import annotations

from importlib import resources

TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


def page_files() -> dict[str, bytes]:
    """Their contents by name; nothing else is served."""
    folder = resources.files("agentd.dashboard") / "page"
    every = (one for one in folder.iterdir() if one.name.rpartition(".")[2] in TYPES)
    return {one.name: one.read_bytes() for one in every}
