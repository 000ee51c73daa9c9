"""Where a repository lies, and git asked in it, whatever its files say meanwhile."""

from __future__ import annotations

import os
from pathlib import Path

from agentd import git
from agentd.frozen import frozen
from agentd.git import GitFailed


@frozen()
class GitPlace:
    """A repository with a working tree: its top folder, and git's own folders.

    ``common`` is that of all its worktrees. ``settings`` is read in place of the user's and the
    system's.
    """

    top: Path
    git_dir: Path
    common: Path
    settings: Path | None = None

    @classmethod
    def around(cls, root: Path) -> GitPlace:
        """That of ``root``. Raises GitFailed, also when git refuses to work in it."""
        asked = ("--show-toplevel", "--absolute-git-dir", "--git-common-dir")
        told = _line(git.output(root, "rev-parse", *asked)).split(b"\n")
        if len(told) != len(asked):  # a name with a line break
            told = [_line(git.output(root, "rev-parse", option)) for option in asked]
        top, git_dir, common = map(os.fsdecode, told)
        # `..` in it is seen from where git was asked.
        return cls(Path(top), Path(git_dir), Path(os.path.normpath(root.resolve() / common)))

    def ask(
        self, *arguments: str, send: bytes = b"", index: Path | None = None, fails: bool = False
    ) -> bytes:
        """What ``git ARGUMENTS`` prints in this very repository, with another ``index``.

        Raises GitFailed; where it ``fails``, a refusal is b"".
        """
        here = (f"--git-dir={self.git_dir}", f"--work-tree={self.top}")
        done = git.run(self.top, *here, *arguments, send=send, index=index, settings=self.settings)
        if done.returncode and not fails:
            raise GitFailed(
                git.last_line(done.stderr) or f"git {arguments[0]} ended with {done.returncode}"
            )
        return b"" if done.returncode else done.stdout

    @property
    def is_there(self) -> bool:
        """Whether git's own folder still looks like one."""
        return (self.git_dir / "HEAD").is_file() and not self.git_dir.is_symlink()

    def shown(self, path: Path) -> str:
        """A file of git's own folders, as it is called in there."""
        for folder in (self.git_dir, self.common):
            if path.is_relative_to(folder):
                return str(".git" / path.relative_to(folder))
        return str(path.relative_to(self.top) if path.is_relative_to(self.top) else path)


def refusal(root: Path, failed: GitFailed) -> str:
    """Why git can't be asked though ``root`` lies in a repository; "" when it lies in none."""
    for folder in (root, *root.parents):
        git = folder / ".git"
        if os.path.lexists(git / "HEAD") or git.is_file():
            return str(failed)
    return ""


def _line(output: bytes) -> bytes:
    return output.removesuffix(b"\n")
