"""``make demo``: branch one job of a real pipeline, see what changes, and leave nothing behind.

Every step runs the commands that a user would type, on the embedded AWS and never on another one.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from commands import CommandError, Shell, clean_environment, parse_exports

PROJECT = Path(__file__).resolve().parent.parent
NODE, BRANCH = "clean_flights", "on-time-rule"
BRANCH_FOLDER = Path("branches") / BRANCH
CHANGE = Path("demo/change") / f"{NODE}.patch"
CHANGE_FROM_SCRIPTS = Path("../../..") / CHANGE
SNAPSHOT = Path(".pypedream/demo/account-before.json")
POLICY = Path(".pypedream/demo/developer.json")
REPORT = Path("artifacts") / f"{BRANCH}-deltas.html"
EXIT_INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the demo.

    Attributes:
        name: for ``--from`` and ``--until``.
        title: what it does, for the reader.
        action: does it; raises `CommandError` where it fails.
        by_developer: whether the credentials are the developer's, who may do what 'pypedream policy' prints.
    """

    name: str
    title: str
    action: Callable[[Shell], None]
    by_developer: bool = False


def deploy_production(shell: Shell) -> None:
    """Deploy main as a company would have done long ago, and remove what an earlier demo left half-done."""
    shell.run("python", "demo/infrastructure.py")
    remove_branch(shell)


def run_main(shell: Shell) -> None:
    """Run production in full."""
    shell.run("pypedream", "trigger-branch", "main", "--production")


def note_main(shell: Shell) -> None:
    """Note every byte of production."""
    shell.run("python", "demo/account.py", "take", str(SNAPSHOT))


def show_policy(shell: Shell) -> None:
    """Say under which policy all further steps run, but for the last, which looks at all of the account."""
    print(f"  {shell.project / POLICY} is all that the user has who gives the commands from here on.")


def create_branch(shell: Shell) -> None:
    """Create the branch anew."""
    remove_branch(shell)
    shell.run("pypedream", "create-branch", NODE, BRANCH)


def change_script(shell: Shell) -> None:
    """Apply the shipped change to the branch's script, as an engineer would edit it."""
    folder = BRANCH_FOLDER / "scripts"
    if shell.succeeds("git", "apply", "--reverse", "--check", str(CHANGE_FROM_SCRIPTS), folder=folder):
        print(f"  {folder / NODE}.py is changed already.")
        return
    print(_indented((PROJECT / CHANGE).read_text(encoding="utf-8")))
    shell.run("git", "apply", str(CHANGE_FROM_SCRIPTS), folder=folder)


def plan_branch(shell: Shell) -> None:
    """Show what the branch would do."""
    shell.run("pypedream", "plan", BRANCH)


def deploy_branch(shell: Shell) -> None:
    """Clone the one job."""
    shell.run("pypedream", "deploy-branch", BRANCH)


def trigger_branch(shell: Shell) -> None:
    """Run the clone and what its data reaches."""
    shell.run("pypedream", "trigger-branch", BRANCH)


def show_deltas(shell: Shell) -> None:
    """Compare, and keep the report where deleting the branch does not reach."""
    shell.run("pypedream", "deltas", BRANCH)
    shell.run("mkdir", "-p", str(REPORT.parent))
    shell.run("cp", str(BRANCH_FOLDER / "deltas" / "report.html"), str(REPORT))


def destroy_branch(shell: Shell) -> None:
    """Remove what was made on AWS."""
    shell.run("pypedream", "destroy-branch", BRANCH)


def delete_branch(shell: Shell) -> None:
    """Remove the local folder."""
    shell.run("pypedream", "delete-branch", BRANCH)


def prove_main(shell: Shell) -> None:
    """Compare the account with what was noted, and see that the folder is gone.

    Raises:
        CommandError: something differs.
    """
    shell.run("python", "demo/account.py", "compare", str(SNAPSHOT))
    if (shell.project / BRANCH_FOLDER).exists():
        raise CommandError(f"test ! -e {BRANCH_FOLDER}", 1)
    print(f"  ✓ The folder {BRANCH_FOLDER} is gone.")


STEPS = (
    Step("production", "Deploy production: bucket, role, raw data, 12 Glue jobs", deploy_production),
    Step("main", "Run production in full: real Spark on 336,776 flights", run_main),
    Step("note", "Note every byte of production", note_main),
    Step("policy", "Become a developer, who may do what 'pypedream policy' prints", show_policy, by_developer=True),
    Step("branch", f"Branch one job: {NODE}", create_branch, by_developer=True),
    Step("change", "Change its script", change_script, by_developer=True),
    Step("plan", "Look at what the branch would do", plan_branch, by_developer=True),
    Step("deploy", "Deploy the branch: one job is cloned, the others are re-used", deploy_branch, by_developer=True),
    Step("trigger", "Run the branch beside production", trigger_branch, by_developer=True),
    Step("deltas", "See what the change does to every dataset downstream", show_deltas, by_developer=True),
    Step("destroy", "Remove all that the branch made on AWS", destroy_branch, by_developer=True),
    Step("delete", "Remove the branch's local folder", delete_branch, by_developer=True),
    Step("prove", "Prove that production is untouched and nothing is left", prove_main),
)
NAMES = tuple(step.name for step in STEPS)


def remove_branch(shell: Shell) -> None:
    """Destroy and delete the demo's branch, where an earlier demo has left it."""
    if (shell.project / BRANCH_FOLDER / "deployment.json").exists():
        shell.run("pypedream", "destroy-branch", BRANCH)
    if (shell.project / BRANCH_FOLDER).exists():
        shell.run("pypedream", "delete-branch", BRANCH)


def start_aws() -> Shell:
    """Start the embedded AWS where it does not run, and return a shell that knows no other."""
    shell = Shell(PROJECT, clean_environment(os.environ, PROJECT))
    shell.run("pypedream", "local", "up", "--warm")
    return shell.on_embedded_aws()


def become_developer(shell: Shell) -> Shell:
    """Return a shell with the credentials of a user who has the developer's policy and no other."""
    folder = shell.project / POLICY.parent
    for old in folder.glob(f"{POLICY.stem}*.json"):
        old.unlink()
    shell.run("pypedream", "policy", "--for", "developer", "-o", str(POLICY))
    files = sorted(folder.glob(f"{POLICY.stem}*.json"))  # one, or several that are numbered
    exports = parse_exports(shell.read("python", "demo/developer.py", *map(str, files)))
    return Shell(shell.project, {**shell.environment, **exports})


def stop_aws(shell: Shell) -> None:
    """Stop the embedded AWS; its state stays."""
    shell.run("pypedream", "local", "down")


def clean() -> int:
    """Remove what a demo that did not come to its end has left."""
    shell = start_aws()
    remove_branch(shell)
    (PROJECT / SNAPSHOT).unlink(missing_ok=True)
    stop_aws(shell)
    print("\nThe demo's branch is gone. Production stays on the embedded AWS in .pypedream/ ('make clean' removes it).")
    return 0


def demonstrate(first: str, last: str, *, keep: bool) -> int:
    """Run the steps from ``first`` to ``last`` and return the exit code."""
    started = time.monotonic()
    chosen = STEPS[NAMES.index(first) : NAMES.index(last) + 1]
    _headline("Start the embedded AWS (no account, no Docker: one process on 127.0.0.1)")
    current = "start"
    try:
        shell = start_aws()
        developer: Shell | None = None
        for step in chosen:
            current = step.name
            _headline(f"Step {NAMES.index(step.name) + 1} of {len(STEPS)}, {step.name}: {step.title}")
            began = time.monotonic()
            if step.by_developer and developer is None:
                developer = become_developer(shell)
            step.action(developer if step.by_developer and developer else shell)
            print(f"  ({time.monotonic() - began:.1f} s)", flush=True)
        if not keep:
            _headline("Stop the embedded AWS")
            stop_aws(shell)
    except CommandError as failure:
        _how_to_go_on(f"{failure}.", current)
        return failure.exit_code
    except KeyboardInterrupt:
        _how_to_go_on("Interrupted.", current)
        return EXIT_INTERRUPTED
    _headline(f"Done in {time.monotonic() - started:.0f} s")
    if any(step.action is show_deltas for step in chosen):
        print(f"The delta report: {PROJECT / REPORT}")
    print(
        "The embedded AWS runs on: 'pypedream local down' stops it."
        if keep
        else "Next: 'make ui' shows the same in Dagster; README.md, a tour of every command."
    )
    return 0


def _how_to_go_on(what: str, step: str) -> None:
    again = "make demo" if step == "start" else f'make demo ARGS="--from {step}"'
    print(
        f"\nError in step '{step}': {what}\n"
        f"  go on from here:  {again}\n"
        f'  clean up:         make demo ARGS="--clean"',
        file=sys.stderr,
        flush=True,
    )


def _headline(text: str) -> None:
    print(f"\n── {text} {'─' * max(0, 96 - len(text))}", flush=True)


def _indented(text: str) -> str:
    return "".join(f"  {line}" for line in text.splitlines(keepends=True))


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and run the demo."""
    parser = argparse.ArgumentParser(prog="demo/run.py", description=__doc__)
    parser.add_argument("--from", dest="first", choices=NAMES, default=NAMES[0], help="go on from this step")
    parser.add_argument("--until", dest="last", choices=NAMES, default=NAMES[-1], help="end with this step")
    parser.add_argument("--keep", action="store_true", help="leave the embedded AWS running")
    parser.add_argument("--clean", action="store_true", help="remove what an unfinished demo left, and stop")
    chosen = parser.parse_args(arguments)
    if chosen.clean:
        try:
            return clean()
        except CommandError as failure:
            print(f"\nError: {failure}.", file=sys.stderr)
            return failure.exit_code
    if NAMES.index(chosen.first) > NAMES.index(chosen.last):
        parser.error(f"--from {chosen.first} comes after --until {chosen.last}")
    return demonstrate(chosen.first, chosen.last, keep=chosen.keep)


if __name__ == "__main__":
    sys.exit(main())
