"""The long proofs, whole, and resumable: ``python -m tests.reliability [--slice N]``.

Every test marked ``reliability`` runs once for each slice (tests/support/slices.py), as many at a
time as there are cores. What passed is kept in ``.cache/reliability.json``; after a stop or a
failure the next start goes on with the rest. When the sources change, everything is to be proven
again. ``--slice N`` runs that slice alone in one pytest and keeps nothing, for CI; of the fuzzing a
minute.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import product
from pathlib import Path

from tests.support.slices import SLICES

ROOT = Path(__file__).parents[1]
STATE = ROOT / ".cache" / "reliability.json"
TIME_LIMIT_S = 4 * 3600  # of 200,000 inputs, on a busy machine
LAST = "tests/test_fuzz.py"  # it takes longest


def sources() -> str:
    """A fingerprint of what the proofs are about."""
    digest = hashlib.sha256()
    for folder in ("agentd", "tests"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


PYTEST = (
    *(sys.executable, "-m", "pytest"),
    *("-o", "addopts=--import-mode=importlib", "-q", "-m", "reliability"),
)


def environ(number: int, kind: str) -> dict[str, str]:
    return {**os.environ, "AGENTD_TEST_SLICE": str(number), "AGENTD_TEST_KIND": kind}


def pytest(*arguments: str, number: int = 0) -> subprocess.CompletedProcess[str]:
    command = [*PYTEST, *arguments]
    try:
        return subprocess.run(
            command,
            cwd=ROOT,
            env=environ(number, "whole"),
            capture_output=True,
            text=True,
            timeout=TIME_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        return subprocess.CompletedProcess(command, 1, "", f"{error}\n")


def proofs() -> list[str]:
    """The ids of the tests. Raises SystemExit when there are none."""
    listed = pytest("--collect-only")
    found = [line for line in listed.stdout.splitlines() if "::" in line]
    if listed.returncode != 0 or not found:
        sys.exit(f"no proofs were found:\n{listed.stdout}{listed.stderr}")
    return found


def passed_before(path: Path, fingerprint: str) -> set[str]:
    """The slices that passed with the same sources."""
    try:
        kept = json.loads(path.read_text())
        return set(kept["slices"]) if kept["sources"] == fingerprint else set()
    except (OSError, ValueError, KeyError):
        return set()


def keep(path: Path, fingerprint: str, slices: set[str]) -> None:
    path.parent.mkdir(exist_ok=True)
    new = path.with_suffix(".new")
    new.write_text(json.dumps({"sources": fingerprint, "slices": sorted(slices)}, indent=1) + "\n")
    new.replace(path)


def run(todo: Iterable[tuple[str, int]], done: set[str], whole: int, path: Path) -> int:
    """Run these slices; how many failed. ``done`` grows, and is written to ``path``."""
    fingerprint, failures = sources(), 0

    def prove(proof: str, number: int) -> tuple[str, subprocess.CompletedProcess[str], float]:
        began = time.monotonic()
        return name(proof, number), pytest(proof, number=number), time.monotonic() - began

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        running = [pool.submit(prove, *each) for each in todo]
        try:
            for ended in as_completed(running):
                which, result, took_s = ended.result()
                if result.returncode == 0:
                    done.add(which)
                    keep(path, fingerprint, done)
                    print(f"{len(done)} of {whole}  {took_s:.0f} s  {which}", flush=True)
                else:
                    failures += 1
                    print(f"FAILED  {which}\n{result.stdout}{result.stderr}", flush=True)
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True, wait=False)
            raise
    return failures


def name(proof: str, number: int) -> str:
    return f"{proof}  slice {number + 1} of {SLICES}"


def run_slice(number: int) -> int:
    """Run one slice of every proof, on all cores; pytest's exit code."""
    cores = ("-n", str(os.cpu_count()), "--dist", "worksteal")
    done = subprocess.run([*PYTEST, *cores], cwd=ROOT, env=environ(number, "ci"), check=False)
    return done.returncode


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.reliability", description=__doc__)
    parser.add_argument("--slice", type=int, choices=range(1, SLICES + 1))
    chosen = parser.parse_args().slice
    if chosen is not None:
        sys.exit(run_slice(chosen - 1))
    wanted = [*product(proofs(), range(SLICES))]
    wanted.sort(key=lambda each: (each[0].startswith(LAST), each[1]))
    done = passed_before(STATE, sources()) & {name(*each) for each in wanted}
    if done:
        print(f"{len(done)} of {len(wanted)} slices passed before ({STATE.relative_to(ROOT)})")
    todo = [each for each in wanted if name(*each) not in done]
    try:
        failed = run(todo, done, len(wanted), STATE)
    except KeyboardInterrupt:
        sys.exit("stopped; the same command goes on with the rest")
    if failed:
        sys.exit(f"{failed} of {len(todo)} failed")
    print(f"all {len(wanted)} slices have passed")


if __name__ == "__main__":
    main()
