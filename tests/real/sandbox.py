"""A home folder of its own for the real CLIs, pointed at the loopback API and at nothing else."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

DUMMY_KEY = "not-a-key"

CODEX_CONFIG = """\
model_provider = "loopback"
check_for_update_on_startup = false
[analytics]
enabled = false
[features]
plugins = false  # else codex asks api.github.com for them at every start
[model_providers.loopback]
name = "loopback"
base_url = "{url}/v1"
env_key = "OPENAI_API_KEY"
wire_api = "responses"
request_max_retries = 1
stream_max_retries = 1
"""

GEMINI_SETTINGS = {
    "security": {"auth": {"selectedType": "gemini-api-key"}},
    "privacy": {"usageStatisticsEnabled": False},
    "telemetry": {"enabled": False},
}


def qwen_settings(url: str) -> dict[str, Any]:
    """qwen asks the API, and nobody for updates; it tells nobody how it is used."""
    auth = {"selectedType": "openai", "baseUrl": f"{url}/v1"}
    return {
        "security": {"auth": auth},
        "general": {"enableAutoUpdate": False},
        "privacy": {"usageStatisticsEnabled": False},
    }


def environ(home: Path, url: str, clis: Path, *, retries: int = 0) -> dict[str, str]:
    """Write the CLIs' settings into ``home``; the whole environment to run them with.

    ``retries`` is how often claude and gemini may ask anew by themselves; codex does so once.
    """
    codex, gemini = home / ".codex", home / ".gemini"
    for folder in (codex, gemini):
        folder.mkdir(parents=True, exist_ok=True)
    (codex / "config.toml").write_text(CODEX_CONFIG.format(url=url))
    general = {"enableAutoUpdate": False, "maxAttempts": 1 + retries}
    (gemini / "settings.json").write_text(json.dumps(GEMINI_SETTINGS | {"general": general}))
    pi = home / ".pi" / "agent"
    pi.mkdir(parents=True, exist_ok=True)
    (pi / "models.json").write_text(json.dumps({"providers": {"anthropic": {"baseUrl": url}}}))
    qwen = home / ".qwen"
    qwen.mkdir(exist_ok=True)
    (qwen / "settings.json").write_text(json.dumps(qwen_settings(url)))
    unpacked = clis.parents[2] / ".cache" / "copilot"  # else copilot unpacks itself for 6 s
    if unpacked.is_dir() and not (home / ".cache" / "copilot").exists():
        (home / ".cache").mkdir(exist_ok=True)
        (home / ".cache" / "copilot").symlink_to(unpacked)
    return {
        "HOME": str(home),
        "PATH": os.pathsep.join([str(clis), *_system_path()]),
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "ANTHROPIC_BASE_URL": url,
        "ANTHROPIC_API_KEY": DUMMY_KEY,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "CLAUDE_CODE_MAX_RETRIES": str(retries),
        "DISABLE_AUTOUPDATER": "1",
        "DISABLE_TELEMETRY": "1",
        "IS_SANDBOX": "1",  # as root claude refuses bypassPermissions without it
        "CODEX_HOME": str(codex),
        "OPENAI_API_KEY": DUMMY_KEY,
        "GEMINI_API_KEY": DUMMY_KEY,
        "GOOGLE_GEMINI_BASE_URL": url,
        "OPENCODE_DISABLE_MODELS_FETCH": "1",
        "PI_OFFLINE": "1",
        "COPILOT_OFFLINE": "true",
        "COPILOT_PROVIDER_TYPE": "anthropic",
        "COPILOT_PROVIDER_BASE_URL": url,
        "COPILOT_PROVIDER_API_KEY": DUMMY_KEY,
    }


def _system_path() -> list[str]:
    found = [shutil.which(name) for name in ("node", "git", "sh")]
    folders = [str(Path(path).parent) for path in found if path]
    return list(dict.fromkeys([*folders, "/usr/local/bin", "/usr/bin", "/bin"]))
