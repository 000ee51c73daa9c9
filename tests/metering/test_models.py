"""Names of models: forms, aliases, versions."""

from __future__ import annotations

import pytest

from agentd.metering import catalog
from agentd.metering.models import resolve_alias
from agentd.metering.names import CLAUDE_ALIASES, family, forms, newest, undated


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("gpt-5", ("gpt-5",)),
        (" GPT-5 ", ("gpt-5",)),
        ("openai/gpt-5-2025-08-07", ("openai/gpt-5-2025-08-07", "gpt-5-2025-08-07", "gpt-5")),
        (
            "claude-sonnet-4-5-20250929[1m]",
            ("claude-sonnet-4-5-20250929[1m]", "claude-sonnet-4-5-20250929", "claude-sonnet-4-5"),
        ),
        ("claude-opus-4-5@20251101", ("claude-opus-4-5@20251101", "claude-opus-4-5")),
        (
            "gemini-2.5-pro-preview-06-05",
            ("gemini-2.5-pro-preview-06-05", "gemini-2.5-pro-preview", "gemini-2.5-pro"),
        ),
        (
            "gemini-2.5-flash-preview-09-2025",
            ("gemini-2.5-flash-preview-09-2025", "gemini-2.5-flash-preview", "gemini-2.5-flash"),
        ),
        ("gemini-2.0-flash-001", ("gemini-2.0-flash-001", "gemini-2.0-flash")),
        ("gpt-5-chat-latest", ("gpt-5-chat-latest", "gpt-5-chat")),
        (
            "anthropic.claude-opus-4-5-20251101-v1:0",
            (
                "anthropic.claude-opus-4-5-20251101-v1:0",
                "anthropic.claude-opus-4-5-20251101",
                "anthropic.claude-opus-4-5",
            ),
        ),
        (
            "openai/ft:gpt-4o-2024-08-06:org::id",
            (
                "openai/ft:gpt-4o-2024-08-06:org::id",
                "ft:gpt-4o-2024-08-06:org::id",
                "ft:gpt-4o-2024-08-06",
                "ft:gpt-4o",
            ),
        ),
        # what may name another model stays
        ("claude-opus-4-5", ("claude-opus-4-5",)),
        ("gpt-5.1-codex-mini", ("gpt-5.1-codex-mini",)),
        ("gpt-4-0613", ("gpt-4-0613",)),
        ("openrouter/gpt-5", ("openrouter/gpt-5",)),
    ],
)
def test_forms(model: str, expected: tuple[str, ...]) -> None:
    assert forms(model) == expected


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("claude-sonnet-4-5-20250929", "claude-sonnet-4-5"),
        ("gpt-5-2025-08-07", "gpt-5"),
        ("gemini-2.5-pro-preview-06-05", "gemini-2.5-pro-preview"),
        ("gemini-2.5-pro-preview", None),
        ("claude-sonnet-4-5[1m]", None),
    ],
)
def test_undated(model: str, expected: str | None) -> None:
    assert undated(model) == expected


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("claude-sonnet-4-5-20250929", "sonnet"),
        ("claude-3-5-haiku-latest", "haiku"),
        ("claude-opus-5-5[1m]", "opus"),
        ("anthropic/claude-fable-5", "fable"),
        ("claude-mythos-5-2", None),
        ("sonnet", None),
        ("gpt-5", None),
    ],
)
def test_family(model: str, expected: str | None) -> None:
    assert family(model) == expected


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        (["claude-opus-4-5", "claude-opus-5", "claude-opus-4-10"], "claude-opus-5"),
        (["claude-opus-4-9", "claude-opus-4-10"], "claude-opus-4-10"),
        (["claude-opus-9-9", "claude-opus-10"], "claude-opus-10"),
        (["claude-opus-4-20250514", "claude-opus-3-1"], "claude-opus-3-1"),
        (["claude-3-opus-latest", "claude-sonnet-9", "my-claude-opus-9"], None),
        ([], None),
    ],
)
def test_newest_by_version(ids: list[str], expected: str | None) -> None:
    assert newest("opus", ids) == expected


@pytest.mark.parametrize("alias", CLAUDE_ALIASES)
@pytest.mark.parametrize("maker", ["anthropic", None])
def test_an_alias_is_a_model_of_the_catalogue(alias: str, maker: str | None) -> None:
    ids = set(catalog.model_ids("anthropic"))
    assert resolve_alias(alias, maker) in ids
    assert resolve_alias(alias, maker).startswith(f"claude-{alias}-")
    for written in (f"{alias}[1m]", f"claude-{alias}-latest", f"anthropic/claude-{alias}-latest"):
        assert resolve_alias(written, maker) == resolve_alias(alias, maker)


@pytest.mark.parametrize(
    ("model", "maker"),
    [
        ("sonnet", "openai"),
        ("opusplan", "anthropic"),
        ("claude-sonnet-4-5[1m]", "anthropic"),
        ("", None),
    ],
)
def test_other_names_stay(model: str, maker: str | None) -> None:
    assert resolve_alias(model, maker) == model


def test_model_ids_of_one_maker() -> None:
    claude = set(catalog.model_ids("anthropic"))
    assert "claude-sonnet-4-5" in claude
    assert "gpt-5" not in claude
