"""Runs the commands that a user would type: echoed with ``$``, output live, never on a real account."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infrastructure import require_loopback

INTERRUPT_SECONDS = 60
"""How long a command may take to stop its job runs and servers after Ctrl-C."""


class CommandError(Exception):
    """A command ended with another exit code than 0.

    Args:
        command: as echoed.
        exit_code: what it ended with.
    """

    def __init__(self, command: str, exit_code: int) -> None:
        super().__init__(f"'{command}' ended with exit code {exit_code}")
        self.exit_code = exit_code


@dataclass(frozen=True, slots=True)
class Shell:
    """Where and with what environment commands run.

    Attributes:
        project: the folder that holds ``pipeline_graph/``; commands run in it.
        environment: the whole environment of every command.
    """

    project: Path
    environment: Mapping[str, str]

    def run(self, *command: str, folder: Path | None = None) -> None:
        """Echo a command and run it, its output going where ours goes.

        Args:
            command: words of the command line.
            folder: where to run it, relative to the project.

        Raises:
            CommandError: it ended with another exit code than 0.
        """
        shown = shlex.join(command) if folder is None else f"cd {folder} && {shlex.join(command)}"
        print(f"$ {shown}", flush=True)
        place = self.project if folder is None else self.project / folder
        with subprocess.Popen(command, cwd=place, env=dict(self.environment)) as process:
            exit_code = _wait(process)
        if exit_code:
            raise CommandError(shown, exit_code)

    def succeeds(self, *command: str, folder: Path) -> bool:
        """Run a command without a word and tell whether it ended with exit code 0."""
        ended = subprocess.run(
            command, cwd=self.project / folder, env=dict(self.environment), check=False, capture_output=True
        )
        return ended.returncode == 0

    def read(self, *command: str) -> str:
        """Run a command without a word and return its standard output.

        Raises:
            CommandError: it ended with another exit code than 0.
        """
        ended = subprocess.run(
            command, cwd=self.project, env=dict(self.environment), check=False, stdout=subprocess.PIPE, text=True
        )
        if ended.returncode:
            raise CommandError(shlex.join(command), ended.returncode)
        return ended.stdout

    def on_embedded_aws(self) -> Shell:
        """Return the same shell with the embedded AWS as its only AWS.

        Raises:
            CommandError: the embedded AWS does not run.
            SystemExit: the endpoint is not on this machine.
        """
        exports = parse_exports(self.read("pypedream", "local", "env"))
        environment = {**self.environment, **exports}
        require_loopback(environment)
        return Shell(self.project, environment)


def _wait(process: subprocess.Popen[bytes]) -> int:
    """Wait for a command; on Ctrl-C, which it gets as well, let it put its things in order first."""
    try:
        return process.wait()
    except KeyboardInterrupt:
        try:
            process.wait(INTERRUPT_SECONDS)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            process.kill()
            process.wait()
        raise


def clean_environment(environment: Mapping[str, str], project: Path) -> dict[str, str]:
    """Return an environment in which nothing of the user's own AWS or Dagster can be reached.

    Endpoints, keys and profiles are dropped, and boto3's files are pointed at nothing: a ``services`` section in
    them would win over the endpoint in the environment.
    """
    foreign = ("AWS_", "DAGSTER_", "BOTO_", "PYTHON")
    ours = {key: value for key, value in environment.items() if not key.startswith(foreign)}
    ours.pop("PYPEDREAM_PROJECT", None)
    binaries = str(Path(sys.executable).parent)
    return ours | {
        "PATH": os.pathsep.join([binaries, ours.get("PATH", os.defpath)]),
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "PYTHONUNBUFFERED": "1",
        # 'git apply' then takes paths as they stand, whoever owns the checkout around them.
        "GIT_CEILING_DIRECTORIES": str(project),
    }


def parse_exports(text: str) -> dict[str, str]:
    """Read ``export NAME=value`` lines.

    >>> parse_exports("export AWS_REGION=us-east-1\\nexport A='b c'")
    {'AWS_REGION': 'us-east-1', 'A': 'b c'}
    """
    words = shlex.split(text, comments=True)
    return dict(word.split("=", 1) for word in words if "=" in word)
