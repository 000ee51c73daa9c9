"""A change's STATE.yaml for those who only read it: nothing is loaded that writes."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from agentd.errors import StateError
from agentd.ledger import document, own_grammar, plain_files, rows, source, state
from agentd.ledger.document import Document
from agentd.ledger.rows import Row
from agentd.ledger.source import Conflicted, Malformed, Source
from agentd.ledger.state import State

if TYPE_CHECKING:
    from agentd.ledger.alike import AlikeCalls

STATE_FILE = "STATE.yaml"


def read_state(change_dir: Path) -> State:
    """The state as it stands; takes no lock. Raises StateError when it can't be read."""
    with explained(change_dir / STATE_FILE):
        return state.from_document(read_document(change_dir / STATE_FILE, own_grammar.ALL)[1])


def read_rows_in(change_dir: Path, change_id: str, twice: list[str] | None = None) -> list[Row]:
    """The calls as rows, read for SUMS alone; ``twice`` gets the ids that stand there so.

    Raises StateError.
    """
    with explained(change_dir / STATE_FILE):
        found = read_document(change_dir / STATE_FILE, own_grammar.SUMS)[1]
        if twice is not None:
            twice += found.twice()
        return rows.of_document(change_id, found)


def read_alike_in(
    change_dir: Path, change_id: str, twice: list[str] | None = None
) -> AlikeCalls | list[Row]:
    """The calls to be summed up, as rows where they have another shape; else as :func:`read_rows`.

    Raises StateError.
    """
    from agentd.ledger import alike  # for sums alone

    with explained(change_dir / STATE_FILE):
        origin, found = read_document(change_dir / STATE_FILE, own_grammar.ALIKE)
        calls = alike.of_columns(change_id, found.columns)
        if calls is None and "head" in found.columns:
            found = document.read(origin, own_grammar.SUMS)
        if calls is not None:
            return calls  # which has each id once
        if twice is not None:
            twice += found.twice()
        return rows.of_document(change_id, found)


def read_document(path: Path, keys: Sequence[str] = own_grammar.LEDGER) -> tuple[Source, Document]:
    """The file and what stands in it. Raises StateError for a missing one, and Malformed."""
    plain_files.check_change(path.parent)
    data = plain_files.read_file(path)
    if data is None:
        folder = path.parent.absolute()
        take_up = f", or take the change up: agentd run {folder.name}"
        is_archived = folder.parent.name == "archive"
        raise StateError(
            f"{path}: is missing", fix=f"Restore it (git checkout){'' if is_archived else take_up}"
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
            fix = "Repair the file (see git diff); it was left as it is."
            if isinstance(error, Conflicted):
                cure = f"agentd validate --fix {change_of(path)}"
                fix = f"Repair the file: `{cure}` unites the calls of both sides. {_CHOOSE}"
            raise StateError(f"{path}: {error}", fix=fix) from error


_CHOOSE = "Choose by hand what else differs, and take those markers out."


def change_of(path: Path) -> str:
    """The id of the change whose STATE.yaml this is, by its folder."""
    folder = path.parent.absolute()
    return re.sub(r"^(?:\d{8}|\d{4}-\d{2}-\d{2})-", "", folder.name) or folder.name
