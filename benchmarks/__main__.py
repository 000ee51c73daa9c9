"""``make bench``: every benchmark, one after the other."""

from __future__ import annotations

import os
import runpy
from pathlib import Path

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # users' agentd is compiled once, not at each start

for script in sorted(Path(__file__).parent.glob("bench_*.py")):
    print(f"\n== {script.stem.removeprefix('bench_')}", flush=True)
    runpy.run_path(str(script), run_name="__main__")
