"""The kinds: ends × shapes × CLIs, and how one is played."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loopback.scenario import Step
from loopback.server import LoopbackApi, Request

from real.bench import CHANGE, Bench
from real.ledger import Served
from real.matrix.besides import BESIDES
from real.matrix.ends import ENDS, End
from real.matrix.shapes import SHAPES, Script, Shape
from real.models import REAL_CLIS, RealCli

_TOOL_ENDS_S = 2.0


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of run: ``SIGINT, subagent, codex``."""

    end_name: str
    shape_name: str
    cli: RealCli

    @property
    def name(self) -> str:
        """Its end, shape and CLI."""
        return f"{self.end_name} | {self.shape_name} | {self.cli.name}"

    @property
    def end(self) -> End:
        """Its row of ENDS, or of BESIDES."""
        return ENDS.get(self.end_name) or BESIDES[self.end_name].end

    @property
    def shape(self) -> Shape:
        """Its row of SHAPES."""
        return SHAPES[self.shape_name]

    @property
    def model(self) -> str:
        """The model that is asked for."""
        return self.end.model or self.cli.model


KINDS: Sequence[Kind] = [
    Kind(end_name=end_name, shape_name=shape_name, cli=cli)
    for end_name, end in ENDS.items()
    for shape_name, shape in SHAPES.items()
    if end.is_stop or not shape.inside
    for cli in REAL_CLIS.values()
]
ALSO: Sequence[Kind] = [
    Kind(end_name=end_name, shape_name="plain", cli=REAL_CLIS[beside.cli])
    for end_name, beside in BESIDES.items()
]


@dataclass(frozen=True, kw_only=True)
class Played:
    """The calls of a run as STATE.yaml has them, and the requests that they are made of."""

    calls: Sequence[Mapping[str, Any]]
    requests: Sequence[Request]


class NotPlayed(Exception):
    """The run did not go as its kind says, so that it proves nothing."""


def play(kind: Kind, *, wire: str, clis: Path) -> list[Played]:
    """Run it in a project of its own; its run, and the one before when it resumes that session.

    Raises NotPlayed.
    """
    with (
        tempfile.TemporaryDirectory(prefix="matrix-", ignore_cleanup_errors=True) as root,
        LoopbackApi() as api,
    ):
        bench = Bench(root=Path(root), api=api, clis=clis, retries=kind.end.retries)
        try:
            return _play(kind, bench, wire)
        except AssertionError as error:
            raise NotPlayed(str(error)[:1000]) from error
        finally:
            bench.end_what_is_left()


def _play(kind: Kind, bench: Bench, wire: str) -> list[Played]:
    cli, end, shape, played = kind.cli, kind.end, kind.shape, []
    bench.init(cli.name, more=end.config)
    for key, value in {"meter.wire": wire, **end.sets}.items():
        done = bench.agentd("config", "set", key, value)
        assert done.exit_code == 0, done
    bench.with_documents()
    script = Script(cli=cli, served=Served(), project=bench.project)
    session: tuple[str, ...] = ()
    if shape.resumed:
        bench.api.add(script.tool("true"), script.last())
        ran = bench.agentd("challenge", CHANGE, "--model", kind.model)
        assert ran.exit_code == 0, ran
        played.append(Played(calls=bench.calls(), requests=[*bench.api.requests]))
        session = ("--session", bench.calls()[-1]["session_id"])
    bench.set(**end.settings)
    before, calls = len(bench.api.requests), len(played)
    steps = end.steps(script, shape)
    bench.api.add(*steps)
    _to_its_end(kind, bench, script, session)
    requests = bench.api.requests[before:]
    _check_all_was_asked(kind, steps, requests)
    if end.entered_by is not None:
        if end.entered_by == "status":  # it ends no tool that is still at work, and waits for it
            script.mark.unlink(missing_ok=True)
            time.sleep(_TOOL_ENDS_S)
            bench.agentd("status", CHANGE)
        else:
            bench.agentd(end.entered_by, CHANGE, interrupt_when=bench.is_taken_up())
    script.mark.unlink(missing_ok=True)
    return [*played, Played(calls=bench.calls()[calls:], requests=requests)]


def _to_its_end(kind: Kind, bench: Bench, script: Script, session: tuple[str, ...]) -> None:
    end, api = kind.end, bench.api
    how: dict[str, Any] = {}
    if end.stop is not None:
        stop = end.stop
        api.stalled.clear()
        how["interrupt_when"] = script.mark.exists if kind.shape.inside else api.stalled.is_set
        how["by"] = lambda agentd: stop(bench, agentd)
    bench.agentd("challenge", CHANGE, "--model", kind.model, *session, **how)


def _check_all_was_asked(kind: Kind, steps: Sequence[Step], requests: Sequence[Request]) -> None:
    """Each request had an answer, and each answer its request, but for optional ones."""
    assert all(request.step for request in requests), "the CLI asked for more than was scripted"
    least = len(steps) - kind.end.optional
    assert len(requests) >= least, f"{len(requests)} requests, of {least}"
