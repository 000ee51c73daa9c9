"""Templates of a user and a project: what they replace, and what is said of wrong ones."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from generate.update_golden import VALUES

from agentd.errors import InputError
from agentd.workflow.prompts.prompt import fill_in
from agentd.workflow.prompts.templates import COMMON, SKELETONS, Templates, prompt_fields


def layer(folder: Path, **files: str | bytes) -> Path:
    """A folder of templates; ``__`` in a name stands for a point."""
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        data = content if isinstance(content, bytes) else content.encode()
        (folder / f"{name.replace('__', '.').replace('_', '-')}.md").write_bytes(data)
    return folder


def body(prompts: Templates, step: str = "resolve") -> str:
    prompt = fill_in(prompts, step, VALUES)
    return prompt.partition("relative to it.\n\n")[2].partition("\n\n## Context")[0]


PACKAGE = body(Templates())


@pytest.mark.parametrize(
    ("user", "project", "expected"),
    [
        ({}, {}, PACKAGE),
        ({"resolve__append": "U"}, {}, f"{PACKAGE}\n\nU"),
        ({"resolve__append": "U"}, {"resolve__append": "P"}, f"{PACKAGE}\n\nU\n\nP"),
        ({"resolve": "U"}, {"resolve__append": "P"}, "U\n\nP"),
        ({"resolve": "U", "resolve__append": "u"}, {}, "U\n\nu"),
        ({"resolve": "U", "resolve__append": "u"}, {"resolve": "P"}, "P"),
        ({"resolve__append": "U"}, {"resolve": "P", "resolve__append": "p"}, "P\n\np"),
        ({"resolve": "for {{change_id}}, {{ today }}"}, {}, "for add-x, 2026-11-22"),
        ({"resolve": "\\{{change_id}} {{ a.b }} {change}"}, {}, "{{change_id}} {{ a.b }} {change}"),
        ({"resolve": b"\xef\xbb\xbfone\r\n\r\ntwo\r\n"}, {}, "one\n\ntwo"),
        ({"resolve": "one\rtwo"}, {}, "one\ntwo"),
        ({"resolve": "Größe 寸法"}, {}, "Größe 寸法"),
        ({"skeleton_tasks": "T"}, {"resolve": "{{skeleton_tasks}}"}, "```markdown\nT\n```"),
        (
            {"skeleton_tasks": "U"},
            {"skeleton_tasks": "{{change_id}}", "resolve": "{{skeleton_tasks}}"},
            "```markdown\nadd-x\n```",
        ),
    ],
)
def test_layers(
    tmp_path: Path, user: dict[str, str], project: dict[str, str], expected: str
) -> None:
    layers = (layer(tmp_path / "user", **user), layer(tmp_path / "project", **project))
    assert body(Templates(layers)) == expected


def test_nothing_is_written(tmp_path: Path) -> None:
    folder = layer(tmp_path / "project", resolve="mine\r\n")
    before = folder.stat().st_mtime_ns
    fill_in(Templates((folder, tmp_path / "missing")), "resolve", VALUES)
    assert [path.name for path in tmp_path.iterdir()] == ["project"]
    assert (folder.stat().st_mtime_ns, (folder / "resolve.md").read_bytes()) == (
        before,
        b"mine\r\n",
    )


@pytest.mark.parametrize("name", SKELETONS)
def test_each_skeleton_is_replaced(tmp_path: Path, name: str) -> None:
    text = f"my own {name} APPROVED NEEDS_REVISION NEEDS_CHANGES NEEDS_FIX"
    text += " REJECTED MAJOR_ISSUES"
    (tmp_path / f"skeleton-{name}.md").write_text(text)
    prompts = Templates((tmp_path,))
    assert not list(prompts.warnings())
    assert any(f"\n{text}\n" in fill_in(prompts, step, VALUES) for step in prompt_fields())


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("resolve", "one\r\ntwo {{chnge}}", ["line 2", "{{chnge}}", "did you mean change?"]),
        ("resolve__append", "{{wrong}}", ["line 1", "known here are", *COMMON, "skeleton_spec"]),
        ("resolve", "{{description}}", ["unknown placeholder {{description}}"]),  # proposal's
        ("resolve", "{{skeleton_archive_review}}", ["did you mean skeleton_archive-review?"]),
        ("skeleton_spec", "\n\n{{skeleton_tasks}}", ["line 3", "known here are step, change_id"]),
        ("resolve", b"ok\nb\xe9\n", ["line 2", "no UTF-8"]),
        ("resolve", "a\nb".encode("utf-16"), ["line 1", "no UTF-8"]),
        ("resolve", " \r\n", ["is empty"]),
        ("skeleton_tasks", "", ["is empty"]),
    ],
)
def test_wrong_template(tmp_path: Path, name: str, content: str | bytes, said: list[str]) -> None:
    folder = layer(tmp_path, **{name: content})
    path = next(folder.iterdir())
    with pytest.raises(InputError) as caught:
        Templates((folder,))
    assert caught.value.message.startswith(str(path))
    assert caught.value.fix
    for text in said:
        assert text in caught.value.message


def test_the_fix_of_an_unknown_placeholder_works(tmp_path: Path) -> None:
    (tmp_path / "resolve.md").write_text("Charts: {{ x }}")
    with pytest.raises(InputError) as caught:
        Templates((tmp_path,))
    escaped = re.search(r"write (\S.*\}\}) to keep", caught.value.fix)
    assert escaped
    (tmp_path / "resolve.md").write_text(f"Charts: {escaped[1]}")
    assert body(Templates((tmp_path,))) == "Charts: {{ x }}"


@pytest.mark.parametrize("kind", ["folder", "dangling", "pipe"])
def test_template_that_is_no_file(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "review.md"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)  # reading it would wait for ever
    else:
        path.symlink_to("nowhere")
    with pytest.raises(InputError, match=r"review\.md can't be read"):
        Templates((tmp_path,))


def test_folder_of_templates_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "templates").write_text("")
    with pytest.raises(InputError, match="can't be read: Not a directory"):
        Templates((tmp_path / "templates",))


@pytest.mark.parametrize(
    ("file", "warning"),
    [
        ("implement.md", "did you mean implementation.md?"),
        ("REVIEW.md", "did you mean review.md?"),
        ("README.md", "known are proposal, proposal-small"),
        ("_frame.md", "is no template"),
        ("skeleton-specs.md", "did you mean skeleton-spec.md?"),
        ("review.append.txt", None),
        ("._review.md", None),
    ],
)
def test_other_files_are_ignored_with_a_word(
    tmp_path: Path, file: str, warning: str | None
) -> None:
    (tmp_path / file).write_bytes(b"\xff{{wrong}}")
    prompts = Templates((tmp_path,))
    assert all(
        fill_in(prompts, step, VALUES) == fill_in(Templates(), step, VALUES)
        for step in prompt_fields()
    )
    warnings = list(prompts.warnings())
    assert len(warnings) == (warning is not None)
    if warning:
        assert warnings[0].startswith(f"{tmp_path / file} is no template and is ignored; ")
        assert warning in warnings[0] or warning == "is no template"


@pytest.mark.parametrize(
    ("files", "warnings"),
    [
        ({"proposal": "Do it."}, ["proposal.md leaves out {{description}}: "]),
        ({"proposal": "Do it.", "proposal__append": "{{description}}"}, []),
        ({"fillback": "{{files}}"}, ["leaves out {{path}}: ", "leaves out {{part}}: "]),
        ({"resolve": "Do it."}, ["resolve.md leaves out {{checks}}: "]),
        ({"implementation": "Do it."}, []),
        (
            {
                "review": "{{checks}} {{skeleton_review}}",
                "skeleton_review": "## Verdict\n- [ ] APPROVED\n- [ ] NEEDS_CHANGES",
            },
            ["skeleton-review.md leaves out the verdict MAJOR_ISSUES"],
        ),
        ({"challenge": "APPROVED, NEEDS_REVISION or REJECTED?"}, []),
    ],
)
def test_what_a_step_needs_and_is_not_told(
    tmp_path: Path, files: dict[str, str], warnings: list[str]
) -> None:
    found = list(Templates((layer(tmp_path, **files),)).warnings())
    assert len(found) == len(warnings)
    for line, expected in zip(found, warnings, strict=True):
        assert expected in line
        assert line.startswith(str(tmp_path))
