"""A project's settings: ``load`` reads config.toml, ``edit`` changes it, ``model`` holds them."""

from agentd.config.load import load
from agentd.config.model import Config

__all__ = ["Config", "load"]
