"""What config.toml says, as values: each key with what it takes and its default."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import field
from decimal import Decimal
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import parse_qsl, urlsplit

from agentd import min_version
from agentd.config.kinds import (
    choice,
    choices,
    entries,
    integer,
    number,
    numbers,
    prices_beside,
    prices_by_model,
    provider_name,
    provider_names,
    section,
    sections,
    switch,
    text,
    texts,
    texts_by_name,
)
from agentd.frozen import frozen
from agentd.masking import is_secret_name
from agentd.metering.rates import PricingConfig
from agentd.providers import PROVIDERS, provider_of
from agentd.providers.http import HTTP
from agentd.providers.http.options import APIS, Api, Options, arguments
from agentd.providers.provider import Provider, executable

Complexity = Literal["low", "medium", "high", "critical"]
PriceSource = Literal["config", "reported", "catalog"]
Gate = Literal["plan", "impl", "archive"]
Severity = Literal["error", "warning", "info"]
Layout = Literal["agentd", "openspec"]
Wire = Literal["auto", "on", "off"]
NotifyEvent = Literal["threshold", "gate", "end"]
NotifyForm = Literal["json", "slack"]
OnUnpriced = Literal["warn", "stop"]
CountTokens = Literal["server", "offline"]
Commits = Literal["undo", "keep", "forbid"]
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
COMPLEXITIES: tuple[Complexity, ...] = get_args(Complexity)
GATES: tuple[Gate, ...] = get_args(Gate)
CHECKS = ("test", "lint", "audit")

_MODEL_NAME = r"[A-Za-z0-9]\S*"  # never read as an option by the CLI that gets it
_COMMAND = 'a shell command, or "" for none'
_CHECK_NAME = r"[a-z0-9][a-z0-9_-]{0,31}"
_FILES = 'a glob within the change\'s folder, such as "specs/**/*.md"'
_NO_KEY = r"(?!.*(?i:key|token|secret|password|passwd)\Z)[A-Za-z_][A-Za-z0-9_]*"
_VARIABLE = r"[A-Za-z_][A-Za-z0-9_]*\*?"
_VARIABLES = 'names of variables, such as ["PATH", "HOME", "LC_*"]'
_ONE_VARIABLE = r"[A-Za-z_][A-Za-z0-9_]*"
_KEY_VARIABLE = "the name of the environment variable that holds it"
_BASE_URL = 'the URL of a server\'s API, such as "http://127.0.0.1:8080/v1"'
_LOCAL_HOSTS = ("localhost", "host.docker.internal", "host.containers.internal")
_LOCAL_ENDS = (".localhost", ".local", ".lan", ".internal", ".home.arpa")
_PERCENTS = "a number from 0 to 100, or a list of such"
_USD = "an amount in USD, 0 or more"
_ZONE = 'a time zone\'s name that this machine knows, such as "Europe/Berlin"'


def _check_base_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.fragment:
        raise ValueError
    if parts.port == 0 or any(each.isspace() for each in url):
        raise ValueError
    if parts.username is not None or parts.password is not None:
        raise ValueError("a key has no place in it: put it into the environment (api_key_env)")
    if secret := [name for name, _ in parse_qsl(parts.query) if is_secret_name(name)]:
        raise ValueError(f"{secret[0]} has no place in it: headers_env takes it from a variable")


def _check_regex(pattern: str) -> None:
    import regex  # only projects with patterns of their own pay for its import

    try:
        regex.compile(pattern)
    except regex.error as error:
        raise ValueError(str(error)) from error


def _check_files(glob: str) -> None:
    if glob.startswith("/") or ".." in glob.split("/"):
        raise ValueError


def _check_zone(name: str) -> None:
    if name == "UTC":  # it needs no time zone data
        return
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # only files that name a zone pay for it

    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # OSError: "Europe" is a folder
        raise ValueError from error


@frozen(kw_only=True)
class WorkflowConfig:
    """Bounds of the loops, and the time limit of one run in seconds.

    ``gates`` are the parts after which a person must approve, ``fallback`` the providers to try,
    in this order, when the step's own fails.
    """

    planning_iterations: int = integer(3)
    implementation_iterations: int = integer(2)
    archive_iterations: int = integer(1)
    script_retries: int = integer(3)
    retry_delay_secs: int = integer(5)
    step_timeout_secs: int = integer(3600, minimum=1)
    gates: tuple[Gate, ...] = choices(GATES)
    fallback: tuple[str, ...] = provider_names(PROVIDERS)


@frozen(kw_only=True)
class ModelConfig:
    """A ``[[PROVIDER.models]]`` entry.

    ``prices`` is None unless both the input and the output price are given.
    """

    id: str = text('a short name without spaces, such as "fast"', pattern=_MODEL_NAME, needed=True)
    model: str = text(
        "a full model name without spaces, as the CLI takes it", pattern=_MODEL_NAME, needed=True
    )
    complexity: Complexity | None = choice(COMPLEXITIES)
    prices: PricingConfig | None = prices_beside()


@frozen(kw_only=True)
class ProviderConfig:
    """How one coding CLI is started: ``command`` is a name on PATH or a path.

    ``default`` is an id of ``models``, or a full model name where no models are listed; None leaves
    the choice to the CLI. ``env`` are the variables that reach it, None for all: names, and
    beginnings of names with a ``*`` behind. ``set_env`` are variables that it gets besides, or
    with another value; ``~/`` at the begin of one is the user's home.
    """

    command: str = text("a command on PATH or a path")
    default: str | None = text("the id of a model", pattern=_MODEL_NAME)
    extra_args: tuple[str, ...] = texts('a list of texts, such as ["--debug"]')
    env: tuple[str, ...] | None = texts(_VARIABLES, None, pattern=_VARIABLE)
    set_env: Mapping[str, str] = texts_by_name(
        "a text", _NO_KEY, named="a variable's name, and none of a key, as this file is in git"
    )
    models: tuple[ModelConfig, ...] = entries(ModelConfig, "id")

    def reaching(self, environ: Mapping[str, str]) -> Mapping[str, str]:
        """The variables of ``environ`` that reach the CLI, and those that it gets besides."""
        if self.env is not None:
            beginnings = tuple(name[:-1] for name in self.env if name.endswith("*"))
            reaching = {
                name: value
                for name, value in environ.items()
                if name in self.env or name.startswith(beginnings)
            }
        elif self.set_env:
            reaching = dict(environ)
        else:
            return environ
        home = environ.get("HOME", "~")
        for name, value in self.set_env.items():
            reaching[name] = f"{home}{value[1:]}" if value.startswith("~/") else value
        return reaching

    def executable(self, root: Path, environ: Mapping[str, str]) -> str | None:
        """Where its command is, seen from the project's ``root``; None where it is not."""
        return executable(self.command, root, self.reaching(environ))

    def model_name(self, name: str | None = None) -> str | None:
        """The full name of an id, another name as it is, the default's when ``name`` is None."""
        wanted = name or self.default
        return next((entry.model for entry in self.models if entry.id == wanted), wanted)


@frozen(kw_only=True)
class NamedProvider(ProviderConfig):
    """``[providers.NAME]``: a provider by a name of its own, made of the row ``base``.

    ``command`` is that of its base where the file has none.
    """

    base: str = choice(PROVIDERS, needed=True)


@frozen(kw_only=True)
class HttpConfig:
    """``[http.NAME]``: a server that speaks one of these APIs, as a provider of that name.

    ``api_key_env`` is the variable that holds its key, None where it takes none; ``headers_env``
    those of more headers, by the header's name. ``context_tokens`` is the model's window, None
    where the server or the catalogue has to know it. ``count_tokens``: who counts a prompt before
    it is sent. ``timeout_secs`` bounds one request.
    """

    base_url: str = text(_BASE_URL, check=_check_base_url, needed=True)
    api: Api = choice(APIS, APIS[0])
    model: str = text("the name of a model", pattern=_MODEL_NAME, needed=True)
    api_key_env: str | None = text(_KEY_VARIABLE, pattern=_ONE_VARIABLE)
    headers_env: Mapping[str, str] = texts_by_name(
        _KEY_VARIABLE, r"[a-z0-9][a-z0-9_-]*", pattern=_ONE_VARIABLE
    )
    include_usage: bool = switch(True)
    stream: bool = switch(True)
    max_output_tokens: int | None = integer(minimum=1)
    context_tokens: int | None = integer(minimum=1024)
    count_tokens: CountTokens = choice(get_args(CountTokens), "server")
    timeout_secs: int = integer(1800, minimum=1)

    @property
    def is_local(self) -> bool:
        """Whether the server is on this machine, or in the same private network."""
        from ipaddress import ip_address, ip_network

        host = (urlsplit(self.base_url).hostname or "").removesuffix(".")
        if host in _LOCAL_HOSTS or host.endswith(_LOCAL_ENDS):
            return True
        try:
            found = ip_address(host)
            # Python has the shared addresses of RFC 6598, such as those of a VPN, as not private.
            return found.is_private or found in ip_network("100.64.0.0/10")
        except ValueError:
            return "." not in host  # a name of the own network, such as that of a container

    @property
    def is_billed(self) -> bool:
        """Whether somebody may ask money for its tokens: not for a local server without a key."""
        return not self.is_local or bool(self.api_key_env or self.headers_env)

    def as_provider(self, name: str) -> NamedProvider:
        """The provider that runs this Python with what it needs to know of the server."""
        options = Options(
            name=name,
            base_url=self.base_url,
            api=self.api,
            model=self.model,
            key_env=self.api_key_env or "",
            header_envs=self.headers_env,
            include_usage=self.include_usage,
            stream=self.stream,
            max_output_tokens=self.max_output_tokens,
            timeout_secs=self.timeout_secs,
        )
        return NamedProvider(
            base=HTTP.name,
            command=sys.executable,
            default=self.model,
            extra_args=tuple(arguments(options)),
        )


@frozen(kw_only=True)
class StepConfig:
    """A ``[steps.STEP]`` table; None leaves the choice to the step's or the provider's default.

    ``rules`` are sentences for the step's prompt.
    """

    provider: str | None = provider_name(PROVIDERS)
    model: str | None = text("the id of a model, or a full model name", pattern=_MODEL_NAME)
    rules: tuple[str, ...] = texts('a list of sentences, such as ["Write the test first."]')


@frozen(kw_only=True)
class ChecksConfig:
    """The project's own checks: a shell command, "" for none, None to detect it.

    ``own`` are more of them, by name. Each may take ``timeout_secs``; of its output
    ``max_output_chars`` are kept for the review. While one that is ``required`` fails, no review is
    paid for, and nothing archived.
    """

    test: str | None = text(_COMMAND, pattern=r"|.*\S.*")
    lint: str | None = text(_COMMAND, pattern=r"|.*\S.*")
    audit: str | None = text(_COMMAND, pattern=r"|.*\S.*")
    own: Mapping[str, str] = texts_by_name("a shell command", _CHECK_NAME)
    required: tuple[str, ...] = texts("a list of checks' names", ("test",))
    timeout_secs: int = integer(600, minimum=1)
    max_output_chars: int = integer(20_000, minimum=1)


@frozen(kw_only=True)
class ValidationPattern:
    """A ``[[validation.patterns]]`` entry: text that matches ``pattern`` is an issue.

    ``pattern`` is in the syntax of the ``regex`` package; ``files`` a glob within the change's
    folder; ``message`` what the issue says, None for its name.
    """

    name: str = text('a name for the rule, such as "no-todo"', needed=True)
    pattern: str = text(
        r"a regular expression, such as '\bTODO\b'", check=_check_regex, needed=True
    )
    files: str = text(_FILES, "**/*.md", check=_check_files)
    severity: Severity = choice(get_args(Severity), "warning")
    message: str | None = text("a sentence")


@frozen(kw_only=True)
class ValidationConfig:
    """``[validation]``: what ``validate`` looks for beside its own rules."""

    patterns: tuple[ValidationPattern, ...] = entries(ValidationPattern, "name")


@frozen(kw_only=True)
class MeterConfig:
    """``[meter]``: whether the requests of a run are metered at the wire, by a relay."""

    wire: Wire = choice(get_args(Wire), "auto")


@frozen(kw_only=True)
class GuardConfig:
    """``[guard]``: what becomes of a commit that a step makes, and of a branch that it switches."""

    commits: Commits = choice(get_args(Commits), "undo")


@frozen(kw_only=True)
class NotifyConfig:
    """``[notify]``: what a webhook is told, in which form; ``url_env`` None: nothing.

    The URL, which is a key, stands in the variable ``url_env`` of the environment alone.
    """

    url_env: str | None = text(
        "the name of an environment variable, such as AGENTD_WEBHOOK", pattern=r"[A-Za-z_]\w*"
    )
    on: tuple[NotifyEvent, ...] = choices(get_args(NotifyEvent), get_args(NotifyEvent))
    form: NotifyForm = choice(get_args(NotifyForm), "json")


@frozen(kw_only=True)
class PathsConfig:
    """``[paths]``: whose folders the project has; None when that is to be found out."""

    layout: Layout | None = choice(get_args(Layout))


@frozen(kw_only=True)
class PricingSettings:
    """Where prices come from, first known first, and ``[pricing.models]`` by model name."""

    sources: tuple[PriceSource, ...] = choices(get_args(PriceSource), ("config",))
    models: Mapping[str, PricingConfig] = prices_by_model()


Percents = Decimal | tuple[Decimal, ...]
"""One or more parts of a limit, as the file has them."""


def each_percent(percents: Percents) -> list[Decimal]:
    """The parts, each once, the lowest first."""
    return sorted(set(percents if isinstance(percents, tuple) else (percents,)))


@frozen(kw_only=True)
class Limit:
    """The most that some calls may cost and use, None where not set."""

    limit_usd: Decimal | None = number(_USD)
    limit_tokens: int | None = integer()

    @property
    def is_set(self) -> bool:
        """Whether it limits anything."""
        return self.limit_usd is not None or self.limit_tokens is not None


@frozen(kw_only=True)
class PartBudget(Limit):
    """``[budget.steps.STEP]`` or ``[budget.providers.NAME]``: limits of such calls of one change.

    ``warn_at_percent`` is that of ``[budget]`` where not given.
    """

    warn_at_percent: Percents = numbers(_PERCENTS, Decimal(90), maximum=100)


@frozen(kw_only=True)
class ProjectBudget(Limit):
    """``[budget.project]``: limits of all changes together, archived too, in one ``period``.

    Days, weeks (from Monday) and months begin at midnight in ``timezone``, a name that ``zoneinfo``
    knows or "UTC"; "total" never ends. ``warn_at_percent`` is that of ``[budget]`` where not given.
    """

    period: Period = choice(get_args(Period), "month")
    timezone: str = text(_ZONE, "UTC", check=_check_zone)
    warn_at_percent: Percents = numbers(_PERCENTS, Decimal(90), maximum=100)


@frozen(kw_only=True)
class BudgetConfig(Limit):
    """Limits and warning marks of one change, None where not set, and those beside them.

    ``on_unpriced``: whether a call without a price warns or stops under a limit in USD. ``strict``:
    a request is sent only if what it can cost at most is left. ``steps`` and ``providers`` hold the
    limits of one change's calls of that step or provider.
    """

    warn_at_percent: Percents = numbers(_PERCENTS, Decimal(90), maximum=100)
    warn_at_dollars: Decimal | None = number(_USD)
    warn_at_tokens: int | None = integer()
    on_unpriced: OnUnpriced = choice(get_args(OnUnpriced), "warn")
    strict: bool = switch(False)
    project: ProjectBudget = section(ProjectBudget, inherits="warn_at_percent")
    steps: Mapping[str, PartBudget] = sections(PartBudget, STEP_NAMES, inherits="warn_at_percent")
    providers: Mapping[str, PartBudget] = sections(
        PartBudget, PROVIDERS, of_providers=True, inherits="warn_at_percent"
    )


@frozen(kw_only=True)
class Config:
    """A whole config.toml; ``warnings`` is what is odd about it.

    ``providers`` are those that have a section of their own, in its order, then those it names;
    ``http`` is what ``[http.NAME]`` says of some of these.
    An agentd older than ``min_version`` writes nothing in the project.
    """

    path: Path
    project_name: str = text("the project's name")
    min_version: str | None = text(
        'a version, such as "0.2" or "1.4.2"', pattern=min_version.PATTERN
    )
    workflow: WorkflowConfig = section(WorkflowConfig, guards=True)
    providers: Mapping[str, ProviderConfig] = field(default_factory=dict)
    http: Mapping[str, HttpConfig] = field(default_factory=dict)
    steps: Mapping[str, StepConfig] = sections(StepConfig, STEP_NAMES)
    checks: ChecksConfig = section(ChecksConfig)
    validation: ValidationConfig = section(ValidationConfig)
    paths: PathsConfig = section(PathsConfig)
    meter: MeterConfig = section(MeterConfig, guards=True)
    guard: GuardConfig = section(GuardConfig)
    notify: NotifyConfig = section(NotifyConfig)
    pricing: PricingSettings = section(PricingSettings, guards=True)
    budget: BudgetConfig = section(BudgetConfig, strict=True)
    warnings: tuple[str, ...] = ()

    def named(self) -> list[str]:
        """The names that the file itself gives to providers."""
        return [name for name, each in self.providers.items() if isinstance(each, NamedProvider)]

    def row(self, provider: str) -> Provider:
        """What agentd knows of a provider of this file."""
        settings = self.providers.get(provider)
        base = settings.base if isinstance(settings, NamedProvider) else None
        row = provider_of(provider, base)
        assert row is not None  # its reader takes no other names
        return row

    def model_prices(self) -> dict[str, PricingConfig]:
        """The prices this file gives, by model name.

        ``[pricing.models]`` goes before ``[[PROVIDER.models]]``, an earlier entry before a later.
        Of a CLI for models of any maker, ``mine/qwen3``, they are also those of the name that the
        API answers with, ``qwen3``, unless two of them differ in it.
        """
        prices = dict(self.pricing.models)
        answering: dict[str, dict[str, PricingConfig]] = {}
        for name, provider in self.providers.items():
            for entry in provider.models:
                if entry.prices is not None:
                    prices.setdefault(entry.model, entry.prices)
                    if not self.row(name).maker:
                        short = entry.model.partition("/")[2]
                        answering.setdefault(short, {})[entry.model] = prices[entry.model]
        for short, found in answering.items():
            first, *others = found.values()
            if short and all(one == first for one in others):
                prices.setdefault(short, first)
        return prices
