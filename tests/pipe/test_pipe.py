"""`agentd pipe` as a process: what it writes, reports, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from decimal import Decimal
from pathlib import Path

import pytest
from standins.running import until
from support.piping import COMMAND, jsonl, pipe

from agentd.metering.tokens import count_tokens
from agentd.project.init import initialise

HELLO = {"text": "hello world"}
ADDED = [
    *("model", "tokens_input", "tokens_output", "tokenizer", "accuracy", "approximate"),
    *("cost_input_usd", "cost_output_usd", "cost_usd"),
]


def test_members_are_added_and_the_rest_stays_as_written(tmp_path: Path) -> None:
    line = '{"id" : 1e3,"text":"caf\\u00e9 \\ud800","n":1.50, "a":{"b":[ ]} }'
    done = pipe(tmp_path, line + "\r\n")
    assert done.code == 0
    assert done.out.decode().startswith(line[:-1] + ',"model":"openai/gpt-4o","tokens_input":')
    (record,) = done.objects
    assert list(record) == ["id", "text", "n", "a", *ADDED]
    assert record["tokens_input"] == count_tokens("café \ud800", "gpt-4o")
    assert (record["tokens_output"], record["accuracy"]) == (0, "exact")
    assert (record["tokenizer"], record["approximate"]) == ("o200k_base", False)


def test_without_a_model_the_projects_default_counts_else_the_generic_estimate(
    tmp_path: Path,
) -> None:
    done = pipe(tmp_path, jsonl(HELLO), model=None)
    (record,) = done.objects
    assert (record["tokenizer"], record["cost_usd"]) == ("generic-estimate", None)
    assert done.err == (
        "note: without --model: the generic estimate, as no project here has a default model\n"
    )
    initialise(tmp_path, provider="codex")
    done = pipe(tmp_path, jsonl(HELLO), "--quiet", model=None)
    assert (done.objects[0]["model"], done.err) == ("openai/gpt-6.1-sol", "")


def test_output_tokens_may_be_written_with_a_point_as_pandas_does(tmp_path: Path) -> None:
    done = pipe(tmp_path, '{"text":"a","tokens_output":12.0}\n{"text":"a","tokens_output":0.5}\n')
    (record,) = done.objects
    assert Decimal(str(record["cost_output_usd"])) == Decimal("0.00012")
    assert "line 2" in done.err
    assert "no whole number" in done.err


def test_costs_are_exact_plain_decimals(tmp_path: Path) -> None:
    done = pipe(tmp_path, jsonl({**HELLO, "tokens_output": 3}))
    # gpt-4o: $2.50 and $10 per million
    assert done.out.decode().endswith(
        '"cost_input_usd":0.000005,"cost_output_usd":0.00003,"cost_usd":0.000035}\n'
    )


def test_members_of_the_same_name_are_replaced(tmp_path: Path) -> None:
    line = (
        '{"cost_usd":9, "text":"hello world" ,"n":1E2,"model":"gpt-4o-mini","tokens_output":null}'
    )
    done = pipe(tmp_path, line, "--model-field", "model")
    assert done.out.decode().startswith(
        '{"text":"hello world","n":1E2,"model":"openai/gpt-4o-mini"'
    )
    again = pipe(tmp_path, done.out, "--model-field", "model", model=None)
    assert again.objects == done.objects
    assert len(dict(json.loads(again.out, object_pairs_hook=list))) == len(done.objects[0])


def test_the_field_may_be_a_path_and_chat_messages(tmp_path: Path) -> None:
    messages = [
        {"role": "system", "content": "hello world"},
        {"role": "user", "content": [{"type": "text", "text": "hello world"}]},
        {"role": "assistant", "content": None},
    ]
    body = {"body": {"messages": messages}, "a.b": "hello world", "l": [{"t": "hello world"}]}
    expected = {"body.messages": 4, "body.messages.0.content": 2, "a.b": 2, "l.0.t": 2}
    for field, tokens in expected.items():
        (record,) = pipe(tmp_path, jsonl(body), "--field", field).objects
        assert (record["tokens_input"], record["approximate"]) == (tokens, False), field


def test_parts_as_gemini_has_them_are_counted(tmp_path: Path) -> None:
    contents = [{"role": "user", "parts": [{"text": "hello world"}]}]
    (record,) = pipe(tmp_path, jsonl({"contents": contents}), "--field", "contents").objects
    assert (record["tokens_input"], record["approximate"]) == (2, False)


@pytest.mark.parametrize(
    "message",
    [
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:"}}]},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]},
        {"role": "user"},
        {"role": "user", "contents": "a long prompt"},
        {"role": "assistant", "content": None, "reasoning_content": "hm"},
        {"role": "assistant", "content": "", "audio": {"id": "a"}},
    ],
)
def test_what_is_not_counted_makes_a_line_approximate(tmp_path: Path, message: object) -> None:
    (record,) = pipe(tmp_path, jsonl({"messages": [message]}), "--field", "messages").objects
    assert (record["tokens_input"], record["approximate"]) == (0, True)


def test_without_a_known_price_costs_are_null(tmp_path: Path) -> None:
    done = pipe(tmp_path, jsonl(HELLO, HELLO), "--summary", model="gpt-4o-nope")
    record = done.objects[1]
    assert [record[name] for name in ADDED[-4:]] == [True, None, None, None]
    assert done.err.splitlines()[-1].endswith("cost=$0.000000 unpriced=2")


def test_max_cost_does_not_pass_what_has_no_price(tmp_path: Path) -> None:
    done = pipe(tmp_path, jsonl(HELLO), "--max-cost", "1", model="gpt-4o-nope")
    assert (done.code, done.out) == (1, b"")
    assert "no price is known for gpt-4o-nope, so --max-cost can't hold" in done.err
    lines = [{"text": "a", "m": name} for name in ("who-knows", "gpt-4o", "qwen3:8b")]
    done = pipe(tmp_path, jsonl(*lines), "--max-cost", "1", "--model-field", "m", model=None)
    assert [record["m"] for record in done.objects] == ["gpt-4o", "qwen3:8b"]
    assert "line 1: no price is known for who-knows" in done.err


def test_ids_of_the_config_stand_for_their_models(tmp_path: Path) -> None:
    (tmp_path / "agentd").mkdir()
    (tmp_path / "agentd/config.toml").write_text(
        '[codex]\n[[codex.models]]\nid = "fast"\nmodel = "gpt-4o-mini"\n'
        '[pricing]\nsources = ["config", "catalog"]\n'
    )
    (record,) = pipe(tmp_path, jsonl(HELLO), model="fast").objects
    assert (record["model"], record["accuracy"]) == ("openai/gpt-4o-mini", "exact")
    line = jsonl({"text": "a", "m": "fast"})
    (record,) = pipe(tmp_path, line, "--model-field", "m", model=None).objects
    assert record["model"] == "openai/gpt-4o-mini"


def test_the_summary_tells_what_was_not_counted(tmp_path: Path) -> None:
    image = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:"}}]}]
    done = pipe(
        tmp_path, jsonl({"messages": image}), "--field", "messages", "--summary-format", "json"
    )
    assert json.loads(done.err)["approximate"] is True


def test_a_projects_own_prices_count(tmp_path: Path) -> None:
    (tmp_path / "agentd").mkdir()
    (tmp_path / "agentd/config.toml").write_text(
        'project_name = "x"\n[codex]\ncommand = "codex"\n[pricing.models."gpt-4o"]\n'
        "cost_per_1m_input = 7\ncost_per_1m_output = 8\n"
    )
    (record,) = pipe(tmp_path, jsonl({**HELLO, "tokens_output": 1})).objects
    assert (record["cost_input_usd"], record["cost_output_usd"]) == (0.000014, 0.000008)


def test_mode_tokens_leaves_costs_out(tmp_path: Path) -> None:
    done = pipe(tmp_path, jsonl({**HELLO, "cost_usd": 1}), "--mode", "tokens", "--summary")
    assert list(done.objects[0]) == ["text", "cost_usd", *ADDED[:6]]
    assert done.err == "summary: lines=1 (failed=0) tokens=2 (in=2 out=0)\n"


def test_bad_lines_are_reported_counted_and_left_out(tmp_path: Path) -> None:
    bad = {
        2: (b"{'text': 1}", "not JSON"),
        3: (b"[1]", "not a JSON object but an array"),
        5: (b'{"txt": "x"}', 'no field "text"'),
        6: (b'{"text": 7}', 'field "text" is a number'),
        7: (b'{"text": "\xff"}', "not UTF-8"),
        8: (b'{"text": "x", "n": NaN}', "not JSON: NaN"),
        9: (b'{"text": "x"} {}', "more text after the value"),
        10: (b'{"text": "x", "tokens_output": -1}', 'field "tokens_output"'),
        11: (b'{"text": ' + b"[" * 100_000, "nested too deeply"),
        12: (b'{"text": "x"', "not JSON"),
        13: (b',"y": 1}', "not JSON"),
    }
    good = {
        1: b'\xef\xbb\xbf{"text": "a"}',
        4: b"  ",
        14: b'{"text": "b", "n": ' + b"9" * 5000 + b"}",
    }
    lines = {**good, **{number: line for number, (line, _) in bad.items()}}
    done = pipe(tmp_path, b"\n".join(lines[number] for number in sorted(lines)), "--summary")
    assert done.code == 0
    assert [record["text"] for record in done.objects] == ["a", "b"]
    *reports, summary = done.err.splitlines()
    for report, (number, (_, reason)) in zip(reports, bad.items(), strict=True):
        assert report.startswith(f"line {number}: ")
        assert reason in report
    assert summary.startswith("summary: lines=13 (failed=11) tokens=2 ")
    quiet = pipe(tmp_path, b"[1]\n" + good[1], "--quiet")
    assert (quiet.code, quiet.err, len(quiet.objects)) == (0, "", 1)


def test_only_bad_lines_and_no_lines_at_all(tmp_path: Path) -> None:
    bad = pipe(tmp_path, "1\n2\n", "--quiet")
    assert (bad.code, bad.out) == (1, b"")
    assert "none of the 2 lines could be counted" in bad.err
    for nothing in ("", "\n \n"):
        assert pipe(tmp_path, nothing, "--summary").err.startswith("summary: lines=0 (failed=0)")


def test_fail_on_error_writes_what_was_before(tmp_path: Path) -> None:
    data = jsonl(*[HELLO] * 2000) + "{}\n" + jsonl(HELLO)
    done = pipe(tmp_path, data, "--fail-on-error", "--workers", 2, "--summary")
    assert (done.code, len(done.objects)) == (1, 2000)
    summary, error, _fix = done.err.splitlines()
    assert summary.startswith("summary (partial, bad line): lines=2001 (failed=1) tokens=4000 ")
    assert error == 'Error: line 2001: no field "text"'


@pytest.mark.parametrize(("limit", "written"), [(0, 0), (3, 1), (4, 2), (5, 2), (6, 3), (7, 3)])
def test_a_token_quota_is_exact(tmp_path: Path, limit: int, written: int) -> None:
    done = pipe(tmp_path, jsonl(HELLO, 1, HELLO, HELLO), "--max-tokens", limit, "--quiet")
    assert len(done.objects) == written
    assert done.code == (0 if written == 3 else 3)
    expected = "" if written == 3 else f"error: token quota exceeded (max_tokens={limit}).\n"
    assert done.err == expected


def test_a_quota_counts_output_tokens_and_is_summed_up(tmp_path: Path) -> None:
    lines = jsonl({**HELLO, "tokens_output": 8}, {**HELLO, "tokens_output": 1})
    done = pipe(tmp_path, lines, "--max-tokens", 12)
    assert done.code == 3
    assert done.err.splitlines() == [
        "error: token quota exceeded (max_tokens=12).",
        "summary (partial, quota exceeded): lines=1 (failed=0) tokens=10 (in=2 out=8) "
        "cost=$0.000085",
    ]


def test_a_cost_quota_is_exact(tmp_path: Path) -> None:
    done = pipe(tmp_path, jsonl(*[HELLO] * 9), "--max-cost", "0.000020", "--summary-format", "json")
    assert (done.code, len(done.objects)) == (3, 4)
    error, summary = done.err.splitlines()
    assert error == "error: cost quota exceeded (max_cost=0.000020)."
    told = json.loads(summary, parse_float=Decimal)
    assert told["cost_usd"] == Decimal("0.00002")
    assert (told["lines_total"], told["quota_hit"]) == (4, True)
    assert (told["model"], told["accuracy"]) == ("openai/gpt-4o", "exact")


def test_what_comes_after_a_quota_is_not_even_reported(tmp_path: Path) -> None:
    done = pipe(tmp_path, jsonl(HELLO, 1, HELLO, 2), "--max-tokens", 2, "--fail-on-error")
    assert (done.code, len(done.objects)) == (1, 1)
    done = pipe(tmp_path, jsonl(HELLO, HELLO, 2), "--max-tokens", 2, "--fail-on-error")
    assert (done.code, len(done.objects)) == (3, 1)


@pytest.mark.parametrize("option", ["--max-tokens", "--max-cost", "--workers"])
@pytest.mark.parametrize("value", ["abc", "-1", "nan", "inf", "1e400", str(10**30), ""])
def test_values_that_make_no_sense(tmp_path: Path, option: str, value: str) -> None:
    done = pipe(tmp_path, jsonl(HELLO), option, value)
    assert (done.code, done.out) == (2, b"")
    assert option in done.err


def test_more_wrong_usage(tmp_path: Path) -> None:
    assert pipe(tmp_path, "", "--workers", 0).code == 2
    assert pipe(tmp_path, "", "--max-tokens", "2.5").code == 2
    assert pipe(tmp_path, "", "--mode", "tokens", "--max-cost", "1").code == 2


def test_a_model_of_each_line(tmp_path: Path) -> None:
    lines = [{**HELLO, "m": {"id": name}} for name in ("gpt-4o", "gpt-4", "gpt-4o")]
    done = pipe(tmp_path, jsonl(*lines, HELLO), "--model-field", "m.id", model=None)
    assert [record["tokenizer"] for record in done.objects] == [
        *("o200k_base", "cl100k_base", "o200k_base")
    ]
    assert done.err == 'line 4: no field "m.id"\n'
    done = pipe(tmp_path, jsonl(lines[1], HELLO), "--model-field", "m.id")
    assert [record["model"] for record in done.objects] == ["openai/gpt-4", "openai/gpt-4o"]
    assert pipe(tmp_path, jsonl({**HELLO, "m": 1}), "--model-field", "m").code == 1


def test_an_answer_comes_before_the_input_ends(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*COMMAND, "--model", "gpt-4o"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
    ) as process:
        assert process.stdin
        assert process.stdout
        for _ in range(3):
            process.stdin.write(jsonl(HELLO).encode())
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["tokens_input"] == 2
        process.stdin.close()
        assert process.wait(60) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_it_and_its_workers(tmp_path: Path, number: signal.Signals) -> None:
    process, workers = running(tmp_path)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"summary (partial, interrupted): lines=1 " in err
    assert b"Traceback" not in err + out
    until(lambda: not any(map(alive, workers)))  # to be killed takes a moment


def test_a_worker_that_dies_is_an_error_and_no_hang(tmp_path: Path) -> None:
    process, workers = running(tmp_path)
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
    _, err = process.communicate(jsonl(HELLO).encode(), timeout=60)
    assert process.returncode == 70
    assert b"a worker process ended too early" in err


def test_workers_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    process, workers = running(tmp_path)
    process.kill()
    process.communicate(timeout=60)
    until(lambda: not any(map(alive, workers)))


def test_a_closed_stdout_ends_it_quietly(tmp_path: Path) -> None:
    (tmp_path / "in").write_text(jsonl(*[HELLO] * 20_000))
    script = (
        f"{' '.join(COMMAND)} --model gpt-4o --summary < in | head -n 3; echo ${{PIPESTATUS[0]}}"
    )
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    *lines, code = done.stdout.splitlines()
    assert (len(lines), code, done.stderr) == (3, "0", "")


def test_a_full_disk_is_an_error(tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*COMMAND, "--model", "gpt-4o"],
            input=jsonl(HELLO).encode(),
            stdout=full,
            stderr=subprocess.PIPE,
            cwd=tmp_path,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert b"No space left" in done.stderr


def running(folder: Path) -> tuple[subprocess.Popen[bytes], list[int]]:
    """A pipe that has counted one line and waits for more; its workers."""
    process = subprocess.Popen(
        [*COMMAND, "--model", "gpt-4o", "--workers", "2", "--summary"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=folder,
    )
    assert process.stdin
    assert process.stdout
    process.stdin.write(jsonl(HELLO).encode())
    process.stdin.flush()
    process.stdout.readline()
    time.sleep(0.2)  # it has summed up what it wrote
    (first,) = children_of(process.pid)
    (second,) = children_of(first)
    return process, [first, second]


def children_of(pid: int) -> list[int]:
    return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def alive(pid: int) -> bool:
    """Whether it runs; one that ended and was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
