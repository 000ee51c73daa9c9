"""Texts of config.toml, as the tests of the room read them."""

from __future__ import annotations

from pathlib import Path

from agentd.config.load import parse
from agentd.config.model import Config

MODEL = '[[codex.models]]\nid = "a"\nmodel = "gpt-5"\n'


def read(text: str) -> Config:
    """The config that stands in ``text``. Raises ConfigError."""
    return parse(text, Path("agentd/config.toml"))
