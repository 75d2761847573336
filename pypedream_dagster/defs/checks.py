"""Asset checks of a branch: its data against main's, and the proof that it left main alone.

All checks of an asset are one op that can be run alone and in part: a reviewer has a delta computed again without
running Glue, and it is computed once, not once per check.
"""

# No "from __future__ import annotations": dagster reads the annotations of check functions as objects.
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetKey,
    MetadataValue,
    multi_asset_check,
)

from pypedream_dagster.branch.model import BranchNode, Output
from pypedream_dagster.branch.store import BranchStore
from pypedream_dagster.defs.delta_metadata import expectation_metadata, row_metadata, schema_metadata
from pypedream_dagster.defs.delta_on_glue import GlueComparer
from pypedream_dagster.defs.executor import interruptible_sleep
from pypedream_dagster.defs.keys import KIND_TAG, NODE_TAG, asset_keys, op_name, output_key, tag_value
from pypedream_dagster.defs.main_moved import MainWatch
from pypedream_dagster.defs.metadata import Metadata, plain
from pypedream_dagster.defs.progress import Progress, tell
from pypedream_dagster.defs.resources import AwsResource
from pypedream_dagster.defs.step import Place
from pypedream_dagster.delta.dataset import compare_output, violations
from pypedream_dagster.delta.failures import failures
from pypedream_dagster.delta.json_form import to_json
from pypedream_dagster.delta.model import DatasetDelta, ExpectationDelta
from pypedream_dagster.masking.mask import mask_exception
from pypedream_dagster.report import wording
from pypedream_dagster.report.html import render_html
from pypedream_dagster.report.markdown import render_markdown
from pypedream_dagster.report.proof import describe_proof
from pypedream_dagster.run.record import read_run_record

SCHEMA, ROWS, EXPECTATIONS, ISOLATION = "schema_delta", "row_delta", "expectations", "isolation"

_ABOUT = {
    SCHEMA: "The branch's columns are main's.",
    ROWS: "The branch's rows are main's; the delta is in the metadata.",
    EXPECTATIONS: "What main's data meets, the branch's meets too.",
    ISOLATION: "The run was narrowed to the branch, and main's objects are what they were.",
}


def build_checks(place: Place) -> list[AssetChecksDefinition]:
    """Return the checks of a branch's assets, one definition per asset."""
    found = []
    for node in place.graph.nodes:
        for output in node.outputs or (None,):
            found.append(_checks(place, node, output))
    return found


def delta_path(folder: Path, node: str, dataset: str, suffix: str) -> Path:
    """Return where the last delta of a dataset is kept in a branch's folder: ``.json`` or ``.html``."""
    return folder / "deltas" / quote(node, safe="") / f"{quote(dataset, safe='')}{suffix}"


def _checks(place: Place, node: BranchNode, output: Output | None) -> AssetChecksDefinition:
    key = output_key(place.branch, node, output) if output else asset_keys(place.branch, node)[0]
    policy = output.settings.delta_policy if output else None
    names = (SCHEMA, ROWS, EXPECTATIONS, ISOLATION) if output else (ISOLATION,)
    specs = [
        AssetCheckSpec(
            name, asset=key, description=_ABOUT[name], blocking=bool(policy and policy.blocking and name != ISOLATION)
        )
        for name in names
    ]

    @multi_asset_check(
        name=op_name(place.branch, node.id, *([output.name] if output else []), "checks"),
        specs=specs,
        can_subset=True,
        op_tags={KIND_TAG: "delta", NODE_TAG: tag_value(node.id)},
    )
    def checks(context: AssetCheckExecutionContext, aws: AwsResource) -> Iterator[AssetCheckResult]:
        wanted = {check.name for check in context.selected_asset_check_keys}
        assert place.folder is not None
        if output is not None and wanted - {ISOLATION}:
            root_run = context.run.root_run_id or context.run.run_id
            delta = _shown_without_secrets(lambda: _compared(aws, place, node, output, root_run))
            written = _write(place.folder, delta)
            tell(Progress(node.id, "checked", f"{output.name}: {_summary(delta)}"))
            results = (
                _schema(key, delta, output),
                _rows(key, delta, output, written),
                _expectations(key, delta, output),
            )
            yield from (result for result in results if result.check_name in wanted)
        if ISOLATION in wanted:
            yield _isolation(key, place.folder, node)

    return checks


def _shown_without_secrets(call: Callable[[], DatasetDelta]) -> DatasetDelta:
    """Call, and mask what an exception says: Dagster keeps it."""
    try:
        return call()
    except Exception as error:
        raise mask_exception(error)  # noqa: B904 - it is the same


def _compared(aws: AwsResource, place: Place, node: BranchNode, output: Output, dagster_run: str) -> DatasetDelta:
    """Compare on this machine, or on Glue what is too much for it."""
    clients, settings = aws.connect(), aws.settings

    def on_note(text: str) -> None:
        tell(Progress(node.id, "note", text))

    store = BranchStore(settings.branches_dir)
    on_glue = GlueComparer(clients, store, place.branch, interruptible_sleep, on_note, dagster_run)
    delta = compare_output(clients.s3, node, output, expectations_dir=settings.expectations_dir, spark=on_glue)
    assert place.folder is not None
    return MainWatch(clients, place.graph, place.folder, settings.graph_path).noted(delta, node, output)


def _write(folder: Path, delta: DatasetDelta) -> Path:
    """Keep the delta in the branch's folder; return the report's path."""
    report = delta_path(folder, delta.node, delta.dataset, ".html")
    report.parent.mkdir(parents=True, exist_ok=True)
    delta_path(folder, delta.node, delta.dataset, ".json").write_text(to_json(delta), encoding="utf-8")
    report.write_text(render_html(delta), encoding="utf-8")
    return report


def _summary(delta: DatasetDelta) -> str:
    if delta.verdict == "not_compared":
        return delta.error or wording.status(delta)
    if delta.verdict == "unchanged":
        return f"unchanged, {wording.plural(delta.rows.head, 'row')}"
    rows = delta.rows
    parts = [f"{wording.number(count)} {what}" for what, count in _outcomes(rows.added, rows.removed, rows.changed)]
    parts += ["other columns"] if delta.schema.is_changed else []
    return f"{', '.join(parts) or 'changed'} of {wording.plural(rows.base, 'row')}"


def _outcomes(added: int, removed: int, changed: int | None) -> Iterator[tuple[str, int]]:
    for what, count in (("added", added), ("removed", removed), ("changed", changed or 0)):
        if count:
            yield what, count


def _schema(key: AssetKey, delta: DatasetDelta, output: Output) -> AssetCheckResult:
    schema = delta.schema
    policy = output.settings.delta_policy
    strict = policy is not None and not policy.allow_schema_change
    return AssetCheckResult(
        asset_key=key,
        check_name=SCHEMA,
        passed=delta.verdict != "not_compared" and not schema.is_changed,
        severity=AssetCheckSeverity.ERROR if strict else AssetCheckSeverity.WARN,
        description=_not_compared(delta) or ("Columns differ." if schema.is_changed else "The same columns."),
        metadata=schema_metadata(delta),
    )


def _rows(key: AssetKey, delta: DatasetDelta, output: Output, report: Path) -> AssetCheckResult:
    policy = output.settings.delta_policy
    over = list(violations(delta, policy)) if policy else []
    # Within its policy a delta is as wanted; without one every difference is shown, and none fails.
    passed = not over if policy else delta.verdict == "unchanged"
    metadata: Metadata = {
        "delta": MetadataValue.md(render_markdown(delta)),
        "verdict": wording.verdict(delta.verdict),
        "report": MetadataValue.path(str(report)),
        **row_metadata(delta),
    }
    if over:
        metadata["over_policy"] = over
    if delta.main_moved:
        metadata["main_has_moved"] = [wording.moved(item) for item in delta.main_moved]
    moved = " Main has moved since the branch ran: part of it may be main's own change." if delta.main_moved else ""
    return AssetCheckResult(
        asset_key=key,
        check_name=ROWS,
        passed=passed,
        severity=AssetCheckSeverity.ERROR if over else AssetCheckSeverity.WARN,
        description=_not_compared(delta) or f"{_summary(delta)[:1].upper()}{_summary(delta)[1:]}.{moved}",
        metadata=metadata,
    )


def _not_compared(delta: DatasetDelta) -> str | None:
    if delta.verdict != "not_compared":
        return None
    return f"Not compared: {delta.error or wording.status(delta)}."


def _expectations(key: AssetKey, delta: DatasetDelta, output: Output) -> AssetCheckResult:
    found = delta.expectations or ExpectationDelta(suite="")
    new, old = len(found.regressions), len(found.old_failures)
    judged = failures(delta, "policy", output.settings.delta_policy)
    is_over = any(failure.aspect == "expectations" for failure in judged)
    if not found.suite:
        text = "The dataset has no suite."
    elif found.error:
        text = f"The suite could not run: {found.error}"
    else:
        text = f"{wording.plural(new, 'regression')}, {old} failed on main as well."
    return AssetCheckResult(
        asset_key=key,
        check_name=EXPECTATIONS,
        passed=not (new or old or found.error),
        severity=AssetCheckSeverity.ERROR if is_over else AssetCheckSeverity.WARN,
        description=text,
        metadata=expectation_metadata(delta),
    )


def _isolation(key: AssetKey, folder: Path, node: BranchNode) -> AssetCheckResult:
    record = read_run_record(folder, node.id)
    proof = record.isolation if record else None
    if record is None or proof is None:
        return AssetCheckResult(
            asset_key=key,
            check_name=ISOLATION,
            passed=False,
            severity=AssetCheckSeverity.WARN,
            description="No finished run is recorded: nothing proves anything yet.",
        )
    # What IAM held the run to, and what others may have done, is a warning; what nothing accounts for is an error.
    is_known = proof.policy_confirmed is not False and (proof.main_unchanged or bool(proof.production_run_ids))
    return AssetCheckResult(
        asset_key=key,
        check_name=ISOLATION,
        passed=proof.holds,
        severity=AssetCheckSeverity.WARN if is_known else AssetCheckSeverity.ERROR,
        description=describe_proof(proof),
        metadata={"job_run_id": record.job_run_id, "proof": plain(proof.model_dump())},
    )
