"""Step Functions' state machines and what their executions did, narrowed to what an import reads."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import islice
from typing import TYPE_CHECKING, Any

from pypedream_dagster.aws.translate import translated
from pypedream_dagster.errors import NotFoundError
from pypedream_dagster.masking.mask import learn

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions.client import SFNClient

_MOST_CHILDREN = 100
"""Of a distributed Map's child executions, those that are read: more only repeat how the arguments look."""


@dataclass(frozen=True, slots=True)
class StateMachine:
    """A state machine as it is deployed.

    Attributes:
        definition: its ASL, as text.
        keeps_history: whether Step Functions keeps what its executions did; those of Express go to the logs.
    """

    arn: str
    name: str
    definition: str = field(repr=False)
    keeps_history: bool = True


@dataclass(frozen=True, slots=True)
class JobStart:
    """A Glue job that an execution started.

    Attributes:
        state: the state that did.
        job: the job's name.
        arguments: the run's.
    """

    state: str
    job: str
    arguments: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ExecutionHistory:
    """What an execution started.

    Attributes:
        jobs: in their order.
        nested: executions of other state machines: the state that started each, and its ARN.
        map_runs: ARNs of the runs of distributed Maps, whose iterations are executions of their own.
    """

    jobs: tuple[JobStart, ...]
    nested: tuple[tuple[str, str], ...]
    map_runs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StepFunctionsClient:
    """The Step Functions calls in use: all only read."""

    boto: SFNClient

    def find_machines(self, query: str = "") -> Iterator[str]:
        """Give the ARNs of state machines whose name holds the query, or matches it if it has a wildcard."""
        pattern = query if any(char in query for char in "*?[") else f"*{query}*"
        with translated("stepfunctions", "the account's state machines"):
            for page in self.boto.get_paginator("list_state_machines").paginate():
                for machine in page["stateMachines"]:
                    if fnmatchcase(machine["name"], pattern):
                        yield machine["stateMachineArn"]

    def machine(self, arn: str) -> StateMachine | None:
        """Return a state machine, or None if there is none of that ARN."""
        try:
            with translated("stepfunctions", f"state machine {arn}"):
                told = self.boto.describe_state_machine(stateMachineArn=arn)
        except NotFoundError:
            return None
        return StateMachine(
            told["stateMachineArn"], told["name"], told["definition"], told.get("type", "STANDARD") != "EXPRESS"
        )

    def last_execution(self, arn: str) -> str | None:
        """Return the ARN of a state machine's last execution that succeeded, else of its last; None without any."""
        with translated("stepfunctions", f"the executions of {arn}"):
            succeeded = self.boto.list_executions(stateMachineArn=arn, statusFilter="SUCCEEDED", maxResults=1)
            found = (
                succeeded["executions"] or self.boto.list_executions(stateMachineArn=arn, maxResults=1)["executions"]
            )
        return found[0]["executionArn"] if found else None

    def children(self, map_run: str) -> tuple[str, ...]:
        """Return the executions of a distributed Map's run, the first hundred at most."""
        with translated("stepfunctions", f"the executions of {map_run}"):
            pages = self.boto.get_paginator("list_executions").paginate(mapRunArn=map_run)
            return tuple(islice((one["executionArn"] for page in pages for one in page["executions"]), _MOST_CHILDREN))

    def history(self, execution: str) -> ExecutionHistory:
        """Return what an execution started; arguments that are secrets are known as such from then on."""
        jobs: list[JobStart] = []
        nested: list[tuple[str, str]] = []
        map_runs: list[str] = []
        entered: dict[int, str] = {}  # by event: the state that it belongs to
        with translated("stepfunctions", f"the history of {execution}"):
            for page in self.boto.get_paginator("get_execution_history").paginate(executionArn=execution):
                for event in page["events"]:
                    state = event.get("stateEnteredEventDetails", {}).get("name")
                    state = state or entered.get(event.get("previousEventId", 0), "")
                    entered[event["id"]] = state
                    if scheduled := event.get("taskScheduledEventDetails"):
                        jobs += _job_start(state, scheduled)
                    if map_run := event.get("mapRunStartedEventDetails"):
                        map_runs += [map_run["mapRunArn"]] if "mapRunArn" in map_run else []
                    if started := event.get("taskSubmittedEventDetails") or event.get("taskSucceededEventDetails"):
                        arn = _read(started.get("output", "")).get("ExecutionArn")
                        if started["resourceType"] == "states" and isinstance(arn, str):
                            nested.append((state, arn))
        return ExecutionHistory(tuple(jobs), tuple(dict.fromkeys(nested)), tuple(map_runs))


def _job_start(state: str, scheduled: Mapping[str, Any]) -> Iterator[JobStart]:
    if not scheduled.get("resource", "").lower().startswith("startjobrun"):
        return
    parameters = _read(scheduled.get("parameters", ""))
    job, arguments = parameters.get("JobName"), parameters.get("Arguments") or {}
    if "glue" in scheduled.get("resourceType", "") and isinstance(job, str) and isinstance(arguments, dict):
        texts = {str(key): one if isinstance(one, str) else json.dumps(one) for key, one in arguments.items()}
        learn(texts)
        yield JobStart(state, job, texts)


def _read(text: str) -> dict[str, Any]:
    """Return what a text holds as JSON, nothing where it holds none or was cut off."""
    try:
        told = json.loads(text)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
