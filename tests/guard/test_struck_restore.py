"""Putting back struck at each change that it makes on disk: the next command finishes it."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections import Counter
from pathlib import Path

import pytest
from support.fault_proof import THINNED
from support.faults import Ended, Fault, every, in_child
from support.guards import ASIDE, git, put, repository, shell, told, tree, watching
from support.slices import KIND, SLICE, SLICES

from agentd.guard import Guard
from agentd.project.layout import Project
from agentd.state_folder import LEFT_BY_STEPS

NONE = Fault()
# What an agent did: each kind of what a guard puts back.
DEEDS = """
rm -rf agentd/changes/other
echo evil > agentd/specs/login.md
echo new > agentd/specs/new.md
rm agentd/config.toml; ln -s /etc/passwd agentd/config.toml
rm agentd/project.md; mkdir agentd/project.md; echo evil > agentd/project.md/evil
mv agentd/templates stolen; ln -s ../stolen agentd/templates
git config core.hooksPath evil
printf '#!/bin/sh\\n' > .git/hooks/post-checkout; chmod +x .git/hooks/post-checkout
git tag evil
rm .env
git checkout -q src/a.py
echo evil > src/b.py
"""


class Scene:
    """A project whose agent has done all that, and killed its agentd."""

    def __init__(self, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        self.folder = folder
        os.environ["XDG_STATE_HOME"] = str(folder / "state")
        self.project = repository(folder / "project")
        put(self.project.root / ".git/info/exclude", ".env\n")
        put(self.project.root / ".env", "SECRET\n")
        put(self.project.root / "src/a.py", "a person's\n")
        put(self.project.root / "src/b.py", "a person's too\n")
        self.before = self.now()
        guard = watching(self.project, code=True)
        shell(self.project.root, DEEDS)
        guard.let_go()
        deadline = time.monotonic() + 20
        while not guard.end_mark.exists():
            assert time.monotonic() < deadline
            time.sleep(0.002)

    def now(self) -> dict[str, object]:
        root = self.project.root
        return {
            **tree(self.project.agentd_dir),
            "config": [p.read_bytes() for p in root.glob(".git/config")],
            "hooks": sorted(p.name for p in (root / ".git/hooks").glob("*[!e]")),
            "tags": git(root, "tag") if (root / ".git").exists() else "",
            "env": (root / ".env").exists() and (root / ".env").read_text(),
            "a.py": (root / "src/a.py").read_text(),
        }

    def restore(self, fault: Fault = NONE) -> Ended:
        return in_child(lambda: restore(self.project), below=self.folder, fault=fault)


def restore(project: Project) -> int:
    """What the next command does; 1 when it leaves some of it to another one."""
    code = 0
    for guard in Guard.left(project.root):
        with guard:
            found = guard.after()
            guard.restore(found)
            code |= guard.is_to_be_finished
            print(json.dumps([str(each.path) for each in found.forbidden]), told(found))
    return code


KEPT = {"evil\n": 3, "new\n": 1, "#!/bin/sh\n": 1}
"""What stood where something was put back, and how often; the edit of b.py stays in its place."""


def complaints(scene: Scene) -> list[str]:
    now, wrong = scene.now(), []
    if now != scene.before:
        differs = now.keys() ^ scene.before.keys() | {
            name for name in now if now[name] != scene.before.get(name)
        }
        wrong.append(f"not as before: {sorted(differs)}")
    root = scene.project.root
    if (root / "src/b.py").read_text() != "evil\n":
        wrong.append("new content was written over")
    run = root / "agentd/changes/add-x" / ASIDE
    texts = Counter(p.read_text() for p in run.rglob("*") if p.is_file() and not p.is_symlink())
    if any(texts[text] < times for text, times in KEPT.items() if text != "evil\n"):
        wrong.append(f"not kept aside: {texts}")
    if texts["evil\n"] < 2:
        wrong.append(f"not kept aside: {texts}")
    kept = [path.read_text() for path in (run.parent / "before").rglob("b.py*")]
    if "a person's too\n" not in kept:
        wrong.append(f"no copy of what was edited: {kept}")
    if left := [p for p in scene.folder.rglob("*") if p.name.endswith((".tmp", ".in-the-way"))]:
        wrong.append(f"left: {left}")
    state = (scene.folder / "state").rglob("*/*.*")
    if left := [path for path in state if path.name != LEFT_BY_STEPS]:
        wrong.append(f"left in the state folder: {left}")
    return wrong


@pytest.mark.reliability
def test_putting_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "")  # put back in the end
    scene = Scene(tmp_path / "unharmed")
    ended = scene.restore()
    assert (ended.code, complaints(scene)) == (0, []), (ended, complaints(scene))
    wrong = []
    step = 1 if KIND == "ci" else SLICES * THINNED
    cases = every(ended.changes)[SLICE % step :: step]
    for fault in cases:
        scene = Scene(tmp_path / "case")
        struck = scene.restore(fault)
        at = struck.changes[fault.at - 1] if struck.struck(fault) else "never came"
        again = scene.restore()
        found = complaints(scene)
        if again.code or "Traceback" in again.err:
            found.append(f"the next one: {again}")
        wrong += [f"{fault.kind} at {at}: {what}" for what in found]
    assert not wrong, "\n".join([f"{len(wrong)} of {len(cases)}", *wrong])
    assert len(cases) > 3
