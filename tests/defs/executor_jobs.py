"""Jobs for the executor's tests; each shows one behaviour. Loaded by path, also in processes of their own."""

import time
from pathlib import Path
from typing import Any

import dagster as dg

from pypedream_dagster.defs.executor import interruptible_sleep, thread_executor


@dg.asset(retry_policy=dg.RetryPolicy(max_retries=2, delay=0.1))
def flaky(context: dg.AssetExecutionContext) -> None:
    if context.retry_number < 2:
        raise RuntimeError("not yet")


@dg.asset(deps=[flaky])
def after_flaky() -> None: ...


@dg.asset
def bad() -> None:
    raise dg.Failure("bad Glue run", allow_retries=False)


@dg.asset(deps=[bad])
def after_bad() -> None: ...


@dg.asset(deps=[after_bad])
def after_after_bad() -> None: ...


@dg.asset(check_specs=[dg.AssetCheckSpec("delta", asset="gated", blocking=True)])
def gated() -> dg.MaterializeResult:  # type: ignore[type-arg]
    failed = dg.AssetCheckResult(passed=False, check_name="delta", severity=dg.AssetCheckSeverity.ERROR)
    return dg.MaterializeResult(check_results=[failed])


@dg.asset(deps=[gated])
def after_gate() -> None: ...


class Folder(dg.ConfigurableResource[None]):
    path: str

    def note(self, name: str) -> None:
        (Path(self.path) / name).touch()

    def has(self, name: str) -> bool:
        return (Path(self.path) / name).exists()


@dg.asset
def first(folder: Folder) -> None:
    assert not folder.has("first"), "ran twice"
    folder.note("first")


@dg.asset(deps=[first])
def second(folder: Folder) -> None:
    if not folder.has("mended"):
        raise RuntimeError("not mended")


@dg.asset(deps=[second])
def third(folder: Folder) -> None:
    folder.note("third")


def _meet(index: int, pool: str | None) -> dg.AssetsDefinition:
    @dg.asset(name=f"{pool or 'free'}_{index}", pool=pool)
    def asset() -> dg.MaterializeResult:  # type: ignore[type-arg]
        began = time.monotonic()
        interruptible_sleep(0.5)
        return dg.MaterializeResult(metadata={"began": began, "ended": time.monotonic()})

    return asset


free = [_meet(index, None) for index in range(8)]
pooled = [_meet(index, "glue") for index in range(4)]


def _wait(index: int) -> dg.AssetsDefinition:
    @dg.asset(name=f"waiting_{index}")
    def asset(folder: Folder) -> None:
        folder.note(f"started_{index}")
        try:
            interruptible_sleep(120)
        except BaseException:
            folder.note(f"stopped_{index}")
            raise

    return asset


waiting = [_wait(index) for index in range(5)]


@dg.asset(deps=waiting)
def after_waiting(folder: Folder) -> None:
    folder.note("after_waiting")


def _job(name: str, *assets: dg.AssetsDefinition) -> Any:
    return dg.define_asset_job(name, selection=dg.AssetSelection.assets(*assets), executor_def=thread_executor)


defs = dg.Definitions(
    assets=[
        *[flaky, after_flaky, bad, after_bad, after_after_bad, gated, after_gate],
        *[first, second, third, *free, *pooled, *waiting, after_waiting],
    ],
    resources={"folder": Folder(path=dg.EnvVar("EXECUTOR_TEST_FOLDER"))},
    jobs=[
        _job("outcomes", flaky, after_flaky, bad, after_bad, after_after_bad, gated, after_gate),
        _job("chain", first, second, third),
        _job("free", *free),
        _job("pooled", *pooled),
        _job("waiting", *waiting, after_waiting),
    ],
)
