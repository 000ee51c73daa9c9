"""What config.toml says, as values. Every default stands here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Literal

from agentd.metering.rates import PricingConfig

Complexity = Literal["low", "medium", "high", "critical"]
PriceSource = Literal["config", "reported", "catalog"]
Gate = Literal["plan", "impl", "archive"]
Severity = Literal["error", "warning", "info"]
Layout = Literal["agentd", "openspec"]
Wire = Literal["on", "off"]
OnUnpriced = Literal["warn", "stop"]
Period = Literal["day", "week", "month", "total"]

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
GATES: tuple[Gate, ...] = ("plan", "impl", "archive")
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")
LAYOUTS: tuple[Layout, ...] = ("agentd", "openspec")
WIRES: tuple[Wire, ...] = ("on", "off")
ON_UNPRICED: tuple[OnUnpriced, ...] = ("warn", "stop")
CHECKS = ("test", "lint", "audit")
PERIODS: tuple[Period, ...] = ("day", "week", "month", "total")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowConfig:
    """Bounds of the loops, and the time limit of one run in seconds.

    ``gates`` are the parts after which a person must approve, ``fallback`` the providers to try,
    in this order, when the step's own fails.
    """

    planning_iterations: int = 3
    implementation_iterations: int = 2
    archive_iterations: int = 1
    script_retries: int = 3
    retry_delay_secs: int = 5
    step_timeout_secs: int = 3600
    gates: tuple[Gate, ...] = ()
    fallback: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConfig:
    """A ``[[PROVIDER.models]]`` entry.

    ``prices`` is None unless both the input and the output price are given.
    """

    id: str
    model: str
    complexity: Complexity | None = None
    prices: PricingConfig | None = None


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
    """A ``[steps.STEP]`` table; None leaves the choice to the step's or the provider's default.

    ``rules`` are sentences for the step's prompt.
    """

    provider: str | None = None
    model: str | None = None
    rules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChecksConfig:
    """The project's own checks: a shell command, "" for none, None to detect it.

    Each may take ``timeout_secs``; of its output ``max_output_chars`` are kept for the review.
    While one that is ``required`` fails, no review approves.
    """

    test: str | None = None
    lint: str | None = None
    audit: str | None = None
    required: tuple[str, ...] = ("test",)
    timeout_secs: int = 600
    max_output_chars: int = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationPattern:
    """A ``[[validation.patterns]]`` entry: text that matches ``pattern`` is an issue.

    ``pattern`` is in the syntax of the ``regex`` package; ``files`` a glob within the change's
    folder; ``message`` what the issue says, None for its name.
    """

    name: str
    pattern: str
    files: str = "**/*.md"
    severity: Severity = "warning"
    message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationConfig:
    """``[validation]``: what ``validate`` looks for beside its own rules."""

    patterns: tuple[ValidationPattern, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterConfig:
    """``[meter]``: whether the requests of a run are metered at the wire, by a relay."""

    wire: Wire = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class PathsConfig:
    """``[paths]``: whose folders the project has; None when that is to be found out."""

    layout: Layout | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PricingSettings:
    """Where prices come from, first known first, and ``[pricing.models]`` by model name."""

    sources: tuple[PriceSource, ...] = ("config",)
    models: Mapping[str, PricingConfig] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """The most that some calls may cost and use, None where not set."""

    limit_usd: Decimal | None = None
    limit_tokens: int | None = None

    @property
    def is_set(self) -> bool:
        """Whether it limits anything."""
        return self.limit_usd is not None or self.limit_tokens is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectBudget(Limit):
    """``[budget.project]``: limits of all changes together, archived too, in one ``period``.

    Days, weeks (from Monday) and months begin at midnight in ``timezone``, a name that ``zoneinfo``
    knows or "UTC"; "total" never ends. ``warn_at_percent`` is that of ``[budget]`` where not given.
    """

    period: Period = "month"
    timezone: str = "UTC"
    warn_at_percent: Decimal = Decimal(90)


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetConfig(Limit):
    """Limits and warning marks of one change, None where not set, and those beside them.

    ``on_unpriced``: whether a call without a price warns or stops under a limit in USD. ``steps``
    and ``providers`` hold the limits of one change's calls of that step or provider.
    """

    warn_at_percent: Decimal = Decimal(90)
    warn_at_dollars: Decimal | None = None
    warn_at_tokens: int | None = None
    on_unpriced: OnUnpriced = "warn"
    project: ProjectBudget = field(default_factory=ProjectBudget)
    steps: Mapping[str, Limit] = field(default_factory=dict)
    providers: Mapping[str, Limit] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A whole config.toml; ``providers`` in its order, ``warnings`` what is odd about it.

    An agentd older than ``min_version`` writes nothing in the project.
    """

    path: Path
    project_name: str
    min_version: str | None = None
    workflow: WorkflowConfig = field(default_factory=WorkflowConfig)
    providers: Mapping[str, ProviderConfig] = field(default_factory=dict)
    steps: Mapping[str, StepConfig] = field(default_factory=dict)
    checks: ChecksConfig = field(default_factory=ChecksConfig)
    validation: ValidationConfig = field(default_factory=ValidationConfig)
    paths: PathsConfig = field(default_factory=PathsConfig)
    meter: MeterConfig = field(default_factory=MeterConfig)
    pricing: PricingSettings = field(default_factory=PricingSettings)
    budget: BudgetConfig = field(default_factory=BudgetConfig)
    warnings: tuple[str, ...] = ()

    def model_prices(self) -> dict[str, PricingConfig]:
        """The prices this file gives, by model name.

        ``[pricing.models]`` goes before ``[[PROVIDER.models]]``, an earlier entry before a later.
        """
        prices = dict(self.pricing.models)
        for provider in self.providers.values():
            for entry in provider.models:
                if entry.prices is not None:
                    prices.setdefault(entry.model, entry.prices)
        return prices
