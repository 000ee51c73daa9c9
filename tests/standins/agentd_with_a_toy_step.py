"""agentd with one more step: a row, and its prompt ``estimate.md`` in the folder PROMPTS."""

from __future__ import annotations

import sys
from pathlib import Path

from agentd.cli import app, main
from agentd.workflow.prompts import templates
from agentd.workflow.steps import STEPS, Step

STEPS["estimate"] = Step(
    name="estimate",
    command="estimate",
    phases=("proposed", "challenged"),
    reads=("proposal.md",),
    writes=("ESTIMATE.md",),
    help="Estimate the work: ESTIMATE.md.",
)
app.COMMANDS["estimate"] = "steps"
templates.PACKAGED = Path(sys.argv.pop(1))
main()
