"""What tasks tell of the Glue catalog: the crawlers that they define, the tables that their SQL creates."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from pypedream_dagster.importers.sources.airflow.pipeline import Operator
from pypedream_dagster.importers.sources.airflow.values import Value
from pypedream_dagster.importers.survey import CatalogEntry, CrawlerDefinition, Where

_NAME = r"[`\"]?([\w${}.\-]+?)[`\"]?"
_CREATE = re.compile(
    rf"\bCREATE\s+(?:EXTERNAL\s+)?TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?(?:{_NAME}\s*\.\s*)?{_NAME}\s*[(\s]", re.IGNORECASE
)
_LOCATION = re.compile(r"\b(?:LOCATION|external_location\s*=)\s*['\"](s3[an]?://[^'\"]+)['\"]", re.IGNORECASE)
_FORMATS = ("parquet", "orc", "iceberg", "delta", "avro", "json", "csv")


def crawler_of(operator: Operator, text: Callable[[Value], str]) -> CrawlerDefinition | None:
    """Return the crawler that an operator's ``config`` defines, where it says what it crawls."""
    config = operator.arguments.get("config")
    if not isinstance(config, dict) or not isinstance(targets := config.get("Targets"), dict):
        return None
    given = targets.get("S3Targets")
    paths = [item.get("Path") for item in given if isinstance(item, dict)] if isinstance(given, list) else []
    if not paths or config.get("Name") is None:
        return None
    return CrawlerDefinition(
        text(config["Name"]),
        text(config.get("DatabaseName", "")).lower(),
        tuple(text(path) for path in paths if path is not None),
        Where(operator.at.source, operator.at.line, operator.task_id),
        table_prefix=text(config.get("TablePrefix") or ""),
    )


def tables_of(operator: Operator, text: Callable[[Value], str]) -> Iterator[CatalogEntry]:
    """Give the tables that an operator's SQL creates at an S3 location."""
    for name in ("query", "sql"):
        given = operator.arguments.get(name)
        for part in given if isinstance(given, list) else [given]:
            if isinstance(part, str):
                yield from _created(text(part), operator, text)


def _created(sql: str, operator: Operator, text: Callable[[Value], str]) -> Iterator[CatalogEntry]:
    for statement in sql.split(";"):
        created, location = _CREATE.search(statement), _LOCATION.search(statement)
        if created is None or location is None:
            continue
        database = created[1] or text(operator.arguments.get("database") or "default")
        wanted = statement.lower()
        yield CatalogEntry(
            database.lower(),
            created[2].lower(),
            location[1],
            Where(operator.at.source, operator.at.line, operator.task_id),
            format=next((name for name in _FORMATS if name in wanted), None),
        )
