"""Stands in for a codex that a relay can't carry: it sends telemetry.jsonl where it is told to.

Then it waits half a minute, unless a signal ends it, and notes in ``went-on`` that nobody did.
"""

from __future__ import annotations

import json
import re
import sys
import time
import urllib.request
from pathlib import Path

sys.stdin.read()
print(json.dumps({"type": "thread.started", "thread_id": "t-1"}), flush=True)
found = re.search(r'endpoint="([^"]+)"', " ".join(sys.argv))
assert found, sys.argv
for batch in Path("../telemetry.jsonl").read_text().splitlines():
    request = urllib.request.Request(
        found[1], batch.encode(), {"content-type": "application/json"}, method="POST"
    )
    urllib.request.urlopen(request, timeout=20).close()
time.sleep(30)
Path("../went-on").touch()
