"""toy: a provider for tests, as a folder that may lie in agentd/providers as it is."""

from __future__ import annotations

from agentd.providers.provider import Provider, loader

TOY = Provider(name="toy", title="Toy CLI", cli=loader(f"{__name__}.cli:CLI"))
