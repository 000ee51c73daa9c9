"""A change's STATE.yaml for those who only read it: nothing is loaded that writes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from agentd.errors import StateError
from agentd.ledger import document, own_grammar, plain_files, rows, source, state
from agentd.ledger.document import Document
from agentd.ledger.rows import Row
from agentd.ledger.source import Malformed, Source
from agentd.ledger.state import State

if TYPE_CHECKING:
    from agentd.ledger.alike import AlikeCalls

STATE_FILE = "STATE.yaml"


def read_state(change_dir: Path) -> State:
    """The state as it stands; takes no lock. Raises StateError when it can't be read."""
    with explained(change_dir / STATE_FILE):
        return state.from_document(read_document(change_dir / STATE_FILE, own_grammar.ALL)[1])


def read_rows(change_dir: Path, change_id: str) -> list[Row]:
    """The calls as rows, read for SUMS alone. Raises StateError."""
    with explained(change_dir / STATE_FILE):
        found = read_document(change_dir / STATE_FILE, own_grammar.SUMS)[1]
        return rows.of_document(change_id, found)


def read_alike(change_dir: Path, change_id: str) -> AlikeCalls | list[Row]:
    """The calls to be summed up, as rows where they have another shape. Raises StateError."""
    from agentd.ledger import alike  # for sums alone

    with explained(change_dir / STATE_FILE):
        origin, found = read_document(change_dir / STATE_FILE, own_grammar.ALIKE)
        calls = alike.of_columns(change_id, found.columns)
        if calls is None and "head" in found.columns:
            found = document.read(origin, own_grammar.SUMS)
        return calls or rows.of_document(change_id, found)


def read_document(path: Path, keys: Sequence[str] = own_grammar.LEDGER) -> tuple[Source, Document]:
    """The file and what stands in it. Raises StateError for a missing one, and Malformed."""
    plain_files.check_change(path.parent)
    data = plain_files.read_file(path)
    if data is None:
        name = path.parent.absolute().name
        raise StateError(
            f"{path}: is missing",
            fix=f"Restore it (git checkout), or take the change up: agentd plan {name}",
        )
    origin = source.decode(data)
    return origin, document.read(origin, keys)


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what is wrong with the file, or the disk, into a StateError."""
    with plain_files.explained(path):
        try:
            yield
        except Malformed as error:
            raise StateError(
                f"{path}: {error}",
                fix="Repair the file (see git diff); it was left as it is.",
            ) from error
