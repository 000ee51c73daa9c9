"""The comment on a pull request, by GitHub's REST API."""

from __future__ import annotations

from typing import Any

import aiohttp

_TIMEOUT_S = 30
_PROJECT = {"OWNER", "MEMBER", "COLLABORATOR"}
"""A token of one of them may be the Action's."""
_LIMITED = "GitHub takes no more requests of this token for now; run the job again later"


class NotAllowed(Exception):
    """The token may not read or write comments."""


class Unreachable(Exception):
    """GitHub did not answer, or refused."""


async def publish(
    issues: str, number: int, token: str, marker: str, body: str, *, also_new: bool
) -> None:
    """Put ``body`` into our comment on the pull request ``number``; more than one become one.

    ``issues`` is the address of the repository's issues. There is a new comment only if
    ``also_new``. Raises NotAllowed and Unreachable.
    """
    headers = {
        "Authorization": f"Bearer {token}",
        "Accept": "application/vnd.github+json",
        "X-GitHub-Api-Version": "2022-11-28",
    }
    timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
    try:
        async with aiohttp.ClientSession(headers=headers, timeout=timeout, trust_env=True) as api:
            kept = False
            for one in await _ours(api, f"{issues}/{number}/comments", marker):
                if kept:
                    await _ask(api, "DELETE", f"{issues}/comments/{one}")
                else:
                    kept = await _ask(api, "PATCH", f"{issues}/comments/{one}", body=body)
            if not kept and also_new:
                await _ask(api, "POST", f"{issues}/{number}/comments", body=body)
    except aiohttp.ClientResponseError as error:
        if _is_limited(error):
            raise Unreachable(_LIMITED) from error
        if error.status in {401, 403}:
            raise NotAllowed from error
        raise Unreachable(f"GitHub answered {error.status} {error.message}") from error
    except (aiohttp.ClientError, TimeoutError) as error:
        raise Unreachable(f"GitHub can't be reached: {error or type(error).__name__}") from error


async def _ours(session: aiohttp.ClientSession, url: str, marker: str) -> list[int]:
    """The ids of the Action's comments, oldest first."""
    found: list[dict[str, Any]] = []
    page: str | None = f"{url}?per_page=100"
    while page:
        async with session.get(page, raise_for_status=True) as answer:
            found += await answer.json()
            following = answer.links.get("next", {}).get("url")
        page = str(following) if following else None
    return [each["id"] for each in found if _is_ours(each, marker)]


def _is_ours(comment: dict[str, Any], marker: str) -> bool:
    """Whether the Action wrote it: somebody outside of the project may have copied the marker."""
    user = comment["user"] or {}  # None: the account was deleted
    is_trusted = user.get("type") == "Bot" or comment["author_association"] in _PROJECT
    return is_trusted and (comment["body"] or "").startswith(marker)


def _is_limited(error: aiohttp.ClientResponseError) -> bool:
    """Whether GitHub takes no more requests for now; it says that with 403, too."""
    headers = error.headers or {}
    spent = headers.get("X-RateLimit-Remaining") == "0" or "Retry-After" in headers
    return error.status == 429 or (error.status == 403 and spent)


async def _ask(session: aiohttp.ClientSession, method: str, url: str, **values: str) -> bool:
    """Whether it was done: what is to be changed may be gone, by a run beside this one."""
    async with session.request(method, url, json=values or None) as answer:
        if answer.status == 404 and method != "POST":
            return False
        answer.raise_for_status()
        return True
