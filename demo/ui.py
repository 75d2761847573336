"""``make ui``: the demo in the Dagster UI, with a deployed branch that waits to be materialized.

What is missing is made first (production, its data, the branch); what an earlier run left is used as it stands.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from commands import CommandError, Shell
from run import BRANCH, BRANCH_FOLDER, NAMES, PROJECT, demonstrate, start_aws, stop_aws

EXIT_INTERRUPTED = 130


def branch_is_deployed(shell: Shell) -> bool:
    """Tell whether an earlier run left the demo's branch deployed."""
    if not (PROJECT / BRANCH_FOLDER / "deployment.json").exists():
        return False
    rows = json.loads(shell.read("pypedream", "branches", "--json"))["branches"]
    return any(row["name"] == BRANCH and row["state"] in {"deployed", "triggered"} for row in rows)


def serve(shell: Shell, port: int) -> None:
    """Run Dagster's web server and daemon until they are interrupted."""
    print(
        f"\nThe Dagster UI: http://127.0.0.1:{port}  (Ctrl-C ends it)\n"
        f"  Assets → group branches/{BRANCH.replace('-', '_')} → Materialize all; then look at the checks.\n",
        flush=True,
    )
    shell.run("dagster", "dev", "--workspace", "workspace.yaml", "--host", "127.0.0.1", "--port", str(port))


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line, make what is missing, and serve."""
    parser = argparse.ArgumentParser(prog="demo/ui.py", description=__doc__)
    parser.add_argument("--port", type=int, default=3000, help="of the UI, on 127.0.0.1")
    chosen = parser.parse_args(arguments)
    try:
        shell = start_aws()
        if not branch_is_deployed(shell):
            code = demonstrate(NAMES[0], "deploy", keep=True)
            if code:
                return code
        try:
            serve(shell, chosen.port)
        finally:
            stop_aws(shell)
    except CommandError as failure:
        print(f"\nError: {failure}.", file=sys.stderr)
        return failure.exit_code
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())
