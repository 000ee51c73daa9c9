"""What the commands print that look at the installation and its settings."""

from __future__ import annotations

from generate.schemas.parts import Answer, answer, flag, listed, of, shape, text

_SETTING = {
    "key": text("Its dotted key, such as budget.limit_usd"),
    "value": {
        "type": ["string", "number", "boolean", "array", "null"],
        "description": "The value in force; keys and passwords are masked; null where it is not "
        "set and has no default",
    },
    "source": text("Who says so: the file, or agentd's default", "config", "default"),
}
_SETTINGS = {"settings": listed(of("setting", "A setting"), "The settings with a value, in order")}
_DEFS = {"setting": shape("A setting of config.toml", _SETTING)}
_CHECK = shape(
    "One thing that was looked at",
    {
        "name": text("What it is about, such as claude or config"),
        "status": text("How it is", "ok", "warn", "fail"),
        "detail": text("What was found, in words"),
        "fix": text('What to do; "" where there is nothing to do'),
    },
)

OTHERS = {
    "doctor": Answer(
        "agentd doctor",
        (
            answer(
                "Whether all is there that a step needs",
                {
                    "ok": flag("Whether nothing fails"),
                    "checks": listed(of("check", "A check"), "What was looked at, in order"),
                },
            ),
        ),
        {"check": _CHECK},
    ),
    "config-get": Answer(
        "agentd config get",
        (
            answer("A setting", _SETTING),
            answer("The settings of a section", _SETTINGS),
        ),
        _DEFS,
    ),
    "config-list": Answer(
        "agentd config list", (answer("The settings in force", _SETTINGS),), _DEFS
    ),
}
