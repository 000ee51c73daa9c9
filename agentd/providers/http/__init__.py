"""http: a server that speaks OpenAI's or Anthropic's API, as a provider named by the config.

``python -m agentd.providers.http`` is the process that agentd runs for it: the prompt on stdin,
JSON lines on stdout, so that it is started, metered, stopped and read as a CLI is.
"""

from __future__ import annotations

from agentd.providers.provider import Provider, loader

HTTP = Provider(
    name="http",
    title="HTTP API",
    cli=loader(f"{__name__}.cli:CLI"),
    has_tools=False,
    tells_its_bill=True,
)
