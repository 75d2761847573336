"""``branches/<name>/base/``: what main was when the branch was made, or last rebased.

::

    main.json            the main graph's file
    scripts/<node>.py    production's script of each origin
    jobs.json            production's job of each affected node, as it was deployed (Baseline)

Later commands compare it with main as it is now (:mod:`branch.drift`); a rebase merges against it. A branch that was
made before this was kept has none: of it, only that something changed can be told.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import Field

from pypedream_dagster.branch.model import Frozen
from pypedream_dagster.errors import GraphError
from pypedream_dagster.graph.files import parse_graph
from pypedream_dagster.graph.model import Json, PipelineGraph
from pypedream_dagster.masking.mask import is_secret

_IN_URL = re.compile(r"(?<=://)[^/@\s]+(?=@)")


class JobAsSeen(Frozen):
    """Production's job of one node.

    Attributes:
        job: its name.
        fields: what CreateJob takes of it, without secrets; None if it is not deployed.
        script_sha256: of its script; None if that could not be read.
    """

    job: str
    fields: Json | None = None
    script_sha256: str | None = None


class JobsFile(Frozen):
    """``jobs.json``.

    Attributes:
        jobs: by node; empty where production could not be asked.
        brought: origins whose script in ``base/`` is not production's but what the branch was started from.
    """

    version: Literal[1] = 1
    jobs: Mapping[str, JobAsSeen] = Field(default_factory=dict)
    brought: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Baseline:
    """Main as a branch saw it, or as it is now.

    Attributes:
        main_json: the graph's file; None where it is gone or unreadable.
        jobs: production's job of each affected node; empty where production was not asked.
        scripts: of the origins, by node.
        brought: see `JobsFile`.
    """

    main_json: bytes | None
    jobs: Mapping[str, JobAsSeen] = field(default_factory=dict)
    scripts: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    brought: tuple[str, ...] = ()

    def graph(self) -> PipelineGraph:
        """Read the graph's file.

        Raises:
            GraphError: it is missing or faulty.
        """
        if self.main_json is None:
            raise GraphError("The main graph is gone.", hint="restore pipeline_graph/main.json")
        return parse_main(self.main_json)


def parse_main(body: bytes) -> PipelineGraph:
    """Read a main graph's bytes.

    Raises:
        GraphError: they are no JSON, or faulty.
    """
    try:
        document = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise GraphError(f"The main graph is not JSON: {error}.") from error
    return parse_graph(document, source="the main graph")


def without_secrets(value: Any, name: str = "") -> Any:
    """Return a job's fields with what looks like a secret replaced by a short hash: enough to see that it changed."""
    match value:
        case dict():
            return {key: without_secrets(item, str(key)) for key, item in value.items()}
        case list():
            return [without_secrets(item, name) for item in value]
        case str() if value and is_secret(name, value):
            return _hidden(value)
        case str():
            return _IN_URL.sub(lambda match: _hidden(match[0]), value)
        case _:
            return value


def _hidden(secret: str) -> str:
    return f"(hidden, {hashlib.sha256(secret.encode()).hexdigest()[:8]})"
