"""The relay's log, struck at every change on disk: another relay goes on, no request is lost."""

from __future__ import annotations

from pathlib import Path

from support.faults import Fault, every, in_child

from agentd.meter.logged_requests import read_requests
from agentd.meter.request_log import NAME, RequestLog, write_told
from agentd.metering.dialects import Asked
from agentd.metering.requests import ApiRequest
from agentd.metering.usage import ModelUsage

ASKED = Asked(model="m", thread="main", output_limit=100, variants=(), body_bytes=400)


def request(name: str) -> ApiRequest:
    return ApiRequest(id=name, model="m", usage=ModelUsage(input_tokens=100, output_tokens=5))


def relay(*names: str) -> int:
    """A relay's life: what it wrote down is told on stdout."""
    log = RequestLog(Path(NAME))
    for name in names:
        log.started(name, ASKED, input_tokens=100)
        print(f"started {name}", flush=True)
        log.ended(name, 200, [request(name)])
        print(f"ended {name}", flush=True)
    log.close()
    return 0


def test_every_fault_at_every_change(tmp_path: Path) -> None:
    below = tmp_path / "run"
    below.mkdir()
    whole = in_child(lambda: relay("a", "b"), below=below)
    assert whole.code == 0, whole.err
    faults = every(whole.changes)
    assert len(faults) > 12
    for fault in faults:
        (below / NAME).unlink(missing_ok=True)
        struck = in_child(lambda: relay("a", "b"), below=below, fault=fault)
        again = in_child(lambda: relay("c"), below=below)
        assert again.code == 0, (fault, again.err)
        write_told(below / NAME, [], append=True)
        told = {one.id: one for one in read_requests(below / NAME) if one.id}
        written = {line.split()[1] for line in struck.out.splitlines() if "ended" in line}
        assert written | {"c"} <= set(told), fault
        began = {line.split()[1] for line in struck.out.splitlines() if "started" in line}
        assert len(read_requests(below / NAME)) >= len(began) + 1, fault
        assert all(one.usage.input_tokens == 100 for one in told.values())


def test_nothing_is_struck_without_a_fault(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    assert not in_child(lambda: relay("a"), below=tmp_path / "run").struck(Fault())
