"""``branches/<name>/base/``: what main was when the branch was made, or last rebased.

::

    main.json            the main graph's file
    scripts/<node>.py    production's script of each origin
    jobs.json            production's job of each affected node, as it was deployed (Baseline)

Later commands compare it with main as it is now (:mod:`branch.drift`); a rebase merges against it. A branch that was
made before this was kept has none: of it, only that something changed can be told.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import Field

from pypedream_dagster.branch.model import Frozen
from pypedream_dagster.errors import GraphError
from pypedream_dagster.graph.files import parse_graph
from pypedream_dagster.graph.model import Json, PipelineGraph
from pypedream_dagster.masking.mask import mask_document


class JobAsSeen(Frozen):
    """Production's job of one node.

    Attributes:
        job: its name.
        fields: what CreateJob takes of it, its secrets masked: that one changed is not told; None if not deployed.
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


def masked_main(body: bytes) -> bytes:
    """Return a main graph's bytes as a branch keeps them: with the secrets of its jobs masked, else as they are."""
    try:
        document = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return body  # not a graph, and refused wherever it is read
    masked = mask_document(document)
    return body if masked == document else (json.dumps(masked, indent=2, ensure_ascii=False) + "\n").encode()
