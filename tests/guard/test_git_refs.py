"""What the names in a repository stand for, as git itself tells it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from agentd.guard.git_place import GitPlace
from agentd.guard.git_refs import GitRefs

COMMIT = "git -c user.name=a -c user.email=a@b commit -q --allow-empty -m one"


@pytest.mark.parametrize(
    "setup",
    {
        "no commit yet": "true",
        "a branch": COMMIT,
        "detached": f"{COMMIT}; git checkout -q --detach",
        "a branch of another name": f"{COMMIT}; git checkout -q -b feat/ü",
        "no commit on it": f"{COMMIT}; git checkout -q --orphan new",
        "a ref that is no branch": f"{COMMIT}; git update-ref refs/x/y HEAD; "
        "git symbolic-ref HEAD refs/x/y",
        "HEAD as a link": f"{COMMIT}; ln -sf refs/heads/main .git/HEAD",
        "a HEAD with more in it": f"{COMMIT}; printf 'ref:  refs/heads/main \\n' > .git/HEAD",
    }.items(),
    ids=lambda item: item[0],
)
def test_head_is_what_git_says(tmp_path: Path, setup: tuple[str, str]) -> None:
    subprocess.run(f"git init -q -b main; {setup[1]}", shell=True, cwd=tmp_path, check=True)
    asked = ["git", "symbolic-ref", "-q", "HEAD"]
    named = subprocess.run(asked, cwd=tmp_path, capture_output=True, text=True, check=False).stdout
    asked = ["git", "rev-parse", "-q", "--verify", "HEAD^{commit}"]
    head = subprocess.run(asked, cwd=tmp_path, capture_output=True, text=True, check=False).stdout
    refs = GitRefs.read(GitPlace.around(tmp_path))
    assert (refs.branch, refs.head) == (named.strip(), head.strip())
