"""The page frozen into one file, to be mailed or attached: its scripts, styles and figures inside.

The file asks nothing of any place: its Content-Security-Policy names the hashes of what is in it.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Collection
from datetime import datetime, tzinfo
from typing import Any

from agentd.dashboard import wire
from agentd.dashboard.change_page import change_document, forecast_document, requests_documents
from agentd.dashboard.charts import Charts
from agentd.dashboard.entry import Entry
from agentd.dashboard.index import Index
from agentd.dashboard.page_files import page_files
from agentd.dashboard.project_page import project_document

# What a module needs stands before it.
_MODULES = (
    *("dom", "format", "url", "source", "alerts", "budget", "table", "agents", "charts"),
    *("markdown", "project", "change", "main"),
)
_IMPORT = r"^import \{[^}]*\} from \"\./\w+\.js\";\n"


def frozen_page(
    index: Index, details: Collection[Entry], opened: str | None, now: datetime, here: tzinfo
) -> str:
    """The page of a project as HTML, with a view of its own for each change of ``details``.

    It opens at the change with the key ``opened``, None for the project. The days of its charts are
    in the zone ``here``.
    """
    project = project_document(index, [], now)
    project["changes"] = [one.row for one in index.entries.values()]
    cells = {key: one.sums.cells for key, one in index.entries.items()}
    return page_with(
        {
            "project": project,
            "charts": Charts(here).document(cells),
            "changes": {one.key: change_document(one, here, now) for one in details},
            "forecasts": {one.key: forecast_document(one) for one in details},
            "requests": {one.key: requests_documents(one) for one in details},
            "opened": opened,
        }
    )


def page_with(figures: dict[str, Any]) -> str:
    """The file of these figures."""
    files = {name: body.decode() for name, body in page_files().items()}
    style = files["uPlot.min.css"] + files["dashboard.css"]
    library, script = files["uPlot.iife.min.js"], _script(files)
    data = wire.as_bytes(figures).decode().replace("<", "\\u003c")
    policy = (
        f"default-src 'none'; script-src {_hash(library)} {_hash(script)}; "
        f"style-src {_hash(style)}; img-src data:; base-uri 'none'; form-action 'none'"
    )
    head = (
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n<style>{style}</style>\n'
    )
    icon = base64.b64encode(files["icon.svg"].encode()).decode()
    page = files["index.html"].replace(
        'href="page/icon.svg"', f'href="data:image/svg+xml;base64,{icon}"'
    )
    page = re.sub(r"<link rel=\"stylesheet\".*?>\n|<script .*?</script>\n", "", page)
    page = page.replace("</head>", f"{head}</head>", 1)
    end = (
        f'<script type="application/json" id="frozen">{data}</script>\n'
        f"<script>{library}</script>\n<script>{script}</script>\n</body>"
    )
    before, _, after = page.rpartition("</body>")
    return f"{before}{end}{after}"


def _script(files: dict[str, str]) -> str:
    """The modules as one script; none of them has a name of another one."""
    parts = [re.sub(_IMPORT, "", files[f"{name}.js"], flags=re.MULTILINE) for name in _MODULES]
    text = re.sub(r"^export ", "", "".join(parts), flags=re.MULTILINE)
    return f'"use strict";(() => {{\n{text}}})();\n'


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
