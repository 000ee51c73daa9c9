"""What must hold after a fault at any change of a command, once the next command has run."""

from __future__ import annotations

import os
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from support.faults import KINDS, Ended, Fault, Kind, agentd, every, in_child
from support.slices import KIND, SLICE, SLICES
from support.warm_start import load_all
from support.workspace import Sandbox

_CALL_ID = re.compile(r"\d{8}T\d{6}-([a-z-]+)-[0-9a-f]{8}")
_OF_PATH = re.compile(r"\b[0-9a-f]{32}\b")


Work = Sequence[str] | Callable[[], int]


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A command to be struck, in projects that are copies of one that ``make`` puts into a folder.

    It is agentd's arguments, or what a child does in the project. ``ready`` is what a copy needs
    besides, such as files that name its path.

    ``again`` is the next command (the same unless given), ``after`` the one where the struck
    command ended well, or had printed what ``says_done`` finds: who asks again for what was done
    wants it anew. What is ``paid`` for is how often which step's CLI runs in all. ``holds`` is
    asked at the end of each case. The next command ends well, or ``may_say`` why not; there are the
    files of a good end, but for what it ``may_lack``, and what it ``may_leave`` besides.
    """

    command: Work
    make: Callable[[Path], Sandbox]
    ready: Callable[[Sandbox], object] = lambda _: None
    again: Work = ()
    after: Work = ("status",)
    says_done: str = "(?!)"
    paid: Counter[str]
    holds: Callable[[Sandbox], None] = lambda _: None
    may_say: str = "^$"
    may_leave: str = "^$"
    may_lack: str = "^$"
    may_be_cut: bool = False


@dataclass(frozen=True)
class Case:
    """A project of its own, for one fault."""

    scene: Scene
    box: Sandbox
    fault: Fault

    def strike(self) -> Ended:
        return self._run(self.scene.command, self.fault)

    def again(self) -> Ended:
        return self._run(self.scene.again or self.scene.command, Fault())

    def _run(self, work: Work, fault: Fault) -> Ended:
        home, root = self.box.root.parent, self.box.root
        if callable(work):
            return in_child(work, below=home, project=root, fault=fault)
        return agentd(*work, below=home, project=root, fault=fault)

    def after(self) -> Ended:
        return self._run(self.scene.after, Fault())


# `make test` and CI take some of the many faults of a slice: a command takes a second.
THINNED = (3 if KIND == "ci" else 1) if "AGENTD_TEST_SLICE" in os.environ else 12


def prove(
    scene: Scene, folder: Path, kinds: Sequence[Kind] = KINDS, step: int = SLICES * THINNED
) -> int:
    """Strike at changes of the command, each ``step``-th fault of all; how many cases there were.

    Raises AssertionError that tells all cases that went wrong.
    """
    load_all()
    whole = scene.make(folder / "whole")
    unharmed = Case(scene, copied(whole, folder / "unharmed"), Fault())
    scene.ready(unharmed.box)
    ended = unharmed.strike()
    assert ended.code == 0, ended.err
    good = files_of(unharmed.box)
    scene.holds(unharmed.box)
    cases = every(ended.changes, kinds)[SLICE % step :: step]
    wrong: list[str] = []
    for fault in cases:
        case = Case(scene, copied(whole, folder / "case"), fault)
        scene.ready(case.box)
        wrong += [f"{fault.kind} at {fault.at}: {what}" for what in complaints(case, good)]
    assert not wrong, "\n".join([f"{len(wrong)} of {len(cases)}", *wrong])
    return len(cases)


def prove_cuts(scene: Scene, folder: Path, step: int = SLICES * THINNED) -> int:
    """The same for a power cut before each ``step``-th change; a CLI at work ends with it.

    A step whose call was not entered yet may then be paid for once more, and its run stays. What
    agents write beside documents may be gone, and the list of this machine's projects.
    """
    cut = replace(
        scene,
        may_leave=scene.may_leave + "|/runs/<[a-z-]+>" * bool(scene.paid),
        may_lack=rf"{scene.may_lack}|^project/login\.py$",
        may_be_cut=True,
    )
    return prove(cut, folder, ("cut",), step)


def complaints(case: Case, good: Counter[str]) -> Iterator[str]:
    """What is wrong after a fault and the next command, ``good`` being the files of a good end."""
    struck = case.strike()
    at = struck.changes[case.fault.at - 1] if struck.struck(case.fault) else "never came"
    is_done = struck.code == 0 or re.search(case.scene.says_done, struck.out)
    next_one = case.after() if is_done else case.again()
    for which, ended in (("struck", struck), ("again", next_one)):
        if "Traceback" in ended.err or ended.code in (70, 99):
            yield f"[{at}] {which}: exit {ended.code}: {ended.err[-1500:]}"
    if next_one.code != 0 and not re.search(case.scene.may_say, next_one.err):
        yield f"[{at}] the next command: exit {next_one.code}: {next_one.err}"
    scene, now = case.scene, began(case.box)
    again = now - scene.paid
    may_repeat = scene.may_be_cut and not is_done and set(again.values()) <= {1}
    paid = now if may_repeat else scene.paid
    yield from (
        f"[{at}] {what}" for what in money_wrong(case.box, paid, may_be_cut=scene.may_be_cut)
    )
    yield from (f"[{at}] {what}" for what in left_behind(case, good))
    try:
        case.scene.holds(case.box)
    except AssertionError as error:
        yield f"[{at}] {error}"


def copied(box: Sandbox, folder: Path) -> Sandbox:
    """The project and what its stand-ins need, in a folder that is made anew."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(box.root.parent, folder, symlinks=True)
    return Sandbox(folder / box.root.name, box.plan)


def money_wrong(box: Sandbox, paid: Counter[str], *, may_be_cut: bool = False) -> Iterator[str]:
    """Calls that are lost, there twice, or were paid for again."""
    ran = began(box)
    entered: Counter[str] = Counter()
    ids: Counter[str] = Counter()
    for state in box.root.glob("agentd/*/*/STATE.yaml"):
        try:
            document = yaml.safe_load(state.read_text())
        except yaml.YAMLError as error:
            yield f"{state}: {error}"
            continue
        for call in document["telemetry"]["calls"]:
            change = re.sub(r"^\d{8}-", "", state.parent.name)
            entered[f"{change} {call['step']}"] += 1
            ids[call["id"]] += 1
    if twice := [name for name, times in ids.items() if times > 1]:
        yield f"entered twice: {twice}"
    # A CLI whose power was cut may not have said that it began.
    lost = ran - entered if may_be_cut else entered != ran
    if lost and ran:
        yield f"runs of the CLIs {dict(ran)}, calls in the ledger {dict(entered)}"
    if ran != paid and paid:
        yield f"paid for {dict(ran)} instead of {dict(paid)}"


def began(box: Sandbox) -> Counter[str]:
    """How often which step's CLI was started."""
    return Counter(_lines(box.root.parent / "began.log"))


def files_of(box: Sandbox) -> Counter[str]:
    """The files and folders of the project, and of agentd's state and cache.

    The ids of runs stand for their steps, and what the project's path makes of names for that.
    """
    found: Counter[str] = Counter()
    home = box.root.parent
    for top in (box.root, home / ".local/state/agentd", home / ".cache/agentd"):
        for folder, names, files in os.walk(top):
            for name in (*names, *files):
                path = os.path.relpath(os.path.join(folder, name), home)  # noqa: PTH118
                if "__pycache__" not in path:
                    found[_OF_PATH.sub("<path>", _CALL_ID.sub(r"<\1>", path))] += 1
    return found


def left_behind(case: Case, good: Counter[str]) -> Iterator[str]:
    """What is not there after a good end, or is there besides."""
    now = files_of(case.box)
    cache = r"^\.cache/"  # what is kept there only saves time
    may_leave = f"{case.scene.may_leave}|{cache}"
    may_lack = rf"{case.scene.may_lack}|{cache}|^\.local/state/agentd/projects$"  # only helps
    if more := [name for name in now - good if not re.search(may_leave, name)]:
        yield f"left behind: {sorted(more)}"
    if less := [name for name in good - now if not re.search(may_lack, name)]:
        yield f"missing: {sorted(less)}"


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []
