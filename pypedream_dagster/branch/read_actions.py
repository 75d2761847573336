"""``branch_actions`` of the graph file: what a project lets its branches' runs do beside what every run may.

For sources that the session policy does not know (``"athena:GetQueryResults"``, ``"timestream:Select"``). Reading
only, by the verb that AWS's own names begin with; no wildcards, for they reach what a later AWS adds.
"""

from __future__ import annotations

import re

from pypedream_dagster.errors import BranchError
from pypedream_dagster.graph.model import PipelineGraph

_VERBS = "Get|List|Describe|BatchGet|Query|Scan|Select|Read|Search|Lookup|Filter"
_READING = re.compile(rf"[a-z0-9-]+:(?:{_VERBS})[A-Za-z0-9]*\Z")
# They hand out what acts in another's name, a session policy or no. iam, sts and lakeformation are denied anyhow.
_HANDS_OUT = re.compile(r"Credential|Token|Password|AccessKey|Session|DataAccess|Url|URL|AuthCode|ActivityTask")
_CLOSED = ("iam", "sts", "lakeformation", "backup-storage")


def read_actions(graph: PipelineGraph) -> tuple[str, ...]:
    """Return the actions that the graph file's ``graph.metadata.branch_actions`` names.

    Raises:
        BranchError: it is no list of actions that read.
    """
    header = graph.metadata.get("metadata")
    named = header.get("branch_actions", []) if isinstance(header, dict) else []
    if not isinstance(named, list) or not all(isinstance(action, str) for action in named):
        raise BranchError("branch_actions is no list of IAM actions.", hint='write it as ["dynamodb:PartiQLSelect"]')
    for action in named:
        closed = action.partition(":")[0] in _CLOSED or _HANDS_OUT.search(action)
        if closed or not _READING.match(action):
            raise BranchError(
                f"branch_actions may not name {action!r}: "
                + ("it gives access in another's name." if closed else "it is not known to read only."),
                hint=f"name single actions whose verb is one of {_VERBS.replace('|', ', ')}",
            )
    return tuple(sorted(set(named)))
