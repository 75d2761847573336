"""Glue's workflows and crawlers as they are deployed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pypedream_dagster.masking.mask import learn


@dataclass(frozen=True, slots=True)
class GlueWorkflow:
    """A workflow with what starts its jobs.

    Attributes:
        run_properties: the default ones.
        triggers: as GetTriggers would answer them, whole.
    """

    name: str
    run_properties: Mapping[str, str] = field(repr=False)
    triggers: tuple[Mapping[str, Any], ...] = field(repr=False)

    @classmethod
    def from_answer(cls, name: str, answer: Mapping[str, Any]) -> GlueWorkflow:
        """Return the workflow that GetWorkflow answered with its graph."""
        properties = dict(answer.get("DefaultRunProperties") or {})
        learn(properties)
        triggers = []
        for node in (answer.get("Graph") or {}).get("Nodes") or []:
            trigger = (node.get("TriggerDetails") or {}).get("Trigger")
            if trigger:
                triggers.append(trigger)
                for action in trigger.get("Actions") or []:
                    learn(action.get("Arguments") or {})
        return cls(name, properties, tuple(triggers))


@dataclass(frozen=True, slots=True)
class GlueCrawler:
    """A crawler.

    Attributes:
        database: where it makes tables; empty where it makes none.
        paths: the places in S3 that it crawls.
        table_prefix: put before each table's name.
    """

    name: str
    database: str
    paths: tuple[str, ...]
    table_prefix: str

    @classmethod
    def from_answer(cls, answer: Mapping[str, Any]) -> GlueCrawler:
        """Return the crawler that GetCrawlers answered."""
        return cls(
            name=answer["Name"],
            database=answer.get("DatabaseName") or "",
            paths=tuple(_paths(answer.get("Targets") or {})),
            table_prefix=answer.get("TablePrefix") or "",
        )


def _paths(targets: Mapping[str, Any]) -> Iterator[str]:
    yield from (target["Path"] for target in targets.get("S3Targets") or [] if target.get("Path"))
    for target in targets.get("DeltaTargets") or []:
        yield from target.get("DeltaTables") or []
    for kind in ("IcebergTargets", "HudiTargets"):
        for target in targets.get(kind) or []:
            yield from target.get("Paths") or []
