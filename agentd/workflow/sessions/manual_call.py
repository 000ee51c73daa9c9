"""What a person did in a CLI as a call, beside what a ledger has of it."""

from __future__ import annotations

from datetime import datetime

from agentd.frozen import frozen
from agentd.metering.call import CallRecord
from agentd.workflow.sessions.own_runs import Imported

CUT = "an answer was cut"


@frozen(kw_only=True)
class ManualCall:
    """What a person had of one session on one day (UTC) and one git branch, as a call.

    ``cwd`` is where the session began, ``branch`` None where the log doesn't tell it, ``last_at``
    when the last request ended. ``imported`` is the change's call of the same id, None without
    one; ``call`` may have more than that by now.
    """

    call: CallRecord
    cwd: str
    branch: str | None
    first_at: datetime
    last_at: datetime
    imported: Imported | None = None

    @property
    def has_grown(self) -> bool:
        """Whether the log has more than was imported."""
        if self.imported is None:
            return False
        return _known_of(self.call) > _known_of(self.imported.call)


def _known_of(call: CallRecord) -> tuple[int, int, bool]:
    return call.usage.total_tokens, call.requests or 0, CUT not in (call.why or "")
