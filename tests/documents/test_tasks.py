"""Tasks as models write them, and the progress they make."""

from __future__ import annotations

import pytest

from agentd.documents.tasks import progress, read_tasks


@pytest.mark.parametrize(
    ("line", "number", "done", "well_formed"),
    [
        ("- [ ] 1.1 do it", "1.1", False, True),
        ("- [x] 1.1 do it", "1.1", True, True),
        ("* [X] 2. do it", "2", True, True),
        ("+ [x] do it", None, True, True),
        ("  - [ ] **1.1.2** do it", "1.1.2", False, True),
        ("3. [x] do it", "3", True, True),
        ("- [x] 1.02: do it", "1.2", True, True),
        ("- [ ] ١.٢ do it", "1.2", False, True),
        ("- [~] 1.1 do it", "1.1", False, True),
        ("- [✓] 1.1 do it", "1.1", False, True),
        ("- [y] 1.1 do it", "1.1", False, True),
        ("-[x] 1.1 do it", "1.1", True, False),
        ("- [x]1.1 do it", "1.1", True, False),
        ("- [ x ] 1.1 do it", "1.1", True, False),
        ("- [] 1.1 do it", "1.1", False, False),
        ("[x] 1.1 do it", "1.1", True, False),
    ],
)
def test_a_checkbox(line: str, number: str | None, done: bool, well_formed: bool) -> None:
    (task,) = read_tasks(f"# Tasks\n\n{line}\n")
    assert (task.number, task.text, task.done, task.well_formed, task.line) == (
        *(number, "do it", done, well_formed),
        3,
    )


@pytest.mark.parametrize(
    "line",
    [
        "- [x](link.md)",
        "- [x]: link.md",
        "- [xx] 1.1 no box",
        "1.1 [x] no box",
        "[x] no number",
        "- 1.1 no box",
        "```\n- [x] 1.1 code\n```",
        "<!-- - [x] 1.1 a\n- [x] 1.2 b -->",
        "text <!-- - [x] 1.1 a\n- [x] 1.2 b -->",
        "````\n```\n- [x] 1.1 code\n```\n- [x] 1.2 code\n````",
        "~~~\n- [x] 1.1 code\n~~~",
        "- a\n\n  ```\n  - [x] 1.1 code\n  ```",
        "",
    ],
)
def test_no_checkbox(line: str) -> None:
    assert read_tasks(line) == []


def test_what_belongs_to_a_task() -> None:
    text = """\ufeff# Tasks\r
- [ ] 1.1 First (depends on 0.1)\r
  - Requirement: A name, with a comma\r
  - **Requirement:** `B`\r
  - Test: it works\r
  - **Depends on**: 0.2, task 0.3 and #0.4, not 5\r
- [ ] 1.2 Second, depending on 1.1, depends on nothing `depends on 9.9`\r
Depends: none\r
## Requirement: a heading is no field\r
Requirement: nobody's\r
"""
    first, second = read_tasks(text)
    assert first.requirements == ("A name, with a comma", "`B`")
    assert first.requirements[0] == "A name, with a comma"
    assert (first.depends_on, first.may_depend_on) == (("0.2", "0.3", "0.4"), ("0.1",))
    assert (second.requirements, second.depends_on, second.line) == ((), (), 7)
    assert second.may_depend_on == ("1.1",)


@pytest.mark.parametrize(
    "prose",
    [
        "depends on 2 external services",
        "depends on 30 minute default",
        "depends on 3.12 of the runtime",
        "depends on 3.12+",
        "depends on 5-10 rows",
        "depends on 2nd thoughts",
        "no longer depends on 1.3",
        "it doesn't really depend on 1.3.",
        "Does not depend on: 1.3",
    ],
)
def test_a_number_in_prose_is_no_reference(prose: str) -> None:
    (task,) = read_tasks(f"- [ ] 1.1 a\n  {prose}\n")
    assert (task.depends_on, task.may_depend_on) == ((), ())


@pytest.mark.parametrize(
    ("line", "certain", "doubtful"),
    [
        ("Depends on: 1.1", ("1.1",), ()),
        ("**Depends on:** 1.1, task 2 and #3 (the schema)", ("1.1", "2", "3"), ()),
        ("Dependencies: 1.1; 1.2", ("1.1", "1.2"), ()),
        ("(depends: 1.1)", ("1.1",), ()),
        ("depends on 1.1", (), ("1.1",)),
        ("depends on 1.1, 1.2 and 2.1.", (), ("1.1", "1.2", "2.1")),
        ("depends on 1.1 - the schema", (), ("1.1",)),
        ("Depends on: 2 services", (), ("2",)),
    ],
)
def test_a_field_is_a_reference_and_prose_may_be_one(
    line: str, certain: tuple[str, ...], doubtful: tuple[str, ...]
) -> None:
    (task,) = read_tasks(f"- [ ] 4.1 a\n  {line}\n")
    assert (task.depends_on, task.may_depend_on) == (certain, doubtful)


def test_what_is_commented_out_belongs_to_no_task() -> None:
    text = "- [ ] 1.1 a <!-- depends on 9.9 -->\n  <!--\n  - Requirement: B\n  -->\n"
    text += "  - Requirement: C\n"
    (task,) = read_tasks(text)
    assert (task.text, task.depends_on, task.requirements) == ("a", (), ("C",))


def test_progress() -> None:
    assert progress(read_tasks("- [x] a\n  - [X] b\n- [ ] c\n- [-] d\n")) == (2, 4)
    assert progress(read_tasks("no tasks")) == (0, 0)
