"""State machines as they are deployed, with what their last executions did."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pypedream_dagster.aws.step_functions import JobStart, StateMachine, StepFunctionsClient
from pypedream_dagster.errors import AccessDeniedError, NotFoundError
from pypedream_dagster.importers.sources.step_functions.documents import Machine
from pypedream_dagster.importers.sources.step_functions.history import with_history
from pypedream_dagster.importers.sources.step_functions.sources import machine_of, surveyed
from pypedream_dagster.importers.survey import Problem, Survey, Where

_DEEPEST = 10


def live_survey(client: StepFunctionsClient, query: str, *, history: bool) -> Survey:
    """Return the flows of the deployed state machines that a query names; those that they start are part of them.

    Args:
        client: of the account.
        query: a part of names, or a pattern.
        history: whether to look into the last execution that succeeded, for what only a run tells.

    Raises:
        NotFoundError: none matches.
        AwsError: Step Functions refused or could not be reached.
    """
    account = Account(client)
    arns = list(client.find_machines(query))
    if not arns:
        raise NotFoundError(
            f"No state machine matches {query!r}." if query else "There is no state machine.",
            hint="give a part of the name, or a pattern such as 'sales-*'; check the account and region in use",
        )
    machines, problems = [], []
    for arn in arns:
        machine = account.machine(arn)
        if machine is None:
            problems.append(Problem(Where(arn), "the definition of this state machine cannot be read"))
        else:
            machines.append(machine)
    told = surveyed(machines, account.machine)
    if history:
        told = _with_runs(told, account)
    return told + Survey(problems=tuple(problems))


class Account:
    """The account's state machines, each asked for once."""

    def __init__(self, client: StepFunctionsClient) -> None:
        self.client = client
        self._known: dict[str, StateMachine | None] = {}

    def described(self, arn: str) -> StateMachine | None:
        """Return a state machine by its ARN."""
        if arn not in self._known:
            self._known[arn] = self.client.machine(arn)
        return self._known[arn]

    def machine(self, arn: str) -> Machine | None:
        """Return a state machine's definition by its ARN; what is no ARN names none."""
        if not arn.startswith("arn:") or ":stateMachine:" not in arn or "${" in arn:
            return None
        told = self.described(arn)
        read = machine_of(told.definition, told.name, Where(arn), {}) if told else None
        return None if read is None else replace(read, names=(arn,))

    def starts(self, execution: str, prefix: str = "", depth: int = 0) -> Iterator[JobStart]:
        """Give the jobs that an execution started, with those of nested executions and of Maps' children."""
        seen = self.client.history(execution)
        yield from (replace(start, state=f"{prefix}{start.state}") for start in seen.jobs)
        if depth < _DEEPEST:
            for map_run in seen.map_runs:
                for child in self.client.children(map_run):
                    yield from self.starts(child, prefix, depth + 1)
            for state, nested in seen.nested:
                if ":express:" not in nested:
                    yield from self.starts(nested, f"{prefix}{state}/", depth + 1)


def _with_runs(told: Survey, account: Account) -> Survey:
    flows = []
    problems = told.problems
    unread: list[Problem] = []
    for flow in told.flows:
        starts: list[JobStart] = []
        try:
            machine = account.described(flow.at.source)
            execution = account.client.last_execution(flow.at.source) if machine and machine.keeps_history else None
            if execution is not None:
                starts.extend(account.starts(execution))  # what was read before a call fails counts
        except (AccessDeniedError, NotFoundError) as error:
            unread.append(Problem(flow.at, f"what its last execution did cannot be read to its end: {error}"))
        flow, problems = with_history(flow, problems, starts)
        flows.append(flow)
    return replace(told, flows=tuple(flows), problems=(*problems, *unread))
