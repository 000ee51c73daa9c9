"""A document taken from what a CLI said, and everything that must not be taken for one."""

from __future__ import annotations

import pytest

from agentd.documents.printed import document_in_text

REVIEW = """\
# Review: add-x

## Summary
Run it:

```sh
# a comment, no title
make test
```

## Verdict
- [x] APPROVED
"""
PLAIN_CODE = REVIEW.replace("```sh", "```")


@pytest.mark.parametrize(
    "text",
    [
        REVIEW,
        "\n\n" + REVIEW + "\n\n",
        "\ufeff" + REVIEW.replace("\n", "\r\n"),
        "I may not write files here, so this is the review.\n\n" + REVIEW,
        f"```markdown\n{REVIEW}```",
        f"Here is the document:\n\n```markdown\n{REVIEW}```\n",
        f"Here is the document:\n```md\n{REVIEW}\n```\n\nPlease save it as REVIEW.md.\n",
        f"~~~markdown\n{REVIEW}~~~",
        f"````markdown\n{REVIEW}````",
    ],
)
def test_a_printed_document_is_taken_whole(text: str) -> None:
    assert document_in_text(text, "REVIEW.md") == REVIEW


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("REVIEW.md", "# Review: add-x"),
        ("REVIEW.md", "# REVIEW"),
        ("ARCHIVE_REVIEW.md", "# Archive review: add-x"),
        ("tasks.md", "# Tasks"),
        ("proposal.md", "# Proposal: Greet people"),
        ("user-login.md", "# User login"),
    ],
)
def test_the_title_belongs_to_the_file(name: str, title: str) -> None:
    document = f"{title}\n\n## A\n"
    assert document_in_text(document, name) == document
    assert document_in_text(document, "CHALLENGE.md") is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   \n",
        "I wrote REVIEW.md.",
        "# Review: add-x\n",
        "# Review: add-x\n\nAll fine.\n",
        "# Reviewers\n\n## A\n",
        "## Review: add-x\n\n## A\n",
        "One.\n\nTwo.\n\n" + REVIEW,
        "x" * 301 + "\n\n" + REVIEW,
        "One line\nanother line\n\n" + REVIEW,
        REVIEW + "\n# Another\n\n## B\n",
        REVIEW + "\n" + REVIEW,
        f"```text\n{REVIEW}```",
        f"```\n{REVIEW}```",
        f"```markdown\n{REVIEW}",
        f"```markdown\n{REVIEW}```\n\nOne.\n\nTwo.\n",
        f"```markdown\n{REVIEW}```\n\n```markdown\n# Other\n\n## B\n```",
        f"```markdown\n{PLAIN_CODE}```",
        REVIEW + "\n```sh\nnever closed\n",
        REVIEW + "\n<!-- never closed\n",
        "# Review: add-x\n\n<!--\n## A\n-->\n",
        "# Review: add-x\n\n````\n```\n## A\n```\n## B\n````\n",
        REVIEW.replace("Run", "R\x1b[31mun"),
        REVIEW.replace("Run", "R\0un"),
    ],
)
def test_what_is_not_clearly_the_document_is_not_taken(text: str) -> None:
    assert document_in_text(text, "REVIEW.md") is None


def test_code_without_a_language_is_fine_in_an_unmistakable_fence() -> None:
    assert document_in_text(PLAIN_CODE, "REVIEW.md") == PLAIN_CODE
    assert document_in_text(f"````markdown\n{PLAIN_CODE}````", "REVIEW.md") == PLAIN_CODE


def test_a_huge_text_is_read_once() -> None:
    huge = "# Review\n\n## A\n" + "- [x] `a` ```\n" * 100_000
    assert document_in_text(huge, "REVIEW.md") == huge
