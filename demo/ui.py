"""``make ui``: the demo in Dagster's UI, with its branch deployed and its deltas there to look at.

Runs the demo as far as the deltas where that has not been done, then Dagster's own development server.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import webbrowser

from commands import CommandError, Shell
from run import BRANCH, BRANCH_FOLDER, PROJECT, demonstrate, remove_branch, start_aws, stop_aws

POLL_SECONDS = 0.5
PATIENCE_SECONDS = 120


def prepare() -> int:
    """See that the demo's branch is deployed and compared; return an exit code."""
    if (PROJECT / BRANCH_FOLDER / "deltas" / "report.html").exists():
        return 0
    print(f"The branch {BRANCH} is not there yet: running the demo as far as its deltas.")
    return demonstrate("production", "deltas", keep=True)


def serve(shell: Shell, port: int) -> int:
    """Run Dagster's development server until it is interrupted."""
    url = f"http://127.0.0.1:{port}"
    if _has_display():
        threading.Thread(target=_open_when_up, args=(url,), daemon=True).start()
    print(f"\nDagster comes up at {url}/asset-groups: look for the group branches/{BRANCH.replace('-', '_')}.")
    print("Ctrl-C stops it.")
    try:
        shell.run("dagster", "dev", "-w", "workspace.yaml", "-h", "127.0.0.1", "-p", str(port))
    except KeyboardInterrupt:
        print("\nDagster is stopped.")
    except CommandError as failure:
        print(
            f"\nError: {failure}. Is port {port} taken? 'make ui ARGS=\"--port 3001\"' takes another.", file=sys.stderr
        )
        return failure.exit_code
    return 0


def _has_display() -> bool:
    return sys.platform == "darwin" or bool({"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys())


def _open_when_up(url: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(url, timeout=POLL_SECONDS).close()  # noqa: S310 our own http://127.0.0.1
        except (urllib.error.URLError, TimeoutError):
            time.sleep(POLL_SECONDS)
        else:
            webbrowser.open(url)
            return


def main() -> int:
    """Parse the command line, prepare, serve, and stop what was started."""
    parser = argparse.ArgumentParser(prog="demo/ui.py", description=__doc__)
    parser.add_argument("--port", type=int, default=3000)
    parser.add_argument("--remove", action="store_true", help="destroy and delete the branch afterwards")
    chosen = parser.parse_args()
    try:
        if code := prepare():
            return code
        shell = start_aws()
        try:
            return serve(shell, chosen.port)
        finally:
            if chosen.remove:
                remove_branch(shell)
            stop_aws(shell)
    except (CommandError, subprocess.SubprocessError) as failure:
        print(f"\nError: {failure}.", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
