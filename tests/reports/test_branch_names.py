"""What merges' messages say of branches."""

from __future__ import annotations

import pytest

from agentd.reports.branch_names import Commit, name_branches


@pytest.mark.parametrize(
    ("subject", "name"),
    [
        ("Merge branch 'fix/a'", "fix/a"),
        ("Merge branch 'a' into 'main'", "a"),
        ("Merge branch 'a' into main", "a"),
        ("Merge remote-tracking branch 'origin/fix/a'", "fix/a"),
        ("Merge branch 'a' of github.com:o/r", "a"),
        ("Merge pull request #12 from someone/fix/a", "fix/a"),
        ("Merged in fix/a (pull request #12)", "fix/a"),
        ("Merge pull request #12 in PROJ/repo from fix/a to main", "fix/a"),
        ("Merge commit '0123abc'", "unknown"),
        ("Merge tag 'v1'", "unknown"),
        ("anything else", "unknown"),
    ],
)
def test_a_merge_tells_what_it_brought(subject: str, name: str) -> None:
    history = {
        "m": Commit(("a", "x"), ("main",), subject),
        "x": Commit(("a",), (), "work"),
        "a": Commit((), (), "start"),
    }
    named = name_branches(history, "m", "main", "main")
    assert named == {"m": "main", "a": "main", "x": name}


def test_of_several_merges_that_brought_a_commit_the_oldest_names_it() -> None:
    history = {
        "m2": Commit(("m1", "y"), ("main",), "Merge branch 'y'"),
        "m1": Commit(("a", "x"), (), "Merge branch 'x'"),
        "y": Commit(("x",), (), "on top of x"),
        "x": Commit(("a",), (), "work"),
        "a": Commit((), (), "start"),
    }
    named = name_branches(history, "m2", "main", "main")
    assert (named["x"], named["y"]) == ("x", "y")


def test_an_octopus_names_each_arm() -> None:
    history = {
        "m": Commit(("a", "x", "y"), (), "Merge branches 'x' and 'y' into topic"),
        "x": Commit(("a",), (), ""),
        "y": Commit(("a",), (), ""),
        "a": Commit((), (), ""),
    }
    named = name_branches(history, "m", "topic", None)
    assert named == {"m": "topic", "a": "topic", "x": "x", "y": "y"}


def test_thousands_of_merges_are_named_without_recursion() -> None:
    history = {"0": Commit((), (), "")}
    for number in range(1, 5000):
        history[f"x{number}"] = Commit((str(number - 1),), (), "")
        parents = (f"x{number}", str(number - 1))
        history[str(number)] = Commit(parents, (), "Merge branch 'main' into x")
    named = name_branches(history, "4999", "main", "main")
    assert len(named) == len(history)
