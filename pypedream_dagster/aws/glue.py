"""Glue jobs and job runs, narrowed to what branches need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, cast

from pypedream_dagster.aws.job_run import JobRun
from pypedream_dagster.aws.orchestration import GlueCrawler, GlueWorkflow
from pypedream_dagster.aws.sts import StsClient
from pypedream_dagster.aws.translate import translated
from pypedream_dagster.errors import AwsError, NotFoundError
from pypedream_dagster.masking.mask import learn, mask_text

if TYPE_CHECKING:
    from mypy_boto3_glue.client import GlueClient as BotoGlue

_READ_ONLY = {
    "AllocatedCapacity",  # deprecated, and refused beside MaxCapacity
    "AutoUpgradeMetadata",
    "CreatedOn",
    "LastModifiedOn",
    "ProfileName",
    "SourceControlDetails",
}


@dataclass(frozen=True, slots=True)
class GlueJob:
    """A Glue job as it is deployed.

    Attributes:
        name: the job's name.
        properties: what GetJob answered, whole, fields unknown to us included.
    """

    name: str
    properties: Mapping[str, Any] = field(repr=False)

    @property
    def creatable(self) -> dict[str, Any]:
        """The properties that CreateJob takes: without the read-only and the derived ones."""
        kept = {key: value for key, value in self.properties.items() if key not in _READ_ONLY}
        if kept.get("WorkerType") or kept.get("NumberOfWorkers"):
            kept.pop("MaxCapacity", None)  # derived from the workers in the answer, refused beside them
        return {key: value for key, value in kept.items() if value is not None}

    @property
    def script_uri(self) -> str:
        """Where the job's script lies; empty if the job names none."""
        return str(self.properties.get("Command", {}).get("ScriptLocation", ""))

    @property
    def max_concurrent_runs(self) -> int:
        """How often the job may run at once; Glue's default is 1."""
        return int(dict(self.properties.get("ExecutionProperty") or {}).get("MaxConcurrentRuns") or 1)

    @property
    def default_arguments(self) -> dict[str, str]:
        """The arguments that a run may override key by key."""
        return dict(self.properties.get("DefaultArguments") or {})

    @property
    def non_overridable_arguments(self) -> dict[str, str]:
        """The arguments that no run can override."""
        return dict(self.properties.get("NonOverridableArguments") or {})


@dataclass(frozen=True, slots=True)
class GlueTrigger:
    """A trigger of Glue's.

    Attributes:
        type: ``SCHEDULED``, ``CONDITIONAL``, ``ON_DEMAND`` or ``EVENT``.
        starts: the jobs that it starts.
        watches: the jobs whose runs it waits for.
    """

    name: str
    type: str
    state: str
    schedule: str | None
    workflow: str | None
    starts: tuple[str, ...]
    watches: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GlueClient:
    """The Glue calls in use.

    Attributes:
        boto: the client for all calls but one; it retries by itself.
        starter: the client of StartJobRun, which never retries: that call is not idempotent, and a retry
            of one whose answer was lost starts a second run. `run.job_run` retries it knowingly.
        sts: tells the account for resource ARNs.
    """

    boto: BotoGlue
    starter: BotoGlue
    sts: StsClient

    def get_job(self, name: str) -> GlueJob | None:
        """Return the job, or None if there is none of that name."""
        try:
            with translated("glue", f"Glue job {name}"):
                answer = self.boto.get_job(JobName=name)["Job"]
        except NotFoundError:
            return None
        return _job(name, cast("Mapping[str, Any]", answer))

    def find_jobs(self, query: str = "") -> Iterator[GlueJob]:
        """Give the jobs whose name `matches` the query."""
        with translated("glue", "the account's Glue jobs"):
            for page in self.boto.get_paginator("get_jobs").paginate():
                for job in page["Jobs"]:
                    if matches(query, job["Name"]):
                        yield _job(job["Name"], cast("Mapping[str, Any]", job))

    def tagged_jobs(self, tags: Mapping[str, str]) -> Iterator[str]:
        """Give the names of the jobs that carry all of these tags, as Glue's listing has it."""
        with translated("glue", "the account's Glue jobs"):
            for page in self.boto.get_paginator("list_jobs").paginate(Tags=dict(tags)):
                yield from page["JobNames"]

    def create_job(self, name: str, properties: Mapping[str, Any], tags: Mapping[str, str]) -> None:
        """Create a job from CreateJob's fields; its ``Name`` and ``Tags`` are those given here.

        Raises:
            AwsError: a job of that name exists, or a field is unknown or faulty.
        """
        request: dict[str, Any] = {**properties, "Name": name, "Tags": dict(tags)}
        _learn(request)
        with translated("glue", f"Glue job {name}"):
            self.boto.create_job(**request)

    def update_job(self, name: str, properties: Mapping[str, Any]) -> None:
        """Replace all fields of a job; one that is left out falls back to Glue's default.

        Raises:
            NotFoundError: no such job.
        """
        update: Any = {key: value for key, value in properties.items() if key not in {"Name", "Tags"}}
        _learn(update)
        with translated("glue", f"Glue job {name}"):
            self.boto.update_job(JobName=name, JobUpdate=update)

    def delete_job(self, name: str) -> None:
        """Delete a job; one that is gone already is no error."""
        with translated("glue", f"Glue job {name}"):
            self.boto.delete_job(JobName=name)

    def arn(self, name: str) -> str:
        """Return the ARN of a job in the account and region in use."""
        caller = self.sts.caller()
        return f"arn:{caller.partition}:glue:{self.boto.meta.region_name}:{caller.account}:job/{name}"

    def tags(self, name: str) -> dict[str, str]:
        """Return a job's tags.

        Raises:
            NotFoundError: no such job.
        """
        with translated("glue", f"Glue job {name}"):
            return self.boto.get_tags(ResourceArn=self.arn(name))["Tags"]

    def set_tags(self, name: str, tags: Mapping[str, str]) -> None:
        """Add tags to a job, replacing the values of those that it has."""
        with translated("glue", f"Glue job {name}"):
            self.boto.tag_resource(ResourceArn=self.arn(name), TagsToAdd=dict(tags))

    def start_job_run(
        self,
        job_name: str,
        arguments: Mapping[str, str],
        session_policy: str | None = None,
        *,
        queuing: bool | None = None,
    ) -> str:
        """Start a run and return its id. Asked once, never again by itself.

        Args:
            job_name: the job.
            arguments: override the job's default arguments key by key.
            session_policy: IAM policy (JSON) that narrows the job's role for this run.
            queuing: whether Glue lets the run wait where there is no room; None: as the job says.

        Raises:
            ConcurrencyError: it runs as often at once as it may; nothing was started.
            BusyError: throttled, or the answer was lost: a run may have been started.
            NotFoundError: no such job.
        """
        request: dict[str, Any] = {"JobName": job_name, "Arguments": dict(arguments)}
        learn(arguments)
        if session_policy is not None:
            request["ExecutionRoleSessionPolicy"] = session_policy
        if queuing is not None:
            request["JobRunQueuingEnabled"] = queuing
        with translated("glue", f"Glue job {job_name}"):
            return self.starter.start_job_run(**request)["JobRunId"]

    def get_job_run(self, job_name: str, job_run_id: str) -> JobRun:
        """Return a run as it stands now.

        Raises:
            NotFoundError: no such run.
        """
        with translated("glue", f"run {job_run_id} of Glue job {job_name}"):
            answer = self.boto.get_job_run(JobName=job_name, RunId=job_run_id)
        return self._masked(JobRun.from_answer(job_name, cast("Mapping[str, Any]", answer["JobRun"])))

    def _masked(self, run: JobRun) -> JobRun:
        """Return a run whose error message shows no secret: a script's last words may repeat any of its arguments."""
        if run.error_message is None:
            return run
        try:
            self.get_job(run.job_name)  # which learns the secrets among its arguments
        except AwsError:
            return replace(
                run, error_message="(not shown: the job's arguments, whose secrets it may repeat, could not be read)"
            )
        return replace(run, error_message=mask_text(run.error_message))

    def job_runs(self, job_name: str) -> Iterator[JobRun]:
        """Give the job's runs that Glue still remembers, newest first, page by page as they are asked for.

        Raises:
            NotFoundError: no such job.
        """
        with translated("glue", f"the runs of Glue job {job_name}"):
            for page in self.boto.get_paginator("get_job_runs").paginate(
                JobName=job_name, PaginationConfig={"PageSize": 200}
            ):
                for run in page["JobRuns"]:
                    yield JobRun.from_answer(job_name, cast("Mapping[str, Any]", run))

    def stop_job_run(self, job_name: str, job_run_id: str) -> None:
        """Ask Glue to stop a run; one that has ended already is no error."""
        resource = f"run {job_run_id} of Glue job {job_name}"
        with translated("glue", resource):
            answer = self.boto.batch_stop_job_run(JobName=job_name, JobRunIds=[job_run_id])
        for fault in answer.get("Errors", []):
            details = fault.get("ErrorDetail", {})
            if details.get("ErrorCode") == "JobRunInvalidStateTransitionException":
                continue
            run = self.get_job_run(job_name, job_run_id)  # it may have ended, or been asked to stop, just before
            if not run.is_terminal and run.state != "STOPPING":
                raise AwsError(
                    f"AWS did not stop {resource}: {details.get('ErrorCode')}: {details.get('ErrorMessage')}.",
                    hint="look at it in Glue's console, and stop it there",
                )

    def triggers(self) -> Iterator[GlueTrigger]:
        """Give all triggers of the account and region."""
        for trigger in self.whole_triggers():
            conditions = (trigger.get("Predicate") or {}).get("Conditions") or []
            yield GlueTrigger(
                name=trigger["Name"],
                type=trigger.get("Type", ""),
                state=trigger.get("State", ""),
                schedule=trigger.get("Schedule"),
                workflow=trigger.get("WorkflowName"),
                starts=tuple(a["JobName"] for a in trigger.get("Actions") or [] if a.get("JobName")),
                watches=tuple(c["JobName"] for c in conditions if c.get("JobName")),
            )

    def whole_triggers(self) -> Iterator[Mapping[str, Any]]:
        """Give all triggers of the account and region as GetTriggers answers, whole."""
        with translated("glue", "the account's Glue triggers"):
            for page in self.boto.get_paginator("get_triggers").paginate():
                for trigger in page["Triggers"]:
                    for action in trigger.get("Actions") or []:
                        learn(action.get("Arguments") or {})
                    yield cast("Mapping[str, Any]", trigger)

    def workflow_names(self) -> Iterator[str]:
        """Give the names of the workflows of the account and region."""
        with translated("glue", "the account's Glue workflows"):
            for page in self.boto.get_paginator("list_workflows").paginate():
                yield from page["Workflows"]

    def get_workflow(self, name: str) -> GlueWorkflow:
        """Return a workflow with its triggers.

        Raises:
            NotFoundError: no such workflow.
        """
        with translated("glue", f"Glue workflow {name}"):
            answer = self.boto.get_workflow(Name=name, IncludeGraph=True)
        return GlueWorkflow.from_answer(name, cast("Mapping[str, Any]", answer["Workflow"]))

    def crawlers(self) -> Iterator[GlueCrawler]:
        """Give all crawlers of the account and region."""
        with translated("glue", "the account's Glue crawlers"):
            for page in self.boto.get_paginator("get_crawlers").paginate():
                for crawler in page["Crawlers"]:
                    yield GlueCrawler.from_answer(cast("Mapping[str, Any]", crawler))

    def connection_type(self, name: str) -> str:
        """Return a connection's type (``JDBC``, ``KAFKA``, ``NETWORK``, …); its password is not asked for.

        Raises:
            NotFoundError: no such connection.
        """
        with translated("glue", f"Glue connection {name}"):
            answer = self.boto.get_connection(Name=name, HidePassword=True)
        return str(answer["Connection"].get("ConnectionType", ""))


def matches(query: str, name: str) -> bool:
    """Tell whether a name holds the query, or matches it if it has a wildcard (``*``, ``?``, ``[``)."""
    return fnmatchcase(name, query if any(char in query for char in "*?[") else f"*{query}*")


def _job(name: str, answer: Mapping[str, Any]) -> GlueJob:
    _learn(answer)
    return GlueJob(name=name, properties=answer)


def _learn(properties: Mapping[str, Any]) -> None:
    for name in ("DefaultArguments", "NonOverridableArguments"):
        learn(properties.get(name) or {})
