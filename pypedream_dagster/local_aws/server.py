"""The process of the embedded AWS: ``python -m pypedream_dagster.local_aws.server --state-dir DIR``."""

from __future__ import annotations

import argparse
import fcntl
import logging
import os
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING
from wsgiref.types import WSGIApplication

from pypedream_dagster.local_aws.endpoint import REGION, Endpoint, load_root_key, write_endpoint
from pypedream_dagster.local_aws.execution.runner import JobRunner, RunnerContext
from pypedream_dagster.local_aws.execution.scheduler import Scheduler
from pypedream_dagster.local_aws.front import Front
from pypedream_dagster.local_aws.glue.api import GlueApi
from pypedream_dagster.local_aws.glue.jobs import JobStore
from pypedream_dagster.local_aws.glue.named import NamedStore
from pypedream_dagster.local_aws.glue.orchestration import OrchestrationApi
from pypedream_dagster.local_aws.glue.runs import RunStore
from pypedream_dagster.local_aws.glue.tags import TagStore
from pypedream_dagster.local_aws.moto_applications import MotoApplications
from pypedream_dagster.local_aws.processes import kill_owned
from pypedream_dagster.local_aws.s3 import bodies as object_bodies
from pypedream_dagster.local_aws.s3 import ranged_get, suspended
from pypedream_dagster.local_aws.snapshots import Snapshots
from pypedream_dagster.local_aws.state_dir import StateDir
from pypedream_dagster.local_aws.warm_jvm import JvmPool

if TYPE_CHECKING:
    from werkzeug.serving import BaseWSGIServer

_log = logging.getLogger(__name__)

EXIT_ALREADY_RUNNING = 3
# Spark opens many connections at once.
_BACKLOG = 128


@dataclass(frozen=True, slots=True)
class Options:
    """How a server is started.

    Args:
        state_dir: where its state lives.
        port: 0 takes any free port.
        minute_seconds: how long a minute of a job's Timeout lasts; tests shorten it.
        slots: how many job runs go at once.
        warm: start a JVM in the background, so that the first Spark run need not wait for it.
    """

    state_dir: Path
    port: int = 0
    minute_seconds: float = 60.0
    slots: int = 2
    warm: bool = False


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves until SIGTERM or SIGINT."""
    options = _parse(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    state = StateDir(options.state_dir)
    state.create()
    lock = _lock(state)
    if lock is None:
        print(f"another server holds {state.root}", file=sys.stderr)  # noqa: T201  (this is server.log)
        return EXIT_ALREADY_RUNNING
    with lock:
        _serve(options, state)
    return 0


def _serve(options: Options, state: StateDir) -> None:
    os.chdir(state.root)  # not to hold the folder that the user happened to be in
    kill_owned(state.root)
    with socket.create_server(("127.0.0.1", options.port), backlog=_BACKLOG) as listener:
        server = _assemble(options, state, listener)
        ended = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: ended.set())
        server.start(warm=options.warm)
        write_endpoint(state, server.endpoint)
        _log.info("serving %s from %s", server.endpoint.url, state.root)
        ended.wait()
        state.endpoint_file.unlink(missing_ok=True)
        server.stop()
    kill_owned(state.root)


@dataclass(frozen=True, slots=True)
class _Server:
    """The parts that start and stop."""

    endpoint: Endpoint
    http: BaseWSGIServer
    scheduler: Scheduler
    jvms: JvmPool
    snapshots: Snapshots

    def start(self, *, warm: bool) -> None:
        """Answers requests and runs jobs from now on."""
        self.scheduler.start()
        threading.Thread(target=self.http.serve_forever, args=(0.05,), name="http", daemon=True).start()
        if warm:
            threading.Thread(target=_warm, args=(self.jvms,), name="warm", daemon=True).start()

    def stop(self) -> None:
        """Ends the runs, their JVMs and the answering, then saves what is not yet saved."""
        self.scheduler.close()
        self.jvms.close()
        self.scheduler.join()
        self.http.shutdown()
        self.snapshots.close()


def _assemble(options: Options, state: StateDir, listener: socket.socket) -> _Server:
    """Loads the state and puts the parts together; nothing runs yet but the saving of state."""
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    snapshots = _load_moto(state)
    jobs, runs = JobStore(state.jobs), RunStore(state.runs)
    _fail_interrupted(runs)
    root = load_root_key(state)
    jvm_folder = state.root / "jvm"
    shutil.rmtree(jvm_folder, ignore_errors=True)
    context = RunnerContext(
        url=url,
        root=root,
        runs=runs,
        snapshots=snapshots,
        jvms=JvmPool(log_dir=jvm_folder, size=options.slots, state_dir=state.root),
        owner=state.root,
        minute_seconds=options.minute_seconds,
        cores=os.cpu_count() or 2,
    )
    scheduler = Scheduler(runs, jobs, lambda: JobRunner(context), options.slots)
    tags = TagStore(state.tags_file, jobs)
    triggers, connections = NamedStore(state.triggers_file, "Trigger"), NamedStore(state.connections_file, "Connection")
    glue = GlueApi(jobs, runs, tags, scheduler, OrchestrationApi(triggers, connections, tags))
    front = Front(MotoApplications(), glue, tags, snapshots, root)
    endpoint = Endpoint(url, REGION, root.access_key_id, root.secret_access_key, os.getpid())
    return _Server(endpoint, _http_server(listener, front), scheduler, context.jvms, snapshots)


def _load_moto(state: StateDir) -> Snapshots:
    bodies = object_bodies.install(state.objects)
    ranged_get.install()
    suspended.install()
    snapshots = Snapshots(state.snapshots, bodies)
    snapshots.load()
    return snapshots


def _parse(arguments: Sequence[str] | None) -> Options:
    parser = argparse.ArgumentParser(prog="pypedream_dagster.local_aws.server", description=__doc__)
    parser.add_argument("--state-dir", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--minute-seconds", type=float, default=60.0, help="for tests: a minute of a job's Timeout")
    parser.add_argument("--slots", type=int, default=os.cpu_count() or 2, help="job runs at once")
    parser.add_argument("--warm", action="store_true", help="start a JVM in the background")
    parsed = parser.parse_args(arguments)
    return Options(parsed.state_dir.resolve(), parsed.port, parsed.minute_seconds, parsed.slots, parsed.warm)


def _lock(state: StateDir) -> IO[str] | None:
    """The state directory's lock, with our process id in it; None where another server has it."""
    lock = state.lock_file.open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def _fail_interrupted(runs: RunStore) -> None:
    for run in runs.all():
        shutil.rmtree(runs.directory(run.id) / "work", ignore_errors=True)
        if not run.is_terminal:
            message = "The embedded AWS ended while this run was active."
            runs.update(run.id, {"state": "FAILED", "error_message": message, "completed_on": time.time(), "pid": None})


def _http_server(listener: socket.socket, application: WSGIApplication) -> BaseWSGIServer:
    from moto.moto_server.werkzeug_app import MotoRequestHandler
    from werkzeug.serving import make_server

    class Handler(MotoRequestHandler):  # type: ignore[misc]  # moto is not typed
        """Speaks HTTP/1.1, in which a client that expects "100 Continue" before its body gets it at once."""

        protocol_version = "HTTP/1.1"

    host, port = listener.getsockname()
    return make_server(host, port, application, threaded=True, request_handler=Handler, fd=listener.fileno())


def _warm(jvms: JvmPool) -> None:
    try:
        jvms.warm()
    except Exception:  # the first Spark run will meet and report the same
        _log.exception("no JVM could be started ahead of the first run")


if __name__ == "__main__":
    sys.exit(main())
