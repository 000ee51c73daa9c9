"""How one of agentd's files came to be what it is: by agentd alone, or by somebody else as well."""

from __future__ import annotations

from collections.abc import Sequence

from agentd.digests import sha256
from agentd.frozen import frozen
from agentd.guard.tree import Look
from agentd.guard.write_log import OwnWrite
from agentd.ledger import entries


@frozen()
class Evolution:
    """A file before the run, and agentd's writes since.

    ``data`` are its bytes before, None when there was no file, or they were not kept.
    """

    before: Look | None
    data: bytes | None
    writes: Sequence[OwnWrite] = ()

    def is_agentds(self, now: Look | None, content: bytes) -> bool:
        """Whether nobody but agentd made it what it is ``now``, with these bytes.

        Each write must have found what the one before it left. In a ledger all calls must be there
        still, and no call that agentd did not enter: no note excuses that.
        """
        if not self.writes or not self._leads_to(_digest(now)):
            return False
        if now is None:
            return True
        if now.kind != "file" or not self.is_restored(now, content):
            return False
        texts = [write.entry for write in self.writes if write.entry is not None]
        if not texts:
            return True
        base, texts = self._base()
        return base is not None and entries.only_entered(base, content, texts)

    @property
    def has_ended(self) -> bool:
        """Whether one of agentd's writes was done."""
        return any(write.outcome == "done" for write in self.writes)

    def ends_in(self, now: Look | None) -> bool:
        """Whether agentd was the last to write it, whoever wrote it before."""
        last = [write.after for write in self.writes if write.outcome != "failed"][-1:]
        return now is not None and last == [_digest(now)]

    def restored(self) -> tuple[bool, bytes | None]:
        """What it must be: as before, with all that agentd wrote since. None: no file.

        The first is whether that is known: it is not where a file was not kept, or where nothing
        tells what agentd's entries were made in.
        """
        base, texts = self._base()
        is_known = base is not None or not (texts or self._is_lost())
        if base is None or not texts:
            return is_known, base
        try:
            return True, entries.rebuild(base, texts)
        except ValueError:
            return True, base

    def is_restored(self, now: Look | None, data: bytes) -> bool:
        """Whether it is a file with these bytes, and with the permissions from before."""
        if now is None or now.kind != "file" or now.digest != sha256(data).digest():
            return False
        return self.before is None or self.before.kind != "file" or now.mode == self.before.mode

    def _leads_to(self, now: str | None) -> bool:
        at = _digest(self.before)
        last: OwnWrite | None = None
        for write in self.writes:
            if write.outcome == "failed" or write.after == at:  # another guard put it back
                continue
            killed = last is not None and last.outcome == "begun" and write.before == last.before
            if write.before != at and not killed:
                return False
            at, last = write.after, write
        return now == at or (last is not None and last.outcome == "begun" and now == last.before)

    def _base(self) -> tuple[bytes | None, list[str]]:
        """The bytes from which on agentd only entered, and what it entered."""
        base = self.data
        texts: list[str] = []
        for write in self.writes:
            if write.outcome == "failed":
                continue
            if write.entry is None:
                base, texts = write.content, []
            else:
                texts.append(write.entry)
        return base, texts

    def _is_lost(self) -> bool:
        """Whether there was a file whose bytes nobody has."""
        written = any(write.outcome != "failed" and write.entry is None for write in self.writes)
        was_file = self.before is not None and self.before.kind == "file"
        return was_file and self.data is None and not written


def _digest(entry: Look | None) -> str | None:
    """The sha256 of a file, None for nothing; for anything else what no write can have left."""
    if entry is None or entry.kind == "dir":
        return None
    return entry.digest.hex() if entry.kind == "file" and entry.digest else entry.kind
