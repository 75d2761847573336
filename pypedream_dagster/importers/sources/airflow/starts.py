"""What a task's own code starts on AWS: by boto3, by Airflow's hooks, by the command line."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator

from pypedream_dagster.importers.sources.airflow.natives import text_of
from pypedream_dagster.importers.sources.airflow.operations import PYTHON, STEERING, operation_of
from pypedream_dagster.importers.sources.airflow.pipeline import Operator, Start
from pypedream_dagster.importers.sources.airflow.values import Partial, Symbol, Unknown, Value, named

_METHODS: dict[str, tuple[str, tuple[str, ...]]] = {
    "start_crawler": ("crawler", ("Name", "crawler_name")),
    "start_workflow_run": ("glue-workflow", ("Name",)),
    "start_execution": ("step-functions", ("stateMachineArn", "state_machine_arn")),
    "start_query_execution": ("athena", ("QueryString",)),
    "add_job_flow_steps": ("emr", ("Steps",)),
    "run_job_flow": ("emr", ("Name",)),
    "create_training_job": ("sagemaker", ("TrainingJobName",)),
    "create_processing_job": ("sagemaker", ("ProcessingJobName",)),
    "start_pipeline_execution": ("sagemaker", ("PipelineName",)),
}
_SAYS = re.compile(
    r"^(?:run|start|trigger|submit|execute|invoke|launch|call)_?(?:an?_)?(?:aws_)?glue_?(?P<what>job|crawler)"
    r"(?:_?runs?|_and_wait|_with_\w+|_task|_sync)?$"
)
_JOB_NAMES = ("job_name", "glue_job_name", "JobName", "job", "name")
_CRAWLER_NAMES = ("crawler_name", "Name", "name")
_ARGUMENT_NAMES = ("run_arguments", "arguments", "script_args", "script_arguments", "job_args", "Arguments", "args")
_WHAT = {"applicationId": "emr", "virtualClusterId": "emr", "Name": "databrew", "JobName": "glue"}


def start_of(owner: Value, name: str, positional: list[Value], keywords: dict[str, Value]) -> Start | None:
    """Return what a method's call starts; None for any other method."""
    if name == "start_job_run":
        for key, operation in _WHAT.items():
            if key in keywords:
                return Start(operation, keywords[key], keywords.get("Arguments"))
        return Start("glue", positional[0], None) if positional else None
    if name == "initialize_job":
        return _hooked(owner, positional, keywords)
    if name == "invoke" and "FunctionName" in keywords:
        return Start("lambda", keywords["FunctionName"])
    if name == "invoke_lambda":
        return Start("lambda", keywords.get("function_name", positional[0] if positional else None))
    if name == "run_task" and "taskDefinition" in keywords:
        return Start("ecs", keywords["taskDefinition"])
    if name == "submit_job" and "jobDefinition" in keywords:
        return Start("batch", keywords["jobDefinition"])
    if name in _METHODS:
        operation, names = _METHODS[name]
        given = next((keywords[key] for key in names if key in keywords), positional[0] if positional else None)
        return Start(operation, given) if given is not None else None
    return _said_by_its_name(name, positional, keywords)


def _said_by_its_name(name: str, positional: list[Value], keywords: dict[str, Value]) -> Start | None:
    """Return what a function starts that no given file defines: ``run_glue_job("load", …)``."""
    if (said := _SAYS.match(name.lower())) is None:
        return None
    operation, names = ("crawler", _CRAWLER_NAMES) if said["what"] == "crawler" else ("glue", _JOB_NAMES)
    given = next((keywords[key] for key in names if key in keywords), positional[0] if positional else None)
    if not isinstance(given, str | Unknown):
        return None
    arguments = next((keywords[key] for key in _ARGUMENT_NAMES if isinstance(keywords.get(key), dict)), None)
    return Start(operation, given, arguments)


def _hooked(owner: Value, positional: list[Value], keywords: dict[str, Value]) -> Start | None:
    """Return what ``GlueJobHook(job_name=…).initialize_job(script_arguments, run_kwargs)`` starts."""
    if not (isinstance(owner, Partial) and isinstance(owner.callee, Symbol) and "Glue" in owner.callee.last):
        return None
    given = owner.keywords
    job = given.get("job_name", owner.positional[1] if len(owner.positional) > 1 else None)
    arguments = keywords.get("script_arguments", positional[0] if positional else None)
    more = keywords.get("run_kwargs", positional[1] if len(positional) > 1 else None)
    if isinstance(more, dict) and isinstance(more.get("Arguments"), dict):
        arguments = {**(arguments if isinstance(arguments, dict) else {}), **more["Arguments"]}
    return Start("glue", job if job is not None else Unknown("job_name"), arguments, given)


def starts_of_an_operator(task: Operator) -> Iterator[Start]:
    """Give what an operator starts that another task's own code executes."""
    operation = operation_of(task)
    if task.starts or operation.name in {STEERING, PYTHON}:
        yield from task.starts
        return
    given = next((task.arguments[name] for name in operation.resource if name in task.arguments), task.task_id)
    yield Start(operation.name, given, task.arguments.get("script_args"), task.arguments)


_COMMANDS: dict[tuple[str, str], tuple[str, str]] = {
    ("glue", "start-job-run"): ("glue", "--job-name"),
    ("glue", "start-crawler"): ("crawler", "--name"),
    ("glue", "start-workflow-run"): ("glue-workflow", "--name"),
    ("stepfunctions", "start-execution"): ("step-functions", "--state-machine-arn"),
    ("lambda", "invoke"): ("lambda", "--function-name"),
    ("athena", "start-query-execution"): ("athena", "--query-string"),
    ("batch", "submit-job"): ("batch", "--job-definition"),
    ("ecs", "run-task"): ("ecs", "--task-definition"),
    ("emr", "add-steps"): ("emr", "--cluster-id"),
    ("emr-serverless", "start-job-run"): ("emr", "--application-id"),
}
_PROCESSES = {f"subprocess.{name}" for name in ("run", "call", "check_call", "check_output", "Popen", "getoutput")}
_SEPARATORS = re.compile(r"&&|\|\||[;|()\n`]")


def shell_starts(command: str, render: Callable[[str], str]) -> Iterator[Start]:
    """Give what the commands of a shell's text start by ``aws …``."""
    assigned: dict[str, str] = {}
    text = render(command).replace("\\\n", " ")
    for words in _commands(text):
        for word in words:
            name, equals, value = word.partition("=")
            if equals and name.isidentifier() and word is words[0]:
                assigned[name] = value
        found = _aws(words)
        if found is not None:
            operation, resource, arguments = found
            names = {key: _put(value, assigned) for key, value in arguments.items()}
            yield Start(operation, _put(resource, assigned), names)


def process_starts(name: str, positional: list[Value]) -> Iterator[Start]:
    """Give what a call of ``subprocess`` or ``os.system`` starts by ``aws …``."""
    if name != "os.system" and name not in _PROCESSES:
        return
    given = positional[0] if positional else None
    if isinstance(given, str):
        yield from shell_starts(given, str)
    elif isinstance(given, list | tuple) and (found := _aws([text_of(word) for word in given])) is not None:
        yield Start(*found)


def _put(text: str, assigned: dict[str, str]) -> str:
    return re.sub(
        r"\$\{?(\w+)\}?",
        lambda found: assigned.get(found[1], found[0] if "{" in found[0] else f"${{{found[1]}}}"),
        text,
    )


def _commands(text: str) -> Iterator[list[str]]:
    lexer = shlex.shlex(text, posix=True, punctuation_chars=";|&()\n`")
    lexer.whitespace = " \t\r"
    lexer.whitespace_split = True
    lexer.commenters = ""
    words: list[str] = []
    try:
        for word in lexer:
            if re.fullmatch(r"[;|&()\n`]+", word):
                yield words
                words = []
            else:
                words.append(word)
    except ValueError:  # an open quote: split plainly
        for part in _SEPARATORS.split(text):
            yield part.replace("'", " ").replace('"', " ").split()
        return
    yield words


def _aws(words: list[str]) -> tuple[str, str, dict[str, str]] | None:
    start = next((i for i, w in enumerate(words) if w.rpartition("/")[2] == "aws" or w.endswith("$aws")), None)
    if start is None:
        return None
    plain = [i for i in range(start + 1, len(words)) if not words[i].startswith("-")]
    for index in plain:
        known = _COMMANDS.get((words[index], words[index + 1])) if index + 1 < len(words) else None
        if known is not None:
            operation, option = known
            resource = _option(words, option)
            return operation, resource if resource is not None else "${unknown}", _arguments(words)
    return None


def _option(words: list[str], option: str) -> str | None:
    for index, word in enumerate(words):
        if word == option and index + 1 < len(words):
            return words[index + 1]
        if word.startswith(f"{option}="):
            return word.partition("=")[2]
    return None


def _arguments(words: list[str]) -> dict[str, str]:
    """Return ``--arguments`` as the command line takes them: JSON, or ``--a=1,--b=2``."""
    given = _option(words, "--arguments")
    if given is None:
        return {}
    try:
        found = json.loads(given)
        return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}
    except (ValueError, RecursionError):
        pass
    given = given.strip().removeprefix("{") if given.strip().startswith("{") else given
    pairs = re.split(r",(?=\s*['\"]?--)", given)
    table = {}
    for pair in pairs:
        key, equals, value = pair.strip().partition("=" if "=" in pair else ":")
        if equals and key.strip("'\" ").startswith("--"):
            table[key.strip("'\" ")] = value.strip("'\" ")
    return table


def hook_like(symbol: Symbol) -> bool:
    """Tell whether a class is one of Airflow's hooks."""
    return symbol.last.endswith("Hook") and named(symbol) != "Hook"
