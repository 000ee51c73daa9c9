"""The relay of a metered run, against the same requests without it.

    python benchmarks/bench_relay.py [ROUNDS]

An API on loopback, in a process of its own, answers as Anthropic does. Short requests go there and
through the relay in turn; then an answer of 200 MB, every event of which is parsed. Whole runs of
the real CLIs, with and without the wire in turn, only where `make test-real` has installed them.
"""

from __future__ import annotations

import contextlib
import http.client
import multiprocessing
import os
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support.raw_api import DELTA, END, START, head, peak_mib, sse

from agentd.meter.logged_requests import read_requests
from agentd.meter.process import RelayProcess
from agentd.meter.request_log import NAME

MB = 1_000_000
ANSWER_MB = 200
BLOCK = sse(*[DELTA] * 100)
SHORT = sse(START, DELTA, END)
GOAL_MS, GOAL_MB_S, GOAL_GROWTH_MB, GOAL_RUN_MS = 2.0, 100, 20, 150
BODY = b'{"model": "m-1", "stream": true, "messages": ["' + b"x" * 50_000 + b'"]}'


def answer(connection: socket.socket) -> None:
    """Answers on one connection until it is closed."""
    with contextlib.suppress(OSError), connection.makefile("rwb") as stream:
        while line := stream.readline():
            length = 0
            while header := stream.readline().strip():
                name, _, value = header.partition(b": ")
                length = int(value) if name.lower() == b"content-length" else length
            stream.read(length)
            if b"/long/" in line:
                rounds = ANSWER_MB * MB // len(BLOCK)
                size = len(sse(START)) + rounds * len(BLOCK) + len(sse(END))
                stream.write(head(f"content-length: {size}") + sse(START))
                for _ in range(rounds):
                    stream.write(BLOCK)
                stream.write(sse(END))
            else:
                stream.write(head(f"content-length: {len(SHORT)}") + SHORT)
            stream.flush()


def serve(listening: socket.socket) -> None:
    """The API: a process for each connection, so that none waits for another."""
    while True:
        connection, _ = listening.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if os.fork() == 0:
            answer(connection)
            os._exit(0)
        connection.close()


@contextlib.contextmanager
def api() -> Iterator[str]:
    """Its URL."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=100)
    process = multiprocessing.get_context("fork").Process(target=serve, args=(listening,))
    process.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        process.kill()
        process.join()
        listening.close()


class Client:
    """Asks over a connection that it keeps."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._path = parts.path
        self._connection = http.client.HTTPConnection(parts.netloc, timeout=120)

    def ask(self, path: str = "/v1/messages") -> tuple[float, int]:
        """Seconds until the whole answer is there, and its size."""
        began = time.perf_counter()
        self._connection.request("POST", self._path + path, BODY)
        response = self._connection.getresponse()
        size = 0
        while block := response.read(1 << 20):
            size += len(block)
        return time.perf_counter() - began, size


def processor_s(pid: int) -> float:
    """Processor time of a process so far (Linux): what other work on the machine leaves alone."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def short_requests(direct: Client, relayed: Client, rounds: int, pid: int) -> float:
    """What the relay adds at the median, in milliseconds."""
    without: list[float] = []
    through: list[float] = []
    before = processor_s(pid)
    for _ in range(rounds):
        without.append(direct.ask()[0])
        through.append(relayed.ask()[0])
    medians = [statistics.median(times) * 1000 for times in (without, through)]
    added = medians[1] - medians[0]
    print(
        f"short request  direct {medians[0]:.2f} ms, relayed {medians[1]:.2f} ms, "
        f"median of {rounds} each: {added:+.2f} ms (goal < {GOAL_MS:g}); "
        f"{(processor_s(pid) - before) / rounds * 1000:.2f} ms of processor time"
    )
    return added


def long_answer(direct: Client, relayed: Client, pid: int) -> tuple[float, float]:
    """MB a second through the relay, the best of three, and MB that its memory grew."""
    before = peak_mib(pid)
    best: dict[str, float] = {}
    began = processor_s(pid)
    for name, client in (("direct", direct), ("relayed", relayed)) * 3:
        seconds, size = client.ask("/long/v1/messages")
        best[name] = max(best.get(name, 0.0), size / MB / seconds)
    by_processor = 3 * ANSWER_MB / (processor_s(pid) - began)
    growth = (peak_mib(pid) - before) * (1 << 20) / MB
    print(
        f"{ANSWER_MB} MB answer  direct {best['direct']:.0f} MB/s, relayed {best['relayed']:.0f} "
        f"MB/s (goal >= {GOAL_MB_S}), memory +{growth:.1f} MB (goal < {GOAL_GROWTH_MB}); "
        f"{by_processor:.0f} MB in a second of processor time"
    )
    return best["relayed"], growth


def whole_runs(rounds: int) -> list[float]:
    """What the wire adds to a run of each real CLI, in milliseconds at the median."""
    from loopback.server import LoopbackApi
    from real import install
    from real.bench import CHANGE, Bench
    from real.isolation import leave_the_network
    from real.ledger import Served
    from real.models import REAL_CLIS

    if not install.is_ready():
        print("whole runs     the real CLIs are not installed: make test-real")
        return []
    leave_the_network()
    document = "# Challenge: add-export\n\n## Verdict\n- [x] APPROVED\n"
    added = []
    for cli in REAL_CLIS.values():
        times: dict[str, list[float]] = {"off": [], "on": []}
        with tempfile.TemporaryDirectory() as name, LoopbackApi() as loopback:
            bench = Bench(root=Path(name), api=loopback, clis=install.BIN)
            bench.init(cli.name)
            bench.with_documents()
            served = Served()
            for number in range(2 * (rounds + 1)):
                wire = "on" if number % 2 else "off"
                bench.agentd("config", "set", "meter.wire", wire)
                loopback.add(
                    served.step(cli.name, tools=(cli.shell("true"),)),
                    served.step(cli.name, text=document),
                )
                began = time.perf_counter()
                ran = bench.agentd("challenge", CHANGE, "--model", cli.model)
                if number > 1:  # the first of each warms caches
                    times[wire].append(time.perf_counter() - began)
                assert ran.exit_code == 0, ran
            assert bench.calls()[-1]["usage_source"] == "wire"
        medians = {wire: statistics.median(each) * 1000 for wire, each in times.items()}
        added.append(medians["on"] - medians["off"])
        print(
            f"{cli.name:<7} run    {medians['off']:.0f} ms, at the wire {medians['on']:.0f} ms: "
            f"{added[-1]:+.0f} ms (goal <= {GOAL_RUN_MS})"
        )
    return added


def main(rounds: int) -> None:
    """Print the figures; ends the process with 1 when a goal was missed."""
    gate = (sys.executable, "-m", "agentd.budget.gate")
    with tempfile.TemporaryDirectory() as name, api() as url:
        folder = Path(name)
        relay = RelayProcess(gate, {"provider": "claude", "upstream": url}, run_dir=folder)
        direct, relayed = Client(url), Client(relay.url)
        for client in (direct, relayed):
            client.ask()
        added = short_requests(direct, relayed, rounds, relay.pid)
        speed, growth = long_answer(direct, relayed, relay.pid)
        relay.leave(wait_s=10)
        requests = read_requests(folder / NAME)
        assert len(requests) == rounds + 4
        assert all(request.exact for request in requests)
    runs = whole_runs(7)
    missed = added >= GOAL_MS or speed < GOAL_MB_S or growth >= GOAL_GROWTH_MB
    if missed or any(each > GOAL_RUN_MS for each in runs):
        sys.exit("a goal was missed")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
