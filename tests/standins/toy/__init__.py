"""toy: a provider for tests, as a folder that may lie in agentd/providers as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentd.providers.provider import Provider

if TYPE_CHECKING:
    from agentd.providers.base import Cli


def _cli() -> Cli:
    from .cli import CLI

    return CLI


TOY = Provider(name="toy", title="Toy CLI", cli=_cli)
