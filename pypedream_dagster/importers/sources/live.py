"""What is deployed, by Glue's API: jobs with their scripts, workflows, tables, crawlers, connections.

Each function gives a `Survey` and only reads. What is asked for by name is asked for many at once; what cannot be
read, for it is missing or denied, is a `Problem` and stops nothing, but for the list of jobs itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from pypedream_dagster.aws.catalog import CatalogClient
from pypedream_dagster.aws.glue import GlueClient, GlueJob, matches
from pypedream_dagster.aws.s3 import S3Client
from pypedream_dagster.aws.session import Aws
from pypedream_dagster.branch import naming
from pypedream_dagster.errors import AccessDeniedError, AwsError, NotConfiguredError, NotFoundError
from pypedream_dagster.graph.uri import is_uri
from pypedream_dagster.importers.sources.glue_workflow import connected_triggers, trigger_flows, workflow_flow
from pypedream_dagster.importers.sources.tables import catalog_entry
from pypedream_dagster.importers.survey import (
    ConnectionDefinition,
    CrawlerDefinition,
    Flow,
    JobDefinition,
    Problem,
    Survey,
    Where,
)
from pypedream_dagster.masking.mask import mask_document

OnProgress = Callable[[str, int, int], None]
"""Is told what is read (``jobs``, ``scripts``, …), how many of it are, and of how many: 0 where that is not known."""

_AT_ONCE = 16  # fewer than the clients' connections; Glue allows some ten calls of a kind a second, and they retry
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def _quietly(what: str, done: int, total: int) -> None:
    """Tell nobody."""


def survey_jobs(
    aws: Aws,
    *,
    query: str | None = None,
    tags: Mapping[str, str] | None = None,
    on_progress: OnProgress = _quietly,
) -> Survey:
    """Return the jobs whose name matches and that carry all of the tags, with their scripts and connections.

    Args:
        aws: where they are.
        query: a part of the name, or a pattern such as ``sales-*``; None or empty: any.
        tags: keys and values; none: any.
        on_progress: is told how far it is.

    Raises:
        NotFoundError: no job matches.
        AccessDeniedError: the jobs cannot be listed.
    """
    found, problems = _matching(aws.glue, query or "", tags or {}, on_progress)
    if not found:
        wanted = [repr(query)] if query else []
        wanted += [f"tag {key}={value}" for key, value in (tags or {}).items()]
        raise NotFoundError(
            f"No Glue job matches {' and '.join(wanted)}." if wanted else "There is no Glue job.",
            hint="give a part of the name, or a pattern such as 'sales-*'; check the account and region in use",
        )
    return Survey(problems=problems) + _with_scripts(aws, _jobs(found, tags or {}), on_progress)


def survey_workflows(aws: Aws, query: str | None = None, *, on_progress: OnProgress = _quietly) -> Survey:
    """Return the workflows and chains of triggers that match, with their jobs and those jobs' scripts.

    Raises:
        NotFoundError: none matches.
        AccessDeniedError: workflows or triggers cannot be listed, and those that can hold none that matches.
    """
    flows = workflows_live(aws.glue, query, on_progress=on_progress)
    return flows + survey_named_jobs(aws, job_names(flows.flows), on_progress=on_progress)


def survey_named_jobs(aws: Aws, names: Iterable[str], *, on_progress: OnProgress = _quietly) -> Survey:
    """Return the jobs of these names with their scripts and connections: those that some flow starts."""
    wanted = sorted(set(names))
    survey = Survey()
    found: list[GlueJob] = []
    for name, job in _each(aws.glue.get_job, wanted, "jobs", on_progress):
        if isinstance(job, AwsError):
            survey += _problem(_job_at(name), job)
        elif job is not None:
            found.append(job)
    return survey + _with_scripts(aws, _jobs(found, {}), on_progress)


def job_names(flows: Iterable[Flow]) -> frozenset[str]:
    """Return the names of the Glue jobs that flows start, as far as they are known."""
    jobs = (task.job for flow in flows for task in flow.tasks if task.operation == "glue")
    return frozenset(job for job in jobs if job and "${" not in job)


def workflows_live(glue: GlueClient, query: str | None = None, *, on_progress: OnProgress = _quietly) -> Survey:
    """Return the workflows whose name matches, and the triggers outside of any, as flows.

    Triggers outside of workflows that hang together match by the name of any of them.

    Raises:
        NotFoundError: none matches.
        AccessDeniedError: workflows or triggers cannot be listed, and those that can hold none that matches.
    """
    survey, failed = Survey(), []
    names: list[str] = []
    adrift: list[Mapping[str, Any]] = []
    try:
        names = [name for name in glue.workflow_names() if matches(query or "", name)]
    except AccessDeniedError as error:
        failed.append((Where("glue:workflows"), error))
    try:
        adrift = [trigger for trigger in glue.whole_triggers() if not trigger.get("WorkflowName")]
    except AccessDeniedError as error:
        failed.append((Where("glue:triggers"), error))
    for where, refusal in failed:
        survey += _problem(where, refusal)
    for name, workflow in _each(glue.get_workflow, names, "workflows", on_progress):
        at = Where(f"glue:workflow/{name}")
        if isinstance(workflow, AwsError):
            survey += _problem(at, workflow)
        else:
            survey += workflow_flow(name, workflow.triggers, at=at, run_properties=workflow.run_properties)
    for group in connected_triggers(adrift):
        if any(matches(query or "", trigger["Name"]) for trigger in group):
            survey += trigger_flows(group, at=Where("glue:triggers"))
    if failed and not survey.flows:
        raise failed[0][1]
    if not (survey.flows or names):
        raise NotFoundError(
            f"No Glue workflow or trigger matches {query!r}." if query else "There is no Glue workflow or trigger.",
            hint="give a part of the name, or a pattern such as 'sales-*'; check the account and region in use",
        )
    return survey


def scripts_live(s3: S3Client, scripts: Mapping[str, Where], *, on_progress: OnProgress = _quietly) -> Survey:
    """Return the content of scripts by their URI.

    Args:
        s3: reads them.
        scripts: what names each of them, told where one cannot be read.
        on_progress: is told how far it is.
    """
    bodies: dict[str, bytes] = {}
    problems: list[Problem] = []
    for uri, body in _each(s3.read_bytes, sorted(scripts), "scripts", on_progress):
        if isinstance(body, AwsError):
            problems.append(Problem(scripts[uri], f"its script cannot be read: {body}"))
        else:
            bodies[uri] = body
    return Survey(scripts=bodies, problems=tuple(problems))


def catalog_live(
    catalog: CatalogClient, wanted: Iterable[tuple[str, str]], *, on_progress: OnProgress = _quietly
) -> Survey:
    """Return where the wanted tables lie; one that is not there, or says no place, is left out.

    Args:
        catalog: knows them.
        wanted: database and table, each.
        on_progress: is told how far it is.
    """
    names = sorted({(database.lower(), table.lower()) for database, table in wanted})
    survey = Survey()
    for (database, table), entry in _each(partial(_table, catalog), names, "tables", on_progress):
        at = _table_at(database, table)
        if isinstance(entry, AwsError):
            survey += _problem(at, entry)
        elif entry is not None:
            described = catalog_entry(database, {**entry, "Name": table}, at)
            survey += Survey(tables=() if described is None else (described,))
    return survey


def crawlers_live(glue: GlueClient) -> Survey:
    """Return the account's crawlers."""
    try:
        found = list(glue.crawlers())
    except AccessDeniedError as error:
        return _problem(Where("glue:crawlers"), error)
    return Survey(
        crawlers=tuple(
            CrawlerDefinition(one.name, one.database, one.paths, Where(f"glue:crawler/{one.name}"), one.table_prefix)
            for one in found
        )
    )


def connections_live(glue: GlueClient, names: Iterable[str], *, on_progress: OnProgress = _quietly) -> Survey:
    """Return connections by their names and kinds; nothing else of them is asked for."""
    survey = Survey()
    for name, kind in _each(glue.connection_type, sorted(set(names)), "connections", on_progress):
        at = Where(f"glue:connection/{name}")
        if isinstance(kind, AwsError):
            survey += _problem(at, kind)
        else:
            survey += Survey(connections=(ConnectionDefinition(name, kind, at),))
    return survey


def _matching(
    glue: GlueClient, query: str, tags: Mapping[str, str], on_progress: OnProgress
) -> tuple[tuple[GlueJob, ...], tuple[Problem, ...]]:
    """Return the jobs that match, but for the clones of branches, and which of these cannot be told to be one."""
    tagged = frozenset(glue.tagged_jobs(tags)) if tags else None
    found: list[GlueJob] = []
    for job in glue.find_jobs(query):
        if tagged is None or job.name in tagged:
            found.append(job)
            on_progress("jobs", len(found), 0)
    # The tags decide; the description spares asking for those of every job.
    suspects = [job.name for job in found if naming.is_clone_description(str(job.properties.get("Description", "")))]
    clones: set[str] = set()
    problems: list[Problem] = []
    for name, its_tags in _each(glue.tags, suspects, "tags", _quietly):
        if isinstance(its_tags, AwsError):
            problems.append(Problem(_job_at(name), f"it looks like a branch's clone, and is left out: {its_tags}"))
        if isinstance(its_tags, AwsError) or naming.TAG_BRANCH in its_tags:
            clones.add(name)
    whole = sorted((job for job in found if job.name not in clones), key=lambda job: job.name)
    return tuple(whole), tuple(problems)


def _jobs(jobs: Iterable[GlueJob], tags: Mapping[str, str]) -> Survey:
    # Deploying takes the job as it is on AWS: its secrets are needed nowhere here.
    return Survey(
        jobs=tuple(
            JobDefinition(job.name, mask_document(job.creatable), _job_at(job.name), tags=dict(tags)) for job in jobs
        )
    )


def _with_scripts(aws: Aws, jobs: Survey, on_progress: OnProgress) -> Survey:
    scripts: dict[str, Where] = {}
    problems: list[Problem] = []
    for job in jobs.jobs:
        uri = str((job.properties.get("Command") or {}).get("ScriptLocation") or "")
        if is_uri(uri):
            scripts.setdefault(uri, job.at)
        else:
            problems.append(Problem(job.at, f"its script {uri!r} lies in no bucket"))
    connections = {
        name for job in jobs.jobs for name in (job.properties.get("Connections") or {}).get("Connections") or []
    }
    return (
        jobs
        + Survey(problems=tuple(problems))
        + scripts_live(aws.s3, scripts, on_progress=on_progress)
        + connections_live(aws.glue, connections, on_progress=on_progress)
    )


def _table(catalog: CatalogClient, name: tuple[str, str]) -> Mapping[str, Any] | None:
    found = catalog.whole_table(*name)
    link = None if found is None else found.get("TargetTable")
    if link and link.get("DatabaseName") and link.get("Name"):  # a link to a table of another database
        return catalog.whole_table(link["DatabaseName"], link["Name"])
    return found


def _each(
    read: Callable[[_Item], _Result], items: Iterable[_Item], what: str, on_progress: OnProgress
) -> Iterator[tuple[_Item, _Result | AwsError]]:
    """Read many at once; give each with what was read or why it was not, in their order.

    Raises:
        NotConfiguredError: the credentials are good for nothing (any more).
    """
    wanted = list(items)

    def attempt(item: _Item) -> _Result | AwsError:
        try:
            return read(item)
        except NotConfiguredError:
            raise
        except AwsError as error:
            return error

    pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix=f"import {what}")
    try:
        for done, (item, result) in enumerate(zip(wanted, pool.map(attempt, wanted), strict=True), start=1):
            on_progress(what, done, len(wanted))
            yield item, result
    finally:
        pool.shutdown(cancel_futures=True)


def _problem(at: Where, error: AwsError) -> Survey:
    return Survey(problems=(Problem(at, str(error)),))


def _job_at(name: str) -> Where:
    return Where(f"glue:job/{name}")


def _table_at(database: str, table: str) -> Where:
    return Where(f"glue:table/{database}.{table}")
