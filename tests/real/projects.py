"""Small projects as their authors published them, at pinned versions, in ``.cache/projects``.

Python's come from PyPI, those of JavaScript and shell from npm. ``python -m tests.real.install``
fetches them; nothing is run of them but their own tests.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / ".cache" / "projects"


@dataclass(frozen=True, kw_only=True)
class Published:
    """A release: ``archive`` is its file's name, ``sha256`` that file's."""

    name: str
    version: str
    archive: str
    sha256: str

    @property
    def path(self) -> Path:
        return FOLDER / self.archive

    def fetch(self) -> None:
        """Have it in the folder. Raises SystemExit when it is not what it was."""
        if not self.path.is_file():
            FOLDER.mkdir(parents=True, exist_ok=True)
            if self.archive.endswith(".tgz"):
                argv = ["npm", "pack", "--silent", f"{self.name}@{self.version}"]
            else:
                argv = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
                argv += ["--disable-pip-version-check", "--no-binary", ":all:"]
                argv += [f"{self.name}=={self.version}"]
            subprocess.run(argv, cwd=FOLDER, check=True, timeout=300, stdout=subprocess.DEVNULL)
        if hashlib.sha256(self.path.read_bytes()).hexdigest() != self.sha256:
            sys.exit(f"test-real: {self.path} is not what was published as {self.version}")

    def unpack(self, folder: Path) -> None:
        """Lay it out as ``folder``, which must not be there."""
        beside = folder.with_name(f"{folder.name}.unpacked")
        with tarfile.open(self.path) as archive:
            archive.extractall(beside, filter="data")
        (top,) = beside.iterdir()
        shutil.move(top, folder)
        beside.rmdir()


PROJECTS = {
    project.name: project
    for project in (
        Published(
            name="inflection",
            version="0.5.1",
            archive="inflection-0.5.1.tar.gz",
            sha256="1a29730d366e996aaacffb2f1f1cb9593dc38e2ddd30c91250c6dde09ea9b417",
        ),
        Published(
            name="colorama",
            version="0.4.6",
            archive="colorama-0.4.6.tar.gz",
            sha256="08695f5cb7ed6e0531a20572697297273c47b8cae5a63ffc6d6ed5c201be6e44",
        ),
        Published(
            name="color-name",
            version="1.1.3",
            archive="color-name-1.1.3.tgz",
            sha256="b0ef3371fb2563cbeb6379f1639dc2a8c0a895d1d48ac72c7ad43c5ff409784e",
        ),
        Published(
            name="JSON.sh",
            version="0.3.3",
            archive="JSON.sh-0.3.3.tgz",
            sha256="b448ae8be1dfbc485c0a235c7df5979228e3e4536250d7cca41c0ea5e7a5097d",
        ),
    )
}


def fetch_projects() -> None:
    """Have all of them in the folder."""
    for project in PROJECTS.values():
        project.fetch()
