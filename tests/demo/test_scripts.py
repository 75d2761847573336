"""The demo's Glue scripts on real Spark: each job once, on every 40th flight, judged by pandas and DuckDB."""

from __future__ import annotations

import io
import json
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import networkx as nx
import pytest
from infrastructure import deploy, raw_files, read_production

from pypedream_dagster.local_aws.endpoint import Endpoint

if TYPE_CHECKING:
    import pandas as pd

PROJECT = Path(__file__).resolve().parents[2]
BUCKET = "pypedream-demo-lake"
DOCUMENT: dict[str, Any] = json.loads((PROJECT / "pipeline_graph" / "main.json").read_text())
DATASETS = {name: data for node in DOCUMENT["nodes"] for name, data in node["metadata"]["output_data"].items()}
ACTIVE = {"STARTING", "RUNNING", "STOPPING", "WAITING"}

pytestmark = pytest.mark.spark


def sliced() -> Iterator[tuple[str, bytes]]:
    for key, body in raw_files():
        lines = body.splitlines(keepends=True)
        yield key, b"".join([lines[0], *lines[1::40]]) if key.endswith("flights.csv") else body


def run_job(name: str, arguments: Mapping[str, str] | None = None) -> None:
    glue = boto3.client("glue")
    run_id = glue.start_job_run(JobName=name, Arguments=dict(arguments or {}))["JobRunId"]
    while (run := glue.get_job_run(JobName=name, RunId=run_id)["JobRun"])["JobRunState"] in ACTIVE:
        time.sleep(0.1)
    assert run["JobRunState"] == "SUCCEEDED", f"{name}: {run.get('ErrorMessage')}"


def keys(prefix: str) -> list[str]:
    found = boto3.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
    return [item["Key"] for item in found if item["Key"].endswith(".parquet")]


def read(dataset: str, branch: str = "main") -> pd.DataFrame:
    import pandas as pd

    s3, parts = boto3.client("s3"), []
    for key in keys(f"{branch}/data/{dataset}/"):
        part = pd.read_parquet(io.BytesIO(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()))
        folders = (folder.split("=") for folder in key.split("/") if "=" in folder)
        parts.append(part.assign(**{column: int(value) for column, value in folders}))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def pipeline(local_aws: Endpoint) -> Iterator[Mapping[str, Mapping[str, Any]]]:
    """Production, deployed on a slice of the data and run in full; gives the jobs by node."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(PROJECT)
        patch.delenv("AWS_PROFILE", raising=False)
        for name, value in local_aws.environment().items():
            patch.setenv(name, value)
        production = read_production(Path("pipeline_graph/main.json"))
        deploy(production, sliced())
        for node in nx.topological_sort(nx.DiGraph((link["source"], link["target"]) for link in DOCUMENT["links"])):
            run_job(production.jobs[node]["Name"])
        yield production.jobs


@pytest.mark.usefixtures("pipeline")
@pytest.mark.parametrize("dataset", DATASETS)
def test_a_dataset_is_what_the_graph_says_of_it(dataset: str) -> None:
    frame, said = read(dataset), DATASETS[dataset]
    assert len(frame)
    named = {*said.get("primary_key", ()), *said.get("volatile_columns", ()), *said.get("ignored_columns", ())}
    assert named <= set(frame.columns)
    if key := said.get("primary_key"):
        assert not frame.duplicated(key).any()
        assert not frame[key].isna().any().any()
    partitioned = ["month="] if said.get("partition_columns") else []
    assert all(part in name for name in keys(f"main/data/{dataset}/") for part in partitioned)


@pytest.mark.usefixtures("pipeline")
def test_the_figures_are_those_that_pandas_finds() -> None:
    import pandas as pd

    raw = dict(sliced())
    flights = pd.read_csv(io.BytesIO(raw["raw/flights/flights.csv"]))
    valid, flown = flights[flights.tailnum.notna()], flights[flights.air_time.notna()]
    assert len(read("flights_bronze")) == len(flights)
    assert len(read("flights_valid")) == len(valid)
    assert set(read("flights_rejected").reason) == {"no_tail_number"}
    assert len(read("flights_rejected")) + len(valid) == len(flights)

    united = read("carrier_scoreboard").query("carrier == 'UA'").set_index("month")
    january = valid.query("carrier == 'UA' and month == 1").arr_delay.fillna(0)
    assert united.loc[1, "carrier_name"] == "United Air Lines Inc."
    assert united.loc[1, "flights"] == len(january)
    assert united.loc[1, "on_time_fraction"] == pytest.approx((january <= 15).mean(), abs=5e-5)

    fleet = read("fleet_utilisation").set_index("tailnum")
    assert fleet.miles.sum() == flown.distance.sum()
    assert read("airport_daily").departures.sum() == valid.dep_time.notna().sum()
    kpis = read("kpi_summary").set_index("kpi").value
    assert kpis["flights_counted"] == len(valid)
    assert kpis["routes_served"] == valid.groupby(["origin", "dest"]).ngroups

    weather = pd.read_csv(io.BytesIO(raw["raw/weather/weather.csv"]))
    known = valid.merge(weather[["origin", "time_hour", "visib"]].dropna(), on=["origin", "time_hour"])
    assert (read("flights_enriched").weather_class != "unknown").sum() == len(known)


@pytest.mark.parametrize("node", ["clean_flights", "route_delays", "carrier_scoreboard"])
def test_a_second_run_writes_the_same_rows_over_the_first(pipeline: Mapping[str, Mapping[str, Any]], node: str) -> None:
    outputs = next(item["metadata"]["output_data"] for item in DOCUMENT["nodes"] if item["id"] == node)

    def state(dataset: str) -> tuple[int, Any]:
        said = DATASETS[dataset]
        clock = [*said.get("volatile_columns", ()), *said.get("ignored_columns", ())]
        return len(keys(f"main/data/{dataset}/")), read(dataset).drop(columns=clock).to_dict("records")

    before = {dataset: state(dataset) for dataset in outputs}
    run_job(pipeline[node]["Name"])
    assert json.dumps({dataset: state(dataset) for dataset in outputs}, default=str) == json.dumps(before, default=str)


def test_the_shipped_change_moves_rows_and_adds_a_column(
    pipeline: Mapping[str, Mapping[str, Any]], tmp_path: Path
) -> None:
    script = tmp_path / "clean_flights.py"
    script.write_bytes((PROJECT / "pipeline_graph" / "scripts" / script.name).read_bytes())
    patch = PROJECT / "demo" / "change" / "clean_flights.patch"
    subprocess.run(["git", "apply", str(patch)], cwd=tmp_path, check=True)
    boto3.client("s3").put_object(Bucket=BUCKET, Key="change/scripts/clean.py", Body=script.read_bytes())
    job = {key: value for key, value in pipeline["clean_flights"].items() if key != "Tags"}
    boto3.client("glue").create_job(
        **job
        | {
            "Name": "clean-flights-changed",
            "Command": {**job["Command"], "ScriptLocation": f"s3://{BUCKET}/change/scripts/clean.py"},
        }
    )
    outputs = ("flights_valid", "flights_rejected")
    run_job(
        "clean-flights-changed",
        {f"--{name.upper()}_DATA_SINK": f"s3://{BUCKET}/change/data/{name}/" for name in outputs},
    )
    base, head = read("flights_valid"), read("flights_valid", "change")
    assert set(head.columns) - set(base.columns) == {"delay_group"}
    assert 0 < len(head) < len(base)
    assert set(read("flights_rejected", "change").reason) == {"no_tail_number", "cancelled", "diverted"}
    assert len(head) + len(read("flights_rejected", "change")) == len(base) + len(read("flights_rejected"))
