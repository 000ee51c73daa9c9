"""What the registry knows of a model by its name."""

from __future__ import annotations

import doctest
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from genai_prices.data_snapshot import get_snapshot
from hypothesis import given
from hypothesis import strategies as st
from tiktoken.model import MODEL_PREFIX_TO_ENCODING, MODEL_TO_ENCODING

from agentd.metering import catalog
from agentd.metering.models import ModelRegistry, ModelSpec
from agentd.metering.names import MAX_NAME_CHARS

O200K, CL100K = "o200k_base", "cl100k_base"
# gpt-oss: the same tokens as o200k_base, only more special ones (see the test below)
OURS = {O200K: O200K, CL100K: CL100K, "o200k_harmony": O200K}


def resolve(name: str) -> ModelSpec:
    spec = ModelRegistry.resolve(name)
    assert ModelRegistry.resolve(spec.name) == spec
    assert (spec.accuracy != "exact") or spec.encoding
    assert spec.tokenizer == (spec.encoding or spec.tokenizer)
    return spec


@pytest.mark.parametrize(
    ("name", "canonical", "encoding", "accuracy"),
    [
        ("gpt-4o", "openai/gpt-4o", O200K, "exact"),
        (" GPT-4o\n", "openai/gpt-4o", O200K, "exact"),
        ("openai/gpt-4o", "openai/gpt-4o", O200K, "exact"),
        ("OpenAI/gpt-4o", "openai/gpt-4o", O200K, "exact"),
        ("gpt-4o-2024-05-13", "openai/gpt-4o-2024-05-13", O200K, "exact"),
        ("gpt-5.1-codex-max", "openai/gpt-5.1-codex-max", O200K, "exact"),
        ("codex-mini-latest", "openai/codex-mini-latest", O200K, "exact"),
        ("gpt-4.5-preview", "openai/gpt-4.5-preview", O200K, "exact"),
        ("chatgpt-4o-latest", "openai/chatgpt-4o-latest", O200K, "exact"),
        ("gpt-oss:20b", "openai/gpt-oss:20b", O200K, "exact"),
        ("gpt-4-0613", "openai/gpt-4-0613", CL100K, "exact"),
        ("gpt-35-turbo", "openai/gpt-35-turbo", CL100K, "exact"),
        ("azure/gpt-4.1", "azure/gpt-4.1", O200K, "exact"),
        ("openrouter/openai/gpt-4o:free", "openrouter/openai/gpt-4o:free", O200K, "exact"),
        ("openai.gpt-oss-120b-1:0", "bedrock/openai.gpt-oss-120b-1:0", O200K, "exact"),
        ("ft:gpt-4o:org::id", "openai/ft:gpt-4o:org::id", O200K, "exact"),
        # tiktoken's prefix ft:gpt-4 says cl100k_base here; gpt-4.1 has o200k_base
        ("ft:gpt-4.1-mini:org::id", "openai/ft:gpt-4.1-mini:org::id", O200K, "exact"),
        ("ft:gpt-3.5-turbo-0613:org", "openai/ft:gpt-3.5-turbo-0613:org", CL100K, "exact"),
        # OpenAI's by name, but no table has their encoding
        ("gpt-9-ultra", "openai/gpt-9-ultra", O200K, "family"),
        ("gpt-6-sol", "openai/gpt-6-sol", O200K, "family"),
        ("gpt-50", "openai/gpt-50", O200K, "family"),
        ("gpt-4one", "openai/gpt-4one", O200K, "family"),
        ("o7-mini", "openai/o7-mini", O200K, "family"),
        ("openai/anything", "openai/anything", O200K, "family"),
        # nobody knows what the gateway "foo" serves under that name
        ("foo/gpt-4o", "foo/gpt-4o", O200K, "family"),
        ("foo/gpt-4", "foo/gpt-4", CL100K, "family"),
        # encodings that agentd doesn't have
        ("text-davinci-003", "openai/text-davinci-003", None, "heuristic"),
        ("gpt2", "openai/gpt2", None, "heuristic"),
        ("ada", "openai/ada", None, "heuristic"),
    ],
)
def test_openai(name: str, canonical: str, encoding: str | None, accuracy: str) -> None:
    spec = resolve(name)
    assert (spec.provider, spec.name) == ("openai", canonical)
    assert (spec.encoding, spec.accuracy) == (encoding, accuracy)
    assert spec.tokenizer == (encoding or "generic-estimate")


@pytest.mark.parametrize(("name", "encoding"), MODEL_TO_ENCODING.items())
def test_every_model_of_tiktoken(name: str, encoding: str) -> None:
    for form in (name, f"openai/{name}", name.upper(), f"azure/{name}"):
        spec = resolve(form)
        assert spec.provider == "openai"
        if encoding in OURS:
            assert (spec.encoding, spec.accuracy) == (OURS[encoding], "exact")
        else:
            assert (spec.encoding, spec.accuracy) == (None, "heuristic")


@pytest.mark.parametrize(("prefix", "encoding"), MODEL_PREFIX_TO_ENCODING.items())
def test_every_prefix_of_tiktoken(prefix: str, encoding: str) -> None:
    glue = "" if prefix.endswith("-") else ":" if prefix.startswith("ft:") else "-"
    spec = resolve(f"{prefix}{glue}2099-01-01")
    assert (spec.provider, spec.encoding) == ("openai", OURS[encoding])
    assert spec.accuracy == "exact"


def test_gpt_oss_has_the_tokens_of_o200k_base() -> None:
    from tiktoken_ext import openai_public

    source = openai_public.o200k_harmony.__code__
    assert "o200k_base" in source.co_names  # built from it, with special tokens added


@pytest.mark.parametrize(
    ("name", "provider", "canonical", "tokenizer", "accuracy"),
    [
        ("claude-sonnet-4-5", "anthropic", "anthropic/claude-sonnet-4-5", "claude-3", "family"),
        ("claude-sonnet-4.5", "anthropic", "anthropic/claude-sonnet-4-5", "claude-3", "family"),
        ("claude-3.5-sonnet", "anthropic", "anthropic/claude-3-5-sonnet", "claude-3", "family"),
        ("claude-opus-4-5[1m]", "anthropic", "anthropic/claude-opus-4-5", "claude-3", "family"),
        (
            "claude-opus-4-5@20251101",
            "anthropic",
            "anthropic/claude-opus-4-5-20251101",
            "claude-3",
            "family",
        ),
        ("google/claude-opus-4-5", "anthropic", "anthropic/claude-opus-4-5", "claude-3", "family"),
        ("sonnet", "anthropic", "anthropic/claude-sonnet-latest", "claude", "family"),
        ("sonnet[1m]", "anthropic", "anthropic/claude-sonnet-latest", "claude", "family"),
        ("fable", "anthropic", "anthropic/claude-fable-latest", "claude", "family"),
        (
            "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "anthropic",
            "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "claude-3",
            "family",
        ),
        (
            "vertex_ai/claude-sonnet-4-5@20250929",
            "anthropic",
            "vertex_ai/claude-sonnet-4-5@20250929",
            "claude-3",
            "family",
        ),
        ("claude-opus-4-7", "anthropic", "anthropic/claude-opus-4-7", "claude", "family"),
        ("claude-opus-4.8", "anthropic", "anthropic/claude-opus-4-8", "claude", "family"),
        ("claude-opus-5-5", "anthropic", "anthropic/claude-opus-5-5", "claude", "family"),
        ("models/gemini-2.5-pro", "google", "google/gemini-2.5-pro", "gemini", "family"),
        ("gemini/gemini-2.5-pro", "google", "google/gemini-2.5-pro", "gemini", "family"),
        ("gemma-3-27b-it", "google", "google/gemma-3-27b-it", "gemini", "family"),
        ("flash", "google", "google/flash", "gemini", "family"),
        ("auto", "google", "google/auto", "gemini", "family"),
        ("openrouter/auto", "unknown", "openrouter/auto", "generic", "heuristic"),
        ("meta/llama-3-70b", "meta", "meta/llama-3-70b", "llama", "family"),
        (
            "openrouter/meta-llama/llama-3.3-70b-instruct:free",
            "meta",
            "openrouter/meta-llama/llama-3.3-70b-instruct:free",
            "llama",
            "family",
        ),
        ("unsloth/llama-3-8b", "meta", "unsloth/llama-3-8b", "llama", "family"),
        ("mistral/anything", "mistral", "mistral/anything", "mistral", "family"),
        ("codestral-latest", "mistral", "mistral/codestral-latest", "mistral", "family"),
        ("mixtral-8x7b", "mistral", "mistral/mixtral-8x7b", "mistral", "family"),
        ("deepseek-chat", "deepseek", "deepseek/deepseek-chat", "generic", "heuristic"),
        ("qwen/qwen3-coder", "qwen", "qwen/qwen3-coder", "generic", "heuristic"),
        ("grok-4", "x-ai", "x-ai/grok-4", "generic", "heuristic"),
        # who is named in front counts
        ("meta/gpt-4o", "meta", "meta/gpt-4o", "generic", "heuristic"),
        ("My-Own-Model", "unknown", "my-own-model", "generic", "heuristic"),
        ("foo/bar", "unknown", "foo/bar", "generic", "heuristic"),
        ("", "unknown", "", "generic", "heuristic"),
        ("/", "unknown", "/", "generic", "heuristic"),
    ],
)
def test_others(name: str, provider: str, canonical: str, tokenizer: str, accuracy: str) -> None:
    spec = resolve(name)
    assert (spec.provider, spec.name) == (provider, canonical)
    assert (spec.tokenizer, spec.accuracy) == (f"{tokenizer}-estimate", accuracy)
    assert spec.encoding is None


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("gpt-4o-mini", "GPT-4o Mini"),
        ("gpt-4o-2024-05-13", "GPT-4o (2024-05-13)"),
        ("gpt-oss-120b", "GPT OSS 120b"),
        ("o3", "o3"),
        ("claude-sonnet-4-5-20250929", "Claude Sonnet 4.5 (2025-09-29)"),
        ("claude-3-5-haiku-latest", "Claude 3.5 Haiku Latest"),
        ("gemini-2.5-pro", "Gemini 2.5 Pro"),
        ("deepseek/deepseek-chat", "DeepSeek Chat"),
        ("ft:gpt-4o:org::id", "ft:gpt-4o:org::id"),
        ("foo/my-own-model", "foo/my-own-model"),
    ],
)
def test_display_name(name: str, shown: str) -> None:
    assert resolve(name).display_name == shown


@pytest.mark.parametrize("maker", ["openai", "anthropic", "google"])
def test_every_model_of_the_catalogue_is_its_makers(maker: str) -> None:
    seller = next(seller for seller in get_snapshot().providers if seller.id == maker)
    assert len(seller.models) > 20
    for info in seller.models:
        expected = "anthropic" if info.id.startswith("claude") else maker  # Vertex AI sells them
        for name in (info.id, f"{maker}/{info.id}"):
            assert resolve(name).provider == expected, name


def test_the_canonical_name_is_the_name() -> None:
    spec = ModelRegistry.resolve("gpt-4o")
    assert spec.canonical_name == spec.name == "openai/gpt-4o"


def test_a_listed_model_is_found_under_its_canonical_name() -> None:
    at = datetime(2026, 11, 25, tzinfo=UTC)
    names = list(catalog.listed(at))
    assert {"openai/gpt-4o", "anthropic/claude-opus-4-5", "google/gemini-2.5-pro"} <= set(names)
    assert len(names) > 250
    assert [name for name in names if not resolve(name).has_pricing] == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("gpt-4o", True),
        ("sonnet", True),
        ("anthropic/claude-opus-latest", True),
        ("openrouter/openai/gpt-4o", True),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", True),
        ("deepseek-chat", True),
        ("gpt-9-ultra", False),
        ("flash", False),
        ("foo/gpt-4o", False),
        ("meta/gpt-4o", False),
        ("my-own-model", False),
        ("", False),
        ("gpt-4o" + "x" * MAX_NAME_CHARS, False),
    ],
)
def test_has_pricing(name: str, expected: bool) -> None:
    assert resolve(name).has_pricing == expected


NAMES = ["gpt-4o", "gpt-5", "o3", "claude", "sonnet", "opus", "gemini", "llama", "mistral", "flash"]
HEADS = ["openai/", "models/", "google/", "openrouter/", "bedrock/", "azure/", "foo/", "us.", "ft:"]
TAILS = ["-mini", "-2024-05-13", "-20250929", "@20250929", "[1m]", "-latest", "-v1:0", ":free"]
CHARS = ["anthropic.", "4.5", "/", ".", ":", "-", " ", "Σ", "İ", "\ud800", "\0", "\n"]
PIECES = st.sampled_from([*NAMES, *HEADS, *TAILS, *CHARS])


@given(st.one_of(st.text(st.characters()), st.lists(PIECES, max_size=8).map("".join)))
def test_any_string_resolves(name: str) -> None:
    spec = resolve(name)
    assert spec.accuracy in {"exact", "family", "heuristic"}
    assert (spec.encoding is None) == spec.tokenizer.endswith("-estimate")
    assert isinstance(spec.has_pricing, bool)


@pytest.mark.parametrize(
    "piece", ["a", "/", "gpt-4o-", "openai/", "claude-4.", " ", "-latest", "ft:"]
)
def test_a_huge_name(piece: str) -> None:
    spec = resolve(piece * (10_000_000 // len(piece)))  # in quadratic time it would take hours
    assert spec.has_pricing is False


@pytest.mark.parametrize("wrong", [None, 4, b"gpt-4o", ["gpt-4o"]])
def test_no_string(wrong: object) -> None:
    with pytest.raises(TypeError, match="a model's name is a str, not"):
        ModelRegistry.resolve(wrong)  # type: ignore[arg-type]


def test_resolving_loads_neither_catalogue_nor_tokenizer() -> None:
    code = (
        "import sys; from agentd import ModelRegistry\n"
        "for name in ('gpt-4o', 'sonnet', 'models/gemini-2.5-pro', 'us.anthropic.claude-x', '?'):\n"
        "    ModelRegistry.resolve(name)\n"
        "heavy = {'genai_prices', 'toktok', 'tiktoken', 'regex', 'importlib.metadata'}\n"
        "print(heavy & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_the_examples_of_the_page() -> None:
    page = Path(__file__).parents[2] / "docs" / "models.md"
    result = doctest.testfile(str(page), module_relative=False, encoding="utf-8")
    assert (result.failed, result.attempted) == (0, 5)
