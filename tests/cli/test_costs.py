"""What a plan expects and a trigger has taken, on production that really ran on the embedded AWS."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import boto3
import pytest

from pypedream_dagster.aws.prices import PriceList
from pypedream_dagster.cli.costs import amount, duration, price_lines

from .conftest import Deployed, Pypedream, write_graph


@pytest.mark.parametrize(
    ("number", "text"),
    [(None, "?"), (0, "0.00"), (0.00045833, "0.00046"), (0.0312, "0.031"), (0.5, "0.50"), (1234.567, "1,234.57")],
)
def test_small_numbers_still_say_something(number: float | None, text: str) -> None:
    assert amount(number) == text


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0 s"), (65, "1 min 05 s"), (7199.6, "2 h 00 min")])
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_price_says_its_source_and_date() -> None:
    (line,) = price_lines(PriceList("eu-west-1"), ["flex"])
    assert line.startswith("flex: 0.29 USD per DPU-hour (https://")
    assert "2026-11-24" in line


def run_on_main(deployed: Deployed, *names: str) -> None:
    """Run production's jobs one after the other, each with the data of the one before."""
    glue = boto3.client("glue")
    for name in names:
        job = f"{name}-{deployed.suffix}-main"
        run_id = glue.start_job_run(JobName=job)["JobRunId"]
        while (run := glue.get_job_run(JobName=job, RunId=run_id)["JobRun"])["JobRunState"] in ("STARTING", "RUNNING"):
            time.sleep(0.05)
        assert run["JobRunState"] == "SUCCEEDED", run


def test_a_plan_says_what_the_branch_takes_and_saves(pypedream: Pypedream, deployed: Deployed) -> None:
    pypedream("create-branch", "transform", "test")
    unknown = pypedream("plan", "test", "--json").document
    assert unknown["expected_seconds"] is None
    assert unknown["costs"]["branch"]["never_run"] == ["transform", "load"]
    assert unknown["costs"]["saving"] is None
    run_on_main(deployed, "extract", "transform")
    glue = boto3.client("glue")
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    narrowed = glue.start_job_run(JobName=f"load-{deployed.suffix}-main", ExecutionRoleSessionPolicy=json.dumps(policy))
    assert narrowed["JobRunId"]  # another branch's run: no evidence of what production takes

    plan = pypedream("plan", "test", "--json").document

    minute = 0.0625 * 60 / 3600  # Glue bills no less
    costs = plan["costs"]
    assert costs["branch"]["critical_path"][0] == "transform"
    assert (costs["branch"]["never_run"], costs["branch"]["at_least"]) == (["load"], True)
    assert costs["branch"]["billed_dpu_hours"] == pytest.approx(minute)
    assert costs["branch"]["usd"] == plan["expected_usd"] == pytest.approx(minute * 0.44)
    assert costs["whole_pipeline"]["usd"] == pytest.approx(2 * minute * 0.44)
    assert costs["saving"]["usd_fraction"] == pytest.approx(0.5)
    (price,) = costs["prices"]
    assert (price["rate"], price["usd_per_dpu_hour"], price["read"]) == ("python_shell", 0.44, "2026-11-24")
    first, second = plan["runs"]
    assert (first["expected"]["runs"], first["expected"]["evidence"], second["expected"]) == (1, "main", None)
    assert set(first["expected"]["seconds"]) == {"median", "min", "max"}
    text = pypedream("plan", "test").out
    assert "never ran: load" in text
    assert "0.00046" in text
    assert "(50%)" in text


def test_prices_of_ones_own(pypedream: Pypedream, deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    pypedream("create-branch", "transform", "test")
    run_on_main(deployed, "extract", "transform")

    def price(*flags: str) -> Any:
        (found,) = pypedream("plan", "test", "--json", *flags).document["costs"]["prices"]
        return found["usd_per_dpu_hour"]

    (deployed.folder / "pypedream.toml").write_text("[prices]\nall = 0.4\npython_shell = 0.3\n")
    assert price() == 0.3
    monkeypatch.setenv("PYPEDREAM_USD_PER_DPU_HOUR", "0.2")
    assert price() == 0.2
    assert price("--usd-per-dpu-hour", "0.1") == 0.1
    monkeypatch.setenv("PYPEDREAM_USD_PER_DPU_HOUR", "cheap")
    assert "is no price" in pypedream("plan", "test").error
    monkeypatch.delenv("PYPEDREAM_USD_PER_DPU_HOUR")
    (deployed.folder / "pypedream.toml").write_text("[prices]\nsparkle = 0.4\n")
    assert "sparkle" in pypedream("plan", "test").error
    assert pypedream("plan", "test", "--usd-per-dpu-hour", "-1").code == 2


def test_a_plan_with_a_broken_main_graph_leaves_out_the_saving(pypedream: Pypedream, deployed: Deployed) -> None:
    pypedream("create-branch", "transform", "test")
    write_graph(deployed.folder, {"nodes": "none"})
    outcome = pypedream("plan", "test", "--json")
    assert outcome.document["costs"]["whole_pipeline"] is None
    assert "is left out" in outcome.err


@pytest.mark.slow
def test_a_trigger_says_what_it_took(pypedream: Pypedream, deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    pypedream("create-branch", "transform", "test")
    run_on_main(deployed, "extract", "transform", "load")
    pypedream("deploy-branch", "test")
    outcome = pypedream("trigger-branch", "test")
    assert outcome.code == 0, outcome
    rows = {line.split()[0]: line.split() for line in outcome.out.splitlines()}
    assert rows["transform"][-2:] == ["0.00046", "0.00046"]
    assert rows["in"][-2:] == ["0.00092", "0.00092"]
    assert "python_shell: 0.44 USD per DPU-hour" in outcome.err
    record = json.loads((Path(deployed.folder) / "branches" / "test" / "runs" / "load.json").read_text())
    assert record["usd"] == pytest.approx(0.0625 * 60 / 3600 * 0.44)
    assert record["rate"] == "python_shell"
    # The branch has run itself now: that is the better evidence.
    again = pypedream("plan", "test", "--json").document
    assert [run["expected"]["evidence"] for run in again["runs"]] == ["branch", "branch"]
    script = deployed.folder / "branches" / "test" / "scripts" / "transform.py"
    script.write_text("raise ValueError('no')\n")
    pypedream("deploy-branch", "test")
    failed = pypedream("trigger-branch", "test")
    assert "did not succeed" in failed.error
    assert any(line.startswith("transform") and "0.00046" in line for line in failed.err.splitlines())
