"""The rendered prompts that stand in fixtures/prompts; writes them anew:

python tests/generate/update_golden.py
"""

from __future__ import annotations

from pathlib import Path

from agentd.workflow.prompts.prompt import fill_in
from agentd.workflow.prompts.templates import Templates, prompt_fields

GOLDEN = Path(__file__).parents[2] / "fixtures" / "prompts"
LAYERS = GOLDEN / "layers"

VALUES = {
    "change_id": "add-x",
    "change": "agentd/changes/add-x",
    "agentd": "agentd",
    "changelog": "agentd/specs/CHANGELOG.md",
    "today": "2026-11-22",
    "description": "Add x\n> to y",
    "spec": "agentd/changes/add-x/specs/login.md",
    "target": "agentd/changes/add-x/merged/login.md",
    "conflict": "ours:\n### Requirement: A\nIt SHALL b.\n\nnow:\n### Requirement: A\nIt SHALL c.",
    "path": "src",
    "part": "2 of 3 (`src/api`)",
    "files": "- `src/api/big.py` lines 1-900\n- `src/api/small.py`",
    "checks": "$ pytest\n2 passed",
}
RULES = ("Cite RFCs by number.", "Keep it short:\nat most 80 lines.")


def golden() -> dict[str, str]:
    """The prompt of each golden file, by its path in fixtures/prompts."""
    plain = Templates()
    layered = Templates((LAYERS / "user", LAYERS / "project"))
    notes = (LAYERS / "project.md").read_text()
    prompts = {f"{step}.md": fill_in(plain, step, VALUES) for step in prompt_fields()}
    for step in ("proposal", "review"):
        prompts[f"layered/{step}.md"] = fill_in(
            layered, step, VALUES, rules=RULES, project_notes=notes
        )
    return prompts


def update() -> None:
    """Write all golden files."""
    for name, prompt in golden().items():
        (GOLDEN / name).write_text(prompt)


if __name__ == "__main__":
    update()
