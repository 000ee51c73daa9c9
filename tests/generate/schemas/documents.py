"""All schemas, by name."""

from __future__ import annotations

from generate.schemas.changes import CHANGES
from generate.schemas.config import config
from generate.schemas.ledger import state
from generate.schemas.money import MONEY
from generate.schemas.others import OTHERS
from generate.schemas.parts import Answer, Schema, document, of, shape, text

from agentd import errors
from agentd.version import JSON_VERSION

FAILED_CODES = sorted(
    {
        found.code
        for found in vars(errors).values()
        if isinstance(found, type) and issubclass(found, errors.AgentdError)
    }
    - {errors.AgentdError.code}
)
_ERROR = shape(
    "What is wrong and what to do",
    {
        "code": text("The kind of error", *FAILED_CODES),
        "message": text("What is wrong"),
        "fix": text('What to do; "" where the message says it'),
    },
)
_FAILED = shape(
    "The command failed, with the exit code of the error", {"error": of("error", "Why")}
)
ANSWERS: dict[str, Answer] = {**CHANGES, **MONEY, **OTHERS}


def of_answer(name: str) -> Schema:
    """The schema of what a command prints: one of its forms, or an error."""
    asked = ANSWERS[name]
    forms = [*asked.bodies, *([_FAILED] if asked.can_fail else [])]
    defs = {**asked.defs, **({"error": _ERROR} if asked.can_fail else {})}
    if len(forms) == 1:
        return document(name, asked.command, JSON_VERSION, forms[0], **defs)
    title = f"{asked.command} --json"
    return document(name, title, JSON_VERSION, {"anyOf": forms}, **defs)


def all_schemas() -> dict[str, Schema]:
    """Each schema by the name of its file."""
    failed = document("error", "An error of any command with --json", JSON_VERSION, _FAILED)
    return {
        **{name: of_answer(name) for name in ANSWERS},
        "error": {**failed, "$defs": {"error": _ERROR}},
        "state": state(),
        "config": config(),
    }
