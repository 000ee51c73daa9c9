"""The prompt of a step: its templates within the frame that all steps share, values filled in."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from agentd.clock import utc_now
from agentd.documents.owed import owes_specs
from agentd.guard.rules import all_rules
from agentd.project.change import Change
from agentd.text import fenced
from agentd.workflow.prompts.carried import (
    TOKENIZER,
    Summarise,
    answer_rules,
    files_section,
)
from agentd.workflow.prompts.project_notes import read_notes, shorten_notes
from agentd.workflow.prompts.templates import Templates
from agentd.workflow.step_run import StepRun

_NO_CHECKS = "None: agentd knows no checks of this project, or ran none."


def render(run: StepRun, room: int | None = None, summarise: Summarise | None = None) -> str:
    """The text that the provider gets. Raises InputError for a template that can't be used.

    ``room`` is how many tokens it may have where the provider has no tools: then it carries the
    files that its step reads, and says how to answer with those it writes; ``summarise`` tells what
    is in a difference that is too long.
    """
    project = run.change.project
    given = {
        "change_id": run.change.id,
        "change": project.shown(run.change.folder),
        "agentd": project.shown(project.agentd_dir),
        "specs": project.shown(project.specs_dir),
        "spec_file": project.spec_file,
        "changelog": project.shown(project.specs_dir / "CHANGELOG.md"),
        "today": utc_now().strftime("%Y-%m-%d"),
        "limits": _lines(all_rules(run.change.workspace.config.guard.commits)),
        "about": _about(run.change),
        **run.values,
    }
    chosen = run.change.workspace.config.steps.get(run.step.name)
    templates = Templates(layers_of(project.agentd_dir, os.environ))
    rules = chosen.rules if chosen else ()
    notes = read_notes(project.agentd_dir)

    def filled(frame: Mapping[str, str] | None = None) -> str:
        return fill_in(
            templates, run.prompt_name, given, rules=rules, project_notes=notes, answer=frame
        )

    if room is None:
        return filled()
    from agentd.metering.tokens.estimates import estimate

    answer = answer_rules(run)
    used = estimate(filled({"carried": "", "answer": answer}), TOKENIZER)
    return filled({"carried": files_section(run, max(0, room - used), summarise), "answer": answer})


def fill_in(
    templates: Templates,
    step: str,
    values: Mapping[str, str],
    *,
    rules: Sequence[str] = (),
    project_notes: str = "",
    answer: Mapping[str, str] | None = None,
) -> str:
    """The whole prompt of a step (a name of ``templates.prompt_fields``).

    ``values`` fills the placeholders, and what stands in a value is never filled again:
    ``change_id``, ``change``, ``agentd``, ``changelog``, ``today``, and those of the step; a
    missing one is a KeyError. ``merged``, ``specs``, ``spec_file``, ``part`` and ``limits`` have
    defaults; ``checks``, ``conflict`` and ``files`` may be empty. ``about`` is a section on the
    change's documents, ``doubt`` why a judge is asked again, ``feedback`` what a person says.
    ``project_notes`` is the text of project.md, ``rules`` those of the config for this step.
    ``answer``: for a provider without tools, with the files it gets and the rules of its answer.
    """
    given = {**_ready(values), "step": step}
    parts = templates.parts(step)
    known = dict(given)
    for name in {field for part in parts for field in part.fields()}:
        if name.startswith("skeleton_"):
            [skeleton] = templates.parts(name.replace("_", "-", 1))
            known[name] = fenced(skeleton.fill(given), "markdown")
    frame = {
        **given,
        **(answer or {}),
        "body": "\n\n".join(
            filter(
                None,
                (
                    *(part.fill(known) for part in parts),
                    values.get("about", ""),
                    _doubt(values),
                    _feedback(values),
                    _rules(rules),
                ),
            )
        ),
        "project": _project(project_notes, given["agentd"]),
    }
    [around] = templates.parts("_frame" if answer is None else "_frame-answer")
    return around.fill(frame) + "\n"


def layers_of(agentd_dir: Path, environ: Mapping[str, str]) -> tuple[Path, ...]:
    """The folders of templates, the stronger one last: the user's, then the project's."""
    config_home = environ.get("XDG_CONFIG_HOME", "")
    if not Path(config_home).is_absolute():  # to be ignored, says the XDG base directory spec
        config_home = f"{environ['HOME']}/.config" if environ.get("HOME") else ""
    user = (Path(config_home, "agentd", "templates"),) if config_home else ()
    return (*user, agentd_dir / "templates")


def _ready(values: Mapping[str, str]) -> dict[str, str]:
    """The values with their defaults; output and texts of others in fences."""
    ready = {
        "merged": f"{values['change']}/merged",
        "specs": f"{values['agentd']}/specs",
        "spec_file": "<capability>.md",
        "part": "1 of 1",
        "limits": _lines(all_rules("undo")),
        **values,
    }
    checks = values.get("checks", "").strip()
    ready["checks"] = fenced(checks) if checks else _NO_CHECKS
    ready["conflict"] = fenced(values.get("conflict", "").strip("\n"))
    ready["files"] = values.get("files", "") or "- all code there"
    return ready


def _about(change: Change) -> str:
    """What is unusual about the documents of a change."""
    lines = []
    if not change.documents("specs") and not owes_specs(change):
        lines.append("It touches no spec: there are no deltas to read, to cover or to merge.")
    if change.documents("design.md"):
        design = change.project.shown(change.folder / "design.md")
        lines.append(f"`{design}` holds its design: read it too, and leave it as it is.")
    return f"## This change\n\n{_lines(lines)}" if lines else ""


def _doubt(values: Mapping[str, str]) -> str:
    if not (doubt := values.get("doubt")):
        return ""
    told = (
        f"Of the document that you wrote last: {doubt}. Judge anew, and write it so that it can be."
    )
    return f"## Your last answer could not be taken\n\n{told}"


def _feedback(values: Mapping[str, str]) -> str:
    if not (feedback := values.get("feedback")):
        return ""
    told = "A person has looked at the work, and says this. Do it, also where the judge approved:"
    return f"## Feedback of a person\n\n{told}\n\n{fenced(feedback)}"


def _rules(rules: Sequence[str]) -> str:
    lines = ["- " + "\n  ".join(rule.split("\n")) for rule in map(str.strip, rules) if rule]
    return "\n".join(["## Rules of this project for this step", "", *lines]) if lines else ""


def _lines(sentences: Sequence[str]) -> str:
    return "\n".join(f"- {sentence}" for sentence in sentences)


def _project(notes: str, agentd: str) -> str:
    text = shorten_notes(notes, path=f"{agentd}/project.md")
    if not text:
        return ""
    head = f"## The project\n\nFollow its conventions. From `{agentd}/project.md`:"
    return f"\n{head}\n\n{fenced(text, 'markdown')}\n"
