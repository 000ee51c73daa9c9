"""What of agentd's environment reaches an agent: all, or what its ``env`` names."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from loopback.scenario import Step
from loopback.server import LoopbackApi
from support.workflow_box import STREAM, box_with, put_change
from support.workspace import Sandbox

from agentd.config.edit import set_values
from agentd.metering.usage import ModelUsage

ASKING_CLI = Path(__file__).parents[1] / "standins" / "asking_cli.py"
CHALLENGE = "## Verdict\n- [x] APPROVED\n"
OF_THE_SHELL = {"PWD", "OLDPWD", "SHLVL", "_", "LC_CTYPE"}
GIVEN = {"MY_SECRET": "1", "LC_TIME": "C", "LC_ALL": "C", "AGENTD_RUN": "outer"}


@pytest.fixture
def box(tmp_path: Path) -> Sandbox:
    box = box_with(tmp_path)
    put_change(box, "add-x", "proposed")
    files = {"change/CHALLENGE.md": CHALLENGE}
    box.answer("challenge", STREAM, files, shell="env -0 > ../env.txt")
    return box


def allow(box: Sandbox, *names: str) -> None:
    set_values(box.root / "agentd/config.toml", [("gemini.env", json.dumps(names))])


def environ(box: Sandbox) -> dict[str, str]:
    pairs = (box.root.parent / "env.txt").read_text().rstrip("\0").split("\0")
    found = dict(pair.split("=", 1) for pair in pairs)
    return {name: value for name, value in found.items() if name not in OF_THE_SHELL}


def test_all_of_it_without_a_list(box: Sandbox) -> None:
    done = box.run("challenge", "add-x", **GIVEN)
    assert done.returncode == 0, done.stderr
    wanted = {**os.environ, **GIVEN}.keys() - OF_THE_SHELL
    assert environ(box).keys() >= wanted
    assert environ(box)["MY_SECRET"] == "1"


def test_what_the_list_names_and_what_agentd_sets(box: Sandbox) -> None:
    allow(box, "PATH", "HOME", "LC_*", "NOT_SET")
    done = box.run("challenge", "add-x", **GIVEN)
    assert done.returncode == 0, done.stderr
    found = environ(box)
    assert found.pop("AGENTD_RUN").startswith("outer:")  # the agentd around it finds its own
    assert found.pop("GEMINI_CLI_NO_RELAUNCH") == "true"  # what that CLI is always started with
    assert found == {
        "PATH": os.environ["PATH"],
        "HOME": str(box.root.parent),
        "LC_TIME": "C",
        "LC_ALL": "C",
    }


def test_doctor_lists_them(box: Sandbox) -> None:
    allow(box, "PATH", "LC_TIME")
    told = box.run("doctor", **GIVEN).stdout
    assert "warn  env of gemini: 2 of " in told
    assert "variables reach it: LC_TIME, PATH; it may not work without HOME" in told
    allow(box, "PATH", "HOME")
    assert "ok    env of gemini: 2 of " in box.run("doctor", **GIVEN).stdout


@pytest.mark.parametrize("name", ["", "A-B", "*", "A*B", "1A", "A B"])
def test_a_name_that_no_variable_has(box: Sandbox, name: str) -> None:
    path = box.root / "agentd/config.toml"
    path.write_text(path.read_text() + f'env = ["PATH", "{name}"]\n')
    done = box.run("challenge", "add-x")
    assert done.returncode == 1
    assert "expected names of variables, such as" in done.stderr


@pytest.mark.parametrize("key", [True, False])
def test_the_login_is_that_of_what_reaches_it(tmp_path: Path, key: bool) -> None:
    """Without its key and its URL the run is not pointed at the relay: it would have no login."""
    box = box_with(tmp_path)
    put_change(box, "add-x", "proposed")
    script = box.root.parent / "gemini"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{ASKING_CLI}" "$@"\n')
    files = {"agentd/changes/add-x/CHALLENGE.md": CHALLENGE}
    (tmp_path / "asking.json").write_text(json.dumps({"requests": 1, "files": files}))
    allow(box, "PATH", "HOME", *(["GEMINI_API_KEY", "GOOGLE_GEMINI_*"] if key else []))
    usage = ModelUsage(input_tokens=900, output_tokens=40)
    with LoopbackApi([Step(text="hello", usage=usage, stays=True)]) as api:
        login = {"GEMINI_API_KEY": "not-a-key", "GOOGLE_GEMINI_BASE_URL": api.url}
        done = box.run("challenge", "add-x", "--model", "gemini-2.5-pro", **login)
        metered = len(api.requests)
    assert (done.returncode, metered) == ((0, 1) if key else (4, 0)), done.stderr
    (call,) = box.telemetry("add-x")["calls"]
    assert ("wire" in call["usage_source"]) == key


def test_what_it_gets_besides_or_with_another_value(box: Sandbox) -> None:
    config = box.root / "agentd/config.toml"
    set_values(config, [("gemini.set_env.MY_FOLDER", '"~/own"'), ("gemini.set_env.LC_ALL", '"x"')])
    allow(box, "PATH", "HOME", "LC_ALL")
    done = box.run("challenge", "add-x", **GIVEN)
    assert done.returncode == 0, done.stderr
    found = environ(box)
    assert (found["MY_FOLDER"], found["LC_ALL"]) == (f"{found['HOME']}/own", "x")
    assert "MY_SECRET" not in found
