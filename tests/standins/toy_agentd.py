"""A stand-in for agentd itself, to be signalled and killed by tests.

``toy_agentd.py RUNS_DIR SCENE [ARGUMENT...]`` runs one scene of toy_cli.py and prints the result
as JSON, with the peak growth of its resident memory and whether its handlers came back.
"""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from standins.running import START
from standins.toy import TOY

from agentd.runner.run import RunRequest, ScriptRunner

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def resident_mib(field: str) -> float:
    """VmRSS or VmHWM of this process; 0 where there is no /proc."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(field)), 0.0)


def main(runs_dir: str, scene: str, *arguments: str) -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    resident = resident_mib("VmRSS")
    result = ScriptRunner(stop_grace_s=30, term_grace_s=30, adopts=True).run(
        RunRequest(
            call_id="call",
            step="proposal",
            provider=TOY,
            command=sys.executable,
            prompt="do it",
            cwd=Path.cwd(),
            runs_dir=Path(runs_dir),
            extra_args=(*START, scene, *arguments),
        )
    )
    print(
        json.dumps(
            {
                "status": result.status,
                "exit_code": result.exit_code,
                "input_tokens": result.usage.input_tokens,
                "final_text": result.final_text,
                "restored": [signal.getsignal(number) for number in SIGNALS] == before,
                "growth_mib": resident_mib("VmHWM") - resident,
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
