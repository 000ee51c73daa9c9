"""`agentd pipe` over any input: the same with any number of workers, summed up right, bounded."""

from __future__ import annotations

import itertools
import json
import subprocess
import tempfile
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.pipe_lines import bad_lines, good_lines, texts
from support.piping import COMMAND, Piped, jsonl, pipe
from support.slices import part_of

from agentd.metering.tokens import count_tokens
from agentd.pipe.chunks import MAX_LINE_BYTES

inputs = st.lists(st.one_of(good_lines, good_lines, good_lines, bad_lines), max_size=30)
limits = st.sampled_from([(), ("--max-tokens", 9000), ("--max-cost", "0.02"), ("--fail-on-error",)])


def run(data: bytes, *arguments: object) -> Piped:
    return pipe(Path(tempfile.gettempdir()), data, "--model-field", "m", *arguments)


def summed(done: Piped) -> dict[str, Decimal]:
    names = ("tokens_input", "tokens_output", "cost_input_usd", "cost_output_usd", "cost_usd")
    sums = dict.fromkeys(names, Decimal(0))
    for line in done.out.split(b"\n")[:-1]:
        record = json.loads(line, parse_float=Decimal)
        for name in names:
            sums[name] += record[name] or 0
    return sums


@pytest.mark.reliability
@settings(max_examples=part_of(10), suppress_health_check=[HealthCheck.too_slow])
@given(inputs, limits, st.booleans())
def test_workers_and_summary(few: list[bytes], limit: tuple[object, ...], repeated: bool) -> None:
    # Repeated, it is many chunks.
    lines = few * (600_000 // (sum(map(len, few)) + len(few) + 1)) if repeated else few
    data = b"\n".join(lines)
    one, two, eight = (
        run(data, *limit, "--workers", workers, "--summary-format", "json") for workers in (1, 2, 8)
    )
    assert one == two == eight
    assert b"Traceback" not in one.err.encode("utf-8", "replace")
    summary = next(line for line in one.err.splitlines() if line.startswith("{"))
    told = json.loads(summary, parse_float=Decimal)
    assert {name: told[name] for name in summed(one)} == summed(one)
    assert told["lines_total"] - told["lines_failed"] == len(one.objects)
    assert told["quota_hit"] == (one.code == 3)


@pytest.mark.reliability
@settings(max_examples=part_of(10))
@given(st.lists(texts, min_size=1, max_size=50))
def test_each_line_has_its_own_count(some: list[str]) -> None:
    done = run(jsonl(*[{"text": text} for text in some]).encode())
    assert [record["text"] for record in done.objects] == some
    assert [record["tokens_input"] for record in done.objects] == [
        count_tokens(text, "gpt-4o") for text in some
    ]


def test_a_quota_in_the_middle_of_many_chunks(tmp_path: Path) -> None:
    lines = [{"text": "hello world " * (number % 50), "n": number} for number in range(8000)]
    whole = pipe(tmp_path, jsonl(*lines)).objects
    for share, workers in itertools.product((0.1, 0.5, 0.97), (1, 3)):
        wanted = int(len(whole) * share)
        limit = sum(record["tokens_input"] for record in whole[:wanted])
        while whole[wanted]["tokens_input"] == 0:
            wanted += 1
        done = pipe(tmp_path, jsonl(*lines), "--max-tokens", limit, "--workers", workers)
        assert (done.code, done.objects) == (3, whole[:wanted])


def test_a_line_of_50_mb_and_one_that_is_too_long(tmp_path: Path) -> None:
    huge = jsonl({"text": "hello world " * (50_000_000 // 12)})
    too_long = '{"text": "' + "x" * MAX_LINE_BYTES + '"}\n'
    small = jsonl({"text": "hello world"})
    done = pipe(tmp_path, small + huge + small + too_long + small, "--mode", "tokens")
    assert done.code == 0
    counts = [record["tokens_input"] for record in done.objects]
    assert counts[:1] + counts[2:] == [2, 2, 2]
    assert counts[1] > 8_000_000
    assert done.err == f"line 4: not UTF-8, or longer than {MAX_LINE_BYTES >> 20} MiB\n"


def test_memory_does_not_grow_with_the_input(tmp_path: Path) -> None:
    def peak_mb(lines: int) -> float:
        """Of the process and its worker, whichever was larger."""
        script = (
            "import resource, subprocess, sys\n"
            "code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode\n"
            "print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
        )
        data = tmp_path / str(lines)
        with data.open("w") as file:
            for number in range(lines):
                file.write(json.dumps({"text": f"{number} hello world " * 20}) + "\n")
        with data.open("rb") as source:
            done = subprocess.run(
                [COMMAND[0], "-c", script, *COMMAND, "--model", "gpt-4o"],
                stdin=source,
                capture_output=True,
                text=True,
                cwd=tmp_path,
                timeout=120,
                check=True,
            )
        code, kb = done.stdout.split()
        assert code == "0"
        return int(kb) / 1024

    small, large = peak_mb(5_000), peak_mb(60_000)
    assert large < small + 15
    assert large < 150
