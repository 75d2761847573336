"""The entry point ``pypedream``: finds the command, and turns expected errors into one clear line.

Commands are imported when they are called, so that ``--help`` costs nothing that it does not show.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from importlib import import_module
from pathlib import Path
from typing import NamedTuple, TextIO, cast

import click

from pypedream_dagster.cli.invocation import Invocation
from pypedream_dagster.cli.output import WithoutSecrets, note, print_error
from pypedream_dagster.errors import PypedreamError
from pypedream_dagster.masking.mask import mask_exception

EXIT_EXPECTED_ERROR = 2
EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}


class Entry(NamedTuple):
    """Where a command lies, and its one line in ``--help``."""

    module: str
    summary: str


COMMANDS = {
    "plot": Entry("plot", "Draw the pipeline's graph, left to right along the data."),
    "nodes": Entry("nodes", "List the nodes that can be branched."),
    "import-dag": Entry(
        "import_dag", "Build or extend the main graph from what is deployed, or from the code that deploys it."
    ),
    "branches": Entry("branches", "List main and all branches, and how they stand."),
    "create-branch": Entry("create_branch", "Create a branch at a node: its graph, and the script to edit."),
    "plan": Entry("plan", "Say what a branch would create, run, read and write."),
    "rebase": Entry("rebase", "Bring a branch up to date with main, and keep its edits."),
    "deploy-branch": Entry("deploy_branch", "Clone the branched job on AWS and upload its script."),
    "trigger-branch": Entry("trigger_branch", "Run a branch's affected nodes through Dagster."),
    "deltas": Entry("deltas", "Compare what a branch wrote with main's data."),
    "expectations": Entry("expectations", "Draft Great Expectations for a dataset from main's data."),
    "extend": Entry("extend", "Keep a branch longer: prolong its expiry, also on AWS."),
    "destroy-branch": Entry("destroy_branch", "Remove all that was made for a branch, data included."),
    "delete-branch": Entry("delete_branch", "Remove a branch's local folder."),
    "gc": Entry("gc", "Remove the branches that have expired, whoever made them."),
    "doctor": Entry("doctor", "Find what was forgotten: on AWS, in the lake, on this machine."),
    "lifecycle": Entry("lifecycle", "Offer an S3 lifecycle rule that expires what branches leave: a net below gc."),
    "compare": Entry("compare", "Compare any two datasets, local or on S3."),
    "policy": Entry("policy", "Print the IAM policy that a person or CI needs, and no more."),
    "local": Entry("local", "Start, stop or look at the embedded AWS."),
    "init": Entry("init", "Start a project for a pipeline of your own."),
}
"""In the order of work, which is the order of ``--help``."""


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is looked up."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the commands in the order of work."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a command; None where there is none of that name."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        command = import_module(f"pypedream_dagster.cli.{entry.module}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--project",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder with pipeline_graph/; by default the nearest one upwards from here.",
)
@click.version_option(package_name="pypedream-dagster", prog_name="pypedream")
@click.pass_context
def cli(context: click.Context, project: Path | None) -> None:
    """Branch one job of a production pipeline, run it beside production, and see what changes."""
    context.obj = Invocation(project=project, environment=os.environ, cwd=Path.cwd())


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; a bug leaves as the exception that it is."""
    try:
        out, err = WithoutSecrets(sys.stdout), WithoutSecrets(sys.stderr)
        with redirect_stdout(cast("TextIO", out)), redirect_stderr(cast("TextIO", err)):
            result = cli.main(args=list(arguments), prog_name="pypedream", standalone_mode=False)
        sys.stdout.flush()
    except PypedreamError as error:
        print_error(error)
        return EXIT_EXPECTED_ERROR
    except click.ClickException as error:
        error.show()
        return EXIT_EXPECTED_ERROR
    except (click.Abort, KeyboardInterrupt):
        note("Interrupted.")
        return EXIT_INTERRUPTED
    except SystemExit:
        return EXIT_BROKEN_PIPE  # click's own end where the reader has gone; nothing else here exits
    except OSError as error:
        if error.errno in _NO_ROOM:
            where = f"{error.filename} cannot be written" if error.filename else "A file cannot be written"
            print_error(PypedreamError(f"{where}: {error.strerror}.", hint="make room, then run the command again"))
            return EXIT_EXPECTED_ERROR
        if error.errno != errno.EPIPE:
            raise
        # The reader (head, a pager) has gone: what python would still flush at exit must go nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_BROKEN_PIPE
    except Exception as bug:
        raise mask_exception(bug)  # noqa: B904 - it is the same, shown with its traceback
    return result if isinstance(result, int) else 0


def main() -> None:
    """Run the command line of this process."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A terminal that cannot show a character gets its escape rather than a traceback.
            stream.reconfigure(errors="backslashreplace")
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
