"""What agentd reads and others write: a row for each kind (see fuzzing.Target)."""

from __future__ import annotations

from functools import partial

from agentd.metering.dialects import DIALECTS
from agentd.providers import PROVIDERS
from support.fuzz_targets import cli_output, ledgers, requests, texts
from support.fuzzing import Target
from support.mutator import TOML, WORDS, YAML

TARGETS: dict[str, Target] = {
    **{
        f"stdout.{name}": Target(
            reader=partial(cli_output.stdout_reader, name),
            seeds=partial(cli_output.stdout_seeds, name),
            by_lines=True,
        )
        for name in PROVIDERS
    },
    **{
        f"session_log.{name}": Target(
            reader=partial(cli_output.log_reader, name),
            seeds=partial(cli_output.log_seeds, name),
            by_lines=True,
        )
        for name, row in PROVIDERS.items()
        if row.session_logs and not row.session_logs.file
    },
    "session_log.opencode": Target(
        reader=cli_output.database_reader, seeds=cli_output.database_seeds, by_lines=True
    ),
    **{
        f"dialect.{dialect.name}": Target(
            reader=partial(requests.dialect_reader, dialect),
            seeds=partial(requests.dialect_seeds, dialect),
        )
        for dialect in DIALECTS
    },
    **{
        f"telemetry.{name}": Target(
            reader=partial(requests.telemetry_reader, name),
            seeds=partial(requests.telemetry_seeds, name),
        )
        for name in ("claude", "codex")
    },
    "request_log": Target(reader=requests.request_log_reader, seeds=requests.request_log_seeds),
    "ledger": Target(
        reader=ledgers.ledger_against_others, seeds=ledgers.ledger_seeds, odd=YAML, inputs=100_000
    ),
    "merge": Target(
        reader=ledgers.merge_reader, seeds=ledgers.ledger_seeds, odd=YAML, inputs=10_000
    ),
    "config": Target(reader=texts.config_reader, seeds=texts.config_seeds, odd=TOML),
    "verdict": Target(reader=texts.verdict_reader, seeds=texts.verdict_seeds, odd=WORDS),
    "tasks": Target(
        reader=texts.tasks_reader, seeds=partial(texts.documents_seeds, "tasks.md"), odd=WORDS
    ),
    "specs": Target(reader=texts.specs_reader, seeds=texts.specs_seeds, odd=WORDS),
    "pipe": Target(reader=texts.pipe_reader, seeds=texts.pipe_seeds),
    "reservations": Target(reader=ledgers.reservations_reader, seeds=ledgers.reservations_seeds),
    "run_files": Target(reader=ledgers.run_files_reader, seeds=ledgers.run_files_seeds),
    "notes": Target(reader=ledgers.notes_reader, seeds=ledgers.notes_seeds),
}
