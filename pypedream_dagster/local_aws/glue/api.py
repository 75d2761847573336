"""The part of the Glue API that is ours: jobs, job runs, tags, and what starts jobs. The catalog stays moto's.

Answers are dicts in the JSON 1.1 protocol's form; errors are raised as ``GlueError``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pypedream_dagster.local_aws.execution.scheduler import Scheduler
from pypedream_dagster.local_aws.glue.errors import EntityNotFoundException, InvalidInputException
from pypedream_dagster.local_aws.glue.jobs import Job, JobStore
from pypedream_dagster.local_aws.glue.orchestration import OrchestrationApi
from pypedream_dagster.local_aws.glue.paging import page_of
from pypedream_dagster.local_aws.glue.runs import RunStore
from pypedream_dagster.local_aws.glue.start import start_run
from pypedream_dagster.local_aws.glue.tags import TagStore
from pypedream_dagster.local_aws.glue.validation import validate

Answer = dict[str, Any]
_DEFAULT_PAGE = 100
_DEFAULT_RUNS_PAGE = 200


class GlueApi:
    """Answers Glue calls.

    Args:
        jobs: the job store.
        runs: the run store.
        tags: the tag store.
        scheduler: runs what is started and stops what is to be stopped.
        orchestration: answers for triggers, workflows' graphs and connections.
    """

    def __init__(
        self, jobs: JobStore, runs: RunStore, tags: TagStore, scheduler: Scheduler, orchestration: OrchestrationApi
    ) -> None:
        self._jobs = jobs
        self._runs = runs
        self._tags = tags
        self._scheduler = scheduler
        self._operations: dict[str, Callable[[Answer], Answer]] = {
            "CreateJob": self._create_job,
            "UpdateJob": self._update_job,
            "DeleteJob": self._delete_job,
            "GetJob": self._get_job,
            "GetJobs": self._get_jobs,
            "BatchGetJobs": self._batch_get_jobs,
            "ListJobs": self._list_jobs,
            "StartJobRun": self._start_job_run,
            "GetJobRun": self._get_job_run,
            "GetJobRuns": self._get_job_runs,
            "BatchStopJobRun": self._batch_stop_job_run,
            "TagResource": self._tag_resource,
            "UntagResource": self._untag_resource,
            "GetTags": self._get_tags,
            **orchestration.operations,
        }

    def answers(self, operation: str) -> bool:
        """Whether an operation is answered here rather than by moto."""
        return operation in self._operations

    def call(self, operation: str, request: dict[str, Any]) -> Answer:
        """Answers one call.

        Raises:
            GlueError: as Glue refuses it.
        """
        validate(operation, request)
        return self._operations[operation](request)

    def _create_job(self, request: Answer) -> Answer:
        return {"Name": self._jobs.create(request).name}

    def _update_job(self, request: Answer) -> Answer:
        job = self._jobs.update(request["JobName"], request["JobUpdate"])
        self._scheduler.promote(job.name)  # it may run more at once now
        return {"JobName": job.name}

    def _delete_job(self, request: Answer) -> Answer:
        self._jobs.delete(request["JobName"])
        return {"JobName": request["JobName"]}

    def _get_job(self, request: Answer) -> Answer:
        return {"Job": self._jobs.get(request["JobName"]).described()}

    def _get_jobs(self, request: Answer) -> Answer:
        page, more = page_of(self._jobs.all(), request, _DEFAULT_PAGE)
        return {"Jobs": [job.described() for job in page], **more}

    def _batch_get_jobs(self, request: Answer) -> Answer:
        found = {name: self._jobs.find(name) for name in request["JobNames"]}
        return {
            "Jobs": [job.described() for job in found.values() if job is not None],
            "JobsNotFound": [name for name, job in found.items() if job is None],
        }

    def _list_jobs(self, request: Answer) -> Answer:
        wanted = (request.get("Tags") or {}).items()
        jobs = [job for job in self._jobs.all() if wanted <= job.tags.items()]
        page, more = page_of(jobs, request, _DEFAULT_PAGE)
        return {"JobNames": [job.name for job in page], **more}

    def _start_job_run(self, request: Answer) -> Answer:
        job: Job = self._jobs.get(request["JobName"])
        return {"JobRunId": start_run(job, request, self._runs).id}

    def _get_job_run(self, request: Answer) -> Answer:
        self._jobs.get(request["JobName"])
        return {"JobRun": self._runs.get(request["JobName"], request["RunId"]).described()}

    def _get_job_runs(self, request: Answer) -> Answer:
        self._jobs.get(request["JobName"])
        page, more = page_of(self._runs.of_job(request["JobName"]), request, _DEFAULT_RUNS_PAGE)
        return {"JobRuns": [run.described() for run in page], **more}

    def _batch_stop_job_run(self, request: Answer) -> Answer:
        name, stopped, errors = request["JobName"], [], []
        for run_id in request["JobRunIds"]:
            try:
                if self._runs.get(name, run_id).is_terminal:
                    raise InvalidInputException("Job Run cannot be stopped because it is already in a final state.")
                self._scheduler.stop(run_id)
                stopped.append({"JobName": name, "JobRunId": run_id})
            except (EntityNotFoundException, InvalidInputException) as error:
                detail = {"ErrorCode": error.code, "ErrorMessage": error.message}
                errors.append({"JobName": name, "JobRunId": run_id, "ErrorDetail": detail})
        return {"SuccessfulSubmissions": stopped, "Errors": errors}

    def _tag_resource(self, request: Answer) -> Answer:
        self._tags.add(request["ResourceArn"], request["TagsToAdd"])
        return {}

    def _untag_resource(self, request: Answer) -> Answer:
        self._tags.remove(request["ResourceArn"], request["TagsToRemove"])
        return {}

    def _get_tags(self, request: Answer) -> Answer:
        return {"Tags": self._tags.get(request["ResourceArn"])}
