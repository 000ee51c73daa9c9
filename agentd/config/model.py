"""What config.toml says, as values. Every default stands here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Literal

Complexity = Literal["low", "medium", "high", "critical"]
PriceSource = Literal["config", "reported", "catalog"]

PROVIDER_NAMES = ("claude", "codex", "gemini")
STEP_NAMES = (
    "proposal",
    "challenge",
    "reproposal",
    "implementation",
    "review",
    "resolve",
    "merge",
    "archive",
    "archive-review",
    "archive-fix",
    "fillback",
)
COMPLEXITIES: tuple[Complexity, ...] = ("low", "medium", "high", "critical")
PRICE_SOURCES: tuple[PriceSource, ...] = ("config", "reported", "catalog")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowConfig:
    """Bounds of the loops, and the time limit of one run in seconds."""

    planning_iterations: int = 3
    implementation_iterations: int = 2
    archive_iterations: int = 1
    script_retries: int = 3
    retry_delay_secs: int = 5
    step_timeout_secs: int = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPrices:
    """Prices of one model in USD per 1,000,000 tokens; a missing cache price is the input price."""

    cost_per_1m_input: Decimal
    cost_per_1m_output: Decimal
    cost_per_1m_cache_read: Decimal | None = None
    cost_per_1m_cache_write: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConfig:
    """A ``[[PROVIDER.models]]`` entry; prices in USD per 1,000,000 tokens, None where not given."""

    id: str
    model: str
    complexity: Complexity | None = None
    cost_per_1m_input: Decimal | None = None
    cost_per_1m_output: Decimal | None = None
    cost_per_1m_cache_read: Decimal | None = None
    cost_per_1m_cache_write: Decimal | None = None

    @property
    def prices(self) -> ModelPrices | None:
        """Its prices, None unless both the input and the output price are given."""
        if self.cost_per_1m_input is None or self.cost_per_1m_output is None:
            return None
        return ModelPrices(
            cost_per_1m_input=self.cost_per_1m_input,
            cost_per_1m_output=self.cost_per_1m_output,
            cost_per_1m_cache_read=self.cost_per_1m_cache_read,
            cost_per_1m_cache_write=self.cost_per_1m_cache_write,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderConfig:
    """How one coding CLI is started: ``command`` is a name on PATH or a path.

    ``default`` is an id of ``models``, or a full model name where no models are listed; None leaves
    the choice to the CLI.
    """

    command: str
    default: str | None = None
    extra_args: tuple[str, ...] = ()
    models: tuple[ModelConfig, ...] = ()

    def model_name(self, name: str | None = None) -> str | None:
        """The full name of an id, another name as it is, the default's when ``name`` is None."""
        wanted = name or self.default
        return next((entry.model for entry in self.models if entry.id == wanted), wanted)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepConfig:
    """A ``[steps.STEP]`` table; None leaves the choice to the step's or the provider's default."""

    provider: str | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PricingSettings:
    """Where prices come from, first known first, and ``[pricing.models]`` by model name."""

    sources: tuple[PriceSource, ...] = ("config",)
    models: Mapping[str, ModelPrices] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetConfig:
    """Limits and warning marks of one change, None where not set."""

    limit_usd: Decimal | None = None
    limit_tokens: int | None = None
    warn_at_percent: Decimal = Decimal(90)
    warn_at_dollars: Decimal | None = None
    warn_at_tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A whole config.toml; ``providers`` in its order, ``warnings`` what is odd about it."""

    path: Path
    project_name: str
    workflow: WorkflowConfig = field(default_factory=WorkflowConfig)
    providers: Mapping[str, ProviderConfig] = field(default_factory=dict)
    steps: Mapping[str, StepConfig] = field(default_factory=dict)
    pricing: PricingSettings = field(default_factory=PricingSettings)
    budget: BudgetConfig = field(default_factory=BudgetConfig)
    warnings: tuple[str, ...] = ()

    def model_prices(self) -> dict[str, ModelPrices]:
        """The prices this file gives, by model name.

        ``[pricing.models]`` goes before ``[[PROVIDER.models]]``, an earlier entry before a later.
        """
        prices = dict(self.pricing.models)
        for provider in self.providers.values():
            for entry in provider.models:
                if entry.prices is not None:
                    prices.setdefault(entry.model, entry.prices)
        return prices
