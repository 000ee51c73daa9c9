"""Errors a user can act on: one base class, caught in one place (``agentd.cli``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decimal import Decimal


class AgentdError(Exception):
    """Something the user can mend: ``message`` says what is wrong, ``fix`` what to do.

    ``code`` is the stable name printed by ``--json``; ``exit_code`` the process's exit code.
    """

    code = "error"
    exit_code = 1

    def __init__(self, message: str, *, fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.message}\n{self.fix}" if self.fix else self.message


class UsageError(AgentdError):
    """The command line itself is wrong."""

    code = "usage"
    exit_code = 2


class InputError(AgentdError):
    """The user's input or files are at fault: an id, a missing document, no project."""

    code = "input"


class ConfigError(AgentdError):
    """A config file has a wrong value: the message names file, key, value and what was expected."""

    code = "config"


class StateError(AgentdError):
    """A STATE.yaml can't be read or written; nothing in it was changed."""

    code = "state"


class LockHeld(StateError):
    """Another process holds a lock for longer than one can wait."""


class ParseError(AgentdError):
    """A CLI's output holds no usage, or malformed usage."""

    code = "parse"


class UnsupportedModel(AgentdError):
    """A model whose tokens can only be estimated, or whose price nobody knows."""

    code = "unsupported_model"


class ProviderError(AgentdError):
    """A coding CLI failed, was missing, or did not do what it owed."""

    code = "provider"
    exit_code = 4


class BudgetExceeded(AgentdError):
    """A limit was reached: what would have gone over it did not happen.

    ``spent_usd`` is what would have been spent in all, ``limit_usd`` the limit; both None for a
    limit in tokens.
    """

    code = "budget_exceeded"
    exit_code = 3

    def __init__(
        self,
        message: str,
        *,
        fix: str = "",
        spent_usd: Decimal | None = None,
        limit_usd: Decimal | None = None,
    ) -> None:
        super().__init__(message, fix=fix)
        self.spent_usd = spent_usd
        self.limit_usd = limit_usd


class LoopEnded(AgentdError):
    """A loop ended without approval."""

    code = "not_approved"
    exit_code = 5


class Paused(AgentdError):
    """A person must decide; the fix names the command that goes on."""

    code = "paused"
    exit_code = 6


class Cancelled(AgentdError):
    """A person interrupted the run (Ctrl-C, SIGTERM)."""

    code = "interrupted"
    exit_code = 130
