"""Changes made of the documents in fixtures/documents, in a project of their own."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from agentd.config.load import load
from agentd.documents.report import Report
from agentd.documents.validate import validate_change
from agentd.project.layout import Project

FIXTURES = Path(__file__).parents[2] / "fixtures" / "documents"
CONFIG = 'project_name = "test"\n[claude]\ncommand = "claude"\n'


@dataclass
class Documents:
    """The change ``add-code`` of a project: the valid one of the fixtures, to be spoilt."""

    root: Path

    @property
    def change(self) -> Path:
        return self.root / "agentd" / "changes" / "add-code"

    @property
    def project(self) -> Project:
        return Project(self.root)

    def validate(self) -> Report:
        config = load(self.root / "agentd" / "config.toml")
        return validate_change(self.project, self.change, config)

    def found(self) -> list[str]:
        """The issues as ``document:line severity code``, sorted."""
        start = "agentd/changes/add-code/"
        return sorted(
            f"{issue.path.removeprefix(start)}:{issue.line or '-'} {issue.severity} {issue.code}"
            for issue in self.validate().issues
        )

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.change / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def read(self, name: str) -> str:
        return (self.change / name).read_bytes().decode()


def make_documents(root: Path, config: str = CONFIG) -> Documents:
    """A project with the valid change."""
    documents = Documents(root)
    (root / "agentd" / "specs").mkdir(parents=True)
    (root / "agentd" / "config.toml").write_text(config)
    shutil.copytree(FIXTURES / "valid", documents.change)
    return documents
