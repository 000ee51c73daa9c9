"""All kinds, with the relay and without it, one at a time: ``make bench-truth``.

Verdicts are kept in ``.cache/matrix.json``; stopped, it goes on with the rest. When the sources
change, everything is run again, unless ``--keep`` is given. Exit code 1 when a kind is wrong and
called exact, when one metered at the wire misses a finished answer, or could not be played.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import signal
import sys
import time
from collections import Counter
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

from real import install
from real.isolation import leave_the_network
from real.matrix.kinds import ALSO, KINDS, Kind, NotPlayed, play
from real.matrix.verdict import ORDER, judge

ROOT = Path(__file__).parents[3]
STATE = ROOT / ".cache" / "matrix.json"
WIRES = ("on", "off")
_TRIES = 2  # a busy machine may miss the moment that a kind is about

Verdicts = dict[str, dict[str, str]]


def main() -> None:
    """Run what is left, print the table."""
    parser = argparse.ArgumentParser(prog="python -m real.matrix", description=__doc__)
    parser.add_argument("--only", default="", help="a regular expression of kinds")
    parser.add_argument("--wire", choices=WIRES, help="with the relay, or without it, alone")
    parser.add_argument("--keep", action="store_true", help="trust verdicts of older sources")
    given = parser.parse_args()
    if not install.is_ready():
        sys.exit("the real CLIs are not installed: python -m tests.real.install")
    leave_the_network()
    # A shell's background jobs ignore it, and what they start would, too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    verdicts = _kept(anyhow=given.keep)
    wanted = [
        (kind, wire)
        for wire in WIRES
        for kind in [*KINDS, *ALSO]
        if given.wire in (None, wire) and re.search(given.only, kind.name)
    ]
    todo = [each for each in wanted if _key(*each) not in verdicts]
    for number, (kind, wire) in enumerate(todo, start=1):
        began = time.monotonic()
        verdict = verdicts[_key(kind, wire)] = _verdict(kind, wire)
        _keep(verdicts)
        took_s = time.monotonic() - began
        print(
            f"{number}/{len(todo)}  {took_s:4.1f} s  {verdict['name']:10}  {_key(kind, wire)}  "
            f"{verdict['note']}",
            flush=True,
        )
    found = {_key(*each): verdicts[_key(*each)] for each in wanted}
    print(table(found))
    if bad := _bad(found):
        sys.exit("\n".join(["", *bad]))


def table(verdicts: Mapping[str, Mapping[str, str]]) -> str:
    """How many kinds have which verdict, with the relay and without; those of one CLI apart."""
    names = (*ORDER, "not played")
    lines = ["", "".join([f"{'wire':18}", *(f"{name:>12}" for name in names)])]
    for wire, (what, kinds) in product(WIRES, (("", KINDS), (", one CLI", ALSO))):
        keys = {_key(kind, wire) for kind in kinds} & verdicts.keys()
        of = Counter(verdicts[key]["name"] for key in keys)
        if of:
            lines.append("".join([f"{wire + what:18}", *(f"{of[name]:12}" for name in names)]))
    return "\n".join(lines)


def _bad(verdicts: Mapping[str, Mapping[str, str]]) -> list[str]:
    return [
        f"{verdict['name']}: {key}  {verdict['note']}"
        for key, verdict in verdicts.items()
        if verdict["name"] in ("wrong", "not played")
        or (verdict["name"] == "marked" and key.startswith("on "))
    ]


def _key(kind: Kind, wire: str) -> str:
    return f"{wire} | {kind.name}"


def _verdict(kind: Kind, wire: str) -> dict[str, str]:
    note = ""
    for _ in range(_TRIES):
        try:
            verdict = judge(kind, play(kind, wire=wire, clis=install.BIN))
        except NotPlayed as error:
            note = str(error)
            continue
        return {"name": verdict.name, "note": verdict.note}
    return {"name": "not played", "note": note}


def _sources() -> str:
    digest = hashlib.sha256(json.dumps(install.wanted()).encode())
    for folder in ("agentd", "tests/loopback", "tests/real"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def _kept(*, anyhow: bool) -> Verdicts:
    try:
        kept: dict[str, Any] = json.loads(STATE.read_text())
    except (OSError, ValueError):
        return {}
    verdicts: Verdicts = kept["verdicts"]
    return verdicts if anyhow or kept["sources"] == _sources() else {}


def _keep(verdicts: Verdicts) -> None:
    new = STATE.with_suffix(".new")
    new.write_text(json.dumps({"sources": _sources(), "verdicts": verdicts}, indent=1) + "\n")
    new.replace(STATE)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("stopped; the same command goes on with the rest")
