"""A process that has all of ``pypedream`` imported, and forks a child for each command: killing one costs no start.

Reads one JSON document per line: ``arguments``, ``folder``, ``environment``, ``output``. Writes ``{"pid": …}`` when
the child has begun and ``{"code": …}`` when it has ended: its exit code, or minus the signal that killed it.
"""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from typing import Any


def main() -> None:
    import boto3  # noqa: F401

    from pypedream_dagster.cli.main import COMMANDS

    for name in ("deploy-branch", "destroy-branch", "trigger-branch", "create-branch", "delete-branch"):
        import_module(f"pypedream_dagster.cli.{COMMANDS[name].module}")
    import pypedream_dagster.defs.launch  # noqa: F401

    _say({"ready": True})
    for line in sys.stdin:
        asked = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _become(asked)
        _say({"pid": pid})
        _, status = os.waitpid(pid, 0)
        _say({"code": os.waitstatus_to_exitcode(status)})


def _say(document: dict[str, Any]) -> None:
    sys.__stdout__.write(json.dumps(document) + "\n")  # type: ignore[union-attr]
    sys.__stdout__.flush()  # type: ignore[union-attr]


def _become(asked: dict[str, Any]) -> None:
    """Run the command in this process, and end it."""
    code = 70
    try:
        out = os.open(asked["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        null = os.open(os.devnull, os.O_RDONLY)
        for source, descriptor in ((null, 0), (out, 1), (out, 2)):
            os.dup2(source, descriptor)
        os.chdir(asked["folder"])
        os.environ.update(asked["environment"])
        from pypedream_dagster.cli.main import run

        code = run(asked["arguments"])
    except BaseException:  # a bug: its traceback is what the test shows
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
