"""Where an import looks: live in an account, in files, or both; all that is found goes into one survey."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from pypedream_dagster.errors import PypedreamError
from pypedream_dagster.graph.model import Json
from pypedream_dagster.importers.answers import Answers
from pypedream_dagster.importers.files import SourceFile, read_files
from pypedream_dagster.importers.inference.build import Given, wanted_tables
from pypedream_dagster.importers.inference.loose import survey_scripts, survey_statements
from pypedream_dagster.importers.inference.nodes import Selection
from pypedream_dagster.importers.sources.lambdas import with_started_jobs
from pypedream_dagster.importers.sources.variables import read_variables
from pypedream_dagster.importers.survey import FlowKind, Survey

if TYPE_CHECKING:
    from pypedream_dagster.aws.session import Aws

Source = Literal["glue", "step-functions", "glue-workflow", "airflow", "terraform", "cloudformation", "scripts"]
SOURCES: tuple[Source, ...] = get_args(Source)
_LIVE: frozenset[Source] = frozenset({"glue", "step-functions", "glue-workflow"})
_FLOWS: tuple[FlowKind, ...] = get_args(FlowKind)
OnProgress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Request:
    """What a person asks an import for.

    Attributes:
        sources: where to look; empty: in Glue, or in whatever the files hold.
        queries: names or patterns of what is deployed.
        paths: files and folders, from the project's folder.
        companions: files and folders in which jobs, tables and scripts are found too.
        tags: that Glue jobs must carry.
        variable_files: with values of parameters.
        history: whether a state machine's last execution tells what its definition does not.
        look_up: whether jobs, scripts and tables that files name are looked up in the account.
        dagbag: whether Airflow may run the DAG files.
    """

    sources: tuple[Source, ...] = ()
    queries: tuple[str, ...] = ()
    paths: tuple[Path, ...] = ()
    companions: tuple[Path, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    variable_files: tuple[Path, ...] = ()
    history: bool = False
    look_up: bool = False
    dagbag: bool = False

    @property
    def kinds(self) -> tuple[Source, ...]:
        """Where to look, told or by what is given."""
        if self.sources:
            return self.sources
        return tuple(source for source in SOURCES if source not in {"glue", "scripts"}) if self.paths else ("glue",)

    @property
    def selection(self) -> Selection:
        """What becomes nodes."""
        whole = not self.sources and bool(self.paths)
        if whole or {"terraform", "cloudformation"} & set(self.kinds):
            return Selection(frozenset(_FLOWS), all_jobs=True)
        return Selection(
            frozenset(kind for kind in _FLOWS if kind in self.kinds),
            all_jobs=bool({"glue", "scripts"} & set(self.kinds)),
        )

    @property
    def document(self) -> Json:
        """What is asked for, as the graph file keeps it for the next import; paths from the project's folder."""
        asked = {
            "from": list(self.sources),
            "queries": list(self.queries),
            "paths": [path.as_posix() for path in self.paths],
            "with": [path.as_posix() for path in self.companions],
            "tags": dict(self.tags),
            "variables": [path.as_posix() for path in self.variable_files],
            "history": self.history,
            "look_up": self.look_up,
            "dagbag": self.dagbag,
        }
        return {name: value for name, value in asked.items() if value}

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> Request:
        """Return what a graph file says that it was imported from.

        Raises:
            PypedreamError: it does not say so in a form that is understood.
        """
        try:
            return cls(
                sources=tuple(SOURCES[SOURCES.index(source)] for source in document.get("from", ())),
                queries=tuple(map(str, document.get("queries", ()))),
                paths=tuple(Path(path) for path in document.get("paths", ())),
                companions=tuple(Path(path) for path in document.get("with", ())),
                tags={str(key): str(value) for key, value in document.get("tags", {}).items()},
                variable_files=tuple(Path(path) for path in document.get("variables", ())),
                history=bool(document.get("history")),
                look_up=bool(document.get("look_up")),
                dagbag=bool(document.get("dagbag")),
            )
        except (ValueError, TypeError, AttributeError) as error:
            raise PypedreamError(
                "What the main graph was imported from cannot be read from its file (graph.metadata.import.requests).",
                hint="name the sources again: import-dag --check QUERY --from SOURCE",
            ) from error

    @property
    def is_live(self) -> bool:
        """Tell whether an account is asked."""
        return self.look_up or not self.paths or bool(self.queries)


def all_gathered(
    requests: Sequence[Request],
    answers: Answers,
    aws: Callable[[], Aws],
    *,
    base: Path,
    on_progress: OnProgress = lambda *_: None,
) -> Given:
    """Return all that an import of several requests, at least one, starts from; see `gathered`."""
    given, *others = (gathered(request, answers, aws, base=base, on_progress=on_progress) for request in requests)
    for other in others:
        given += other
    return given


def gathered(
    request: Request,
    answers: Answers,
    aws: Callable[[], Aws],
    *,
    base: Path,
    on_progress: OnProgress = lambda *_: None,
) -> Given:
    """Return all that an import starts from.

    Args:
        request: what is asked for.
        answers: what people answered.
        aws: gives the account, asked only where one is needed.
        base: the project's folder, from which files are named.
        on_progress: is told what is read, how many of it are, and of how many (0: not known).

    Raises:
        PypedreamError: a path does not exist, or a source needs files.
        NotFoundError: nothing matches what is asked for.
    """
    for source in request.kinds:
        if source not in _LIVE and not request.paths and request.sources:
            raise PypedreamError(
                f"What {source} defines is read from files.", hint=f"give them: import-dag --from {source} FOLDER"
            )
    variables: dict[str, str] = {}
    for path in request.variable_files:
        variables |= read_variables(base / path)
    files, problems = read_files((base / path for path in (*request.paths, *request.companions)), base)
    survey = Survey(problems=problems)
    if files:
        survey += _of_files(request, files, variables, base, on_progress)
    if request.is_live:
        survey += _live(request, survey, aws(), on_progress)
    given = Given(survey, request.selection, answers, files, variables, _sources(request), (request.document,))
    if request.is_live:
        survey += _tables(given, aws(), on_progress)
    return replace(given, survey=survey)


def _of_files(
    request: Request, files: Sequence[SourceFile], variables: Mapping[str, str], base: Path, on_progress: OnProgress
) -> Survey:
    # Each is imported only where it is needed: some bring parsers that take their time.
    survey = Survey()
    kinds = set(request.kinds)
    infrastructure_only = bool(request.sources) and kinds <= {"terraform", "cloudformation"}
    if not infrastructure_only and "step-functions" in kinds:
        from pypedream_dagster.importers.sources import step_functions

        on_progress("state machines", 0, 0)
        survey += step_functions.survey(files, variables)
    if not infrastructure_only and "airflow" in kinds:
        on_progress("DAGs", 0, 0)
        survey += _dags(request, files, variables, base)
    if not infrastructure_only:  # a flow's jobs may be described there, too
        from pypedream_dagster.importers.sources import glue_files

        on_progress("Glue's JSON", 0, 0)
        survey += glue_files.survey(files, variables)
    if not infrastructure_only or "cloudformation" in kinds:
        from pypedream_dagster.importers.sources import cloudformation

        on_progress("CloudFormation templates", 0, 0)
        survey += cloudformation.survey(files, variables)
    if not infrastructure_only or "terraform" in kinds:
        from pypedream_dagster.importers.sources import terraform

        on_progress("Terraform files", 0, 0)
        survey += terraform.survey(files, variables)
    survey = with_started_jobs(survey, files)
    runs_jobs = any(task.operation == "glue" for flow in survey.flows for task in flow.tasks)
    if "scripts" in kinds or not (request.sources or survey.jobs or runs_jobs):
        survey += survey_scripts(files)
    return survey + survey_statements(files)


def _dags(request: Request, files: Sequence[SourceFile], variables: Mapping[str, str], base: Path) -> Survey:
    if not request.dagbag:
        from pypedream_dagster.importers.sources.airflow import source as airflow

        return airflow.survey(files, variables)
    from pypedream_dagster.importers.sources.airflow.dagbag import dagbag_survey

    survey = Survey()
    for path in request.paths:
        survey += dagbag_survey(base / path, base)
    return survey


def _live(request: Request, known: Survey, aws: Aws, on_progress: OnProgress) -> Survey:
    from pypedream_dagster.importers.sources import live

    # CloudFormation and Terraform call them so, too.
    survey = Survey(values={"AWS::AccountId": aws.sts.caller().account, "AWS::Region": aws.region})
    queries: Iterable[str | None] = request.queries or ((None,) if not request.paths else ())
    for query in queries:
        if "glue" in request.kinds:
            survey += live.survey_jobs(aws, query=query, tags=request.tags, on_progress=on_progress)
        if "step-functions" in request.kinds:
            from pypedream_dagster.importers.sources.step_functions import live_survey

            on_progress("state machines", 0, 0)
            survey += live_survey(aws.step_functions, query or "", history=request.history)
        if "glue-workflow" in request.kinds:
            survey += live.workflows_live(aws.glue, query, on_progress=on_progress)
    defined = {job.name for job in (*known.jobs, *survey.jobs)}
    named = live.job_names((*known.flows, *survey.flows)) if request.look_up or survey.flows else frozenset()
    return survey + live.survey_named_jobs(aws, named - defined, on_progress=on_progress)


def _tables(given: Given, aws: Aws, on_progress: OnProgress) -> Survey:
    from pypedream_dagster.importers.sources import live

    wanted = wanted_tables(given)
    if not wanted:
        return Survey()
    survey = live.catalog_live(aws.catalog, wanted, on_progress=on_progress)
    found = {(entry.database, entry.name) for entry in survey.tables}
    return survey if found >= set(wanted) else survey + live.crawlers_live(aws.glue)


def _sources(request: Request) -> tuple[str, ...]:
    kinds = ", ".join(request.kinds) if request.sources or not request.paths else "files"
    named = [*request.queries, *(path.as_posix() for path in request.paths)]
    tags = [f"tag {key}={value}" for key, value in sorted(request.tags.items())]
    return (
        " ".join([kinds, *named, *tags]),
        *(f"with {path.as_posix()}" for path in request.companions),
    )
