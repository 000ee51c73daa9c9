"""Sessions put together from their files: each request once, and agentd's own left out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from agentd.frozen import frozen
from agentd.metering.partial import reason_of
from agentd.providers.session_files import LoggedRequest
from agentd.workflow.sessions.log_cache import LogFile, with_more
from agentd.workflow.sessions.own_runs import Known, OwnRun


@frozen(kw_only=True)
class Session:
    """The requests of one session that no run of agentd made."""

    provider: str
    id: str
    cwd: str
    requests: Sequence[LoggedRequest]
    unsure: str | None


def sessions_by_hand(
    logs: Iterable[LogFile], known: Known, has_ledger: Callable[[str], bool]
) -> Iterator[Session]:
    """What people had of each session, without what agentd asked for in it.

    A session that agentd began, and no ledger knows, is left out where ``has_ledger`` says that its
    folder has one: its change was deleted.
    """
    files: dict[tuple[str, str], list[LogFile]] = {}
    logs = list(logs)
    parents = {log.reader.session_id: log.reader.parent_id for log in logs if log.reader.parent_id}
    owned: dict[tuple[str, str], tuple[str, LoggedRequest]] = {}
    for log in logs:
        files.setdefault((log.provider, _main(log.reader.session_id or "", parents)), []).append(
            log
        )
        for one in log.whole_requests():
            session_id = _main(one.session_id, parents)
            key = log.provider, one.id
            owned[key] = _owner(owned.get(key), (session_id, one))
    requests: dict[tuple[str, str], list[LoggedRequest]] = {}
    for (provider, _), (session_id, one) in owned.items():
        requests.setdefault((provider, session_id), []).append(one)
    for key, every in requests.items():
        of_session = files.get(key, ())
        provider, session_id = key
        runs = known.runs_in(provider, session_id)
        cwd = next((log.reader.cwd for log in of_session if log.reader.cwd), "")
        if not runs and any(log.by_agentd for log in of_session) and has_ledger(cwd):
            continue
        own = [one for one in every if not _is_agentds(one, every, runs, known)]
        if own:
            yield Session(
                provider=provider,
                id=session_id,
                cwd=cwd,
                requests=sorted(own, key=lambda one: (one.at, one.id)),
                unsure=reason_of(log.unsure for log in of_session),
            )


def _main(session_id: str, parents: Mapping[str | None, str | None]) -> str:
    """The session that a subagent's thread belongs to."""
    seen = {session_id}
    while (parent := parents.get(session_id)) and parent not in seen:
        seen.add(parent)
        session_id = parent
    return session_id


def _owner(
    known: tuple[str, LoggedRequest] | None, one: tuple[str, LoggedRequest]
) -> tuple[str, LoggedRequest]:
    """Of two records of a request the original's, with what either knows.

    Where none says that it is a copy, that of the session whose id sorts first: the same each time.
    """
    if known is None:
        return one
    first, second = sorted((known, one), key=lambda each: (each[1].copied, each[0]))
    return first[0], with_more(first[1], second[1])


def _is_agentds(
    one: LoggedRequest, every: Sequence[LoggedRequest], runs: Sequence[OwnRun], known: Known
) -> bool:
    if one.id in known.request_ids:
        return True
    for run in runs:
        if run.begin <= one.at <= run.end:
            told_by_id = run.all_seen and any(each.id in run.request_ids for each in every)
            if not told_by_id:
                return True
    return False
