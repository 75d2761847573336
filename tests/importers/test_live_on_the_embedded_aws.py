"""What the live sources tell of things that are deployed on the embedded AWS."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from pypedream_dagster.aws.session import Aws, connect
from pypedream_dagster.branch.naming import TAG_BRANCH, clone_description
from pypedream_dagster.errors import AccessDeniedError, NotFoundError
from pypedream_dagster.importers.sources.live import (
    catalog_live,
    connections_live,
    crawlers_live,
    job_names,
    survey_jobs,
    survey_named_jobs,
    survey_workflows,
    workflows_live,
)
from pypedream_dagster.importers.survey import Survey, Where
from pypedream_dagster.local_aws.endpoint import Endpoint
from pypedream_dagster.settings import Settings
from tests.faults.proxy import Call, Fault, FaultProxy

_CONDITIONAL = {"Type": "CONDITIONAL", "StartOnCreation": True}


class Deployed:
    """Things of one test's own, by a word that all their names begin with."""

    def __init__(self, endpoint: Endpoint, folder: Path) -> None:
        self.endpoint, self.folder = endpoint, folder
        self.name = f"live{uuid.uuid4().hex[:8]}"
        self.s3, self.glue, self.iam = boto3.client("s3"), boto3.client("glue"), boto3.client("iam")
        self.s3.create_bucket(Bucket=self.name)

    def aws(self, url: str | None = None) -> Aws:
        return connect(Settings(self.folder, endpoint_url=url or self.endpoint.url, region=self.endpoint.region))

    def job(self, name: str, *, script: str | None = "print()", tags: Any = None, **fields: Any) -> str:
        full = f"{self.name}-{name}"
        if script is not None:
            self.s3.put_object(Bucket=self.name, Key=f"scripts/{name}.py", Body=script.encode())
        command = {"Name": "glueetl", "ScriptLocation": f"s3://{self.name}/scripts/{name}.py"}
        self.glue.create_job(
            **{"Name": full, "Role": "arn:aws:iam::1:role/x", "Command": command, **fields}, Tags=tags or {}
        )
        return full

    def trigger(self, name: str, *actions: Any, waits: Any = None, workflow: bool = True, **fields: Any) -> None:
        if waits is not None:
            fields |= {"Predicate": waits, **_CONDITIONAL}
        if workflow:
            fields["WorkflowName"] = self.name
        started = [{"JobName": f"{self.name}-{one}"} if isinstance(one, str) else one for one in actions]
        self.glue.create_trigger(**{"Name": f"{self.name}-{name}", "Type": "ON_DEMAND", "Actions": started, **fields})

    def ended(self, *names: str, logical: str = "AND", state: str = "SUCCEEDED") -> dict[str, Any]:
        conditions = [{"LogicalOperator": "EQUALS", "JobName": f"{self.name}-{name}", "State": state} for name in names]
        return {"Logical": logical, "Conditions": conditions}

    def without(self, *actions: str, monkeypatch: pytest.MonkeyPatch) -> Aws:
        """Connect as somebody who may do anything but some actions."""
        allowed = {"Effect": "Allow", "Action": "*", "Resource": "*"}
        denied = {"Effect": "Deny", "Action": list(actions), "Resource": "*"}
        document = {"Version": "2012-10-17", "Statement": [allowed, denied]}
        user = f"{self.name}-{uuid.uuid4().hex[:6]}"
        self.iam.create_user(UserName=user)
        self.iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=json.dumps(document))
        key = self.iam.create_access_key(UserName=user)["AccessKey"]
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
        return self.aws()


@pytest.fixture
def deployed(aws_env: Endpoint, tmp_path: Path) -> Deployed:
    return Deployed(aws_env, tmp_path)


def _jobs(survey: Survey) -> list[str]:
    return [job.name for job in survey.jobs]


def test_jobs_come_with_scripts_and_without_clones_or_secrets(deployed: Deployed) -> None:
    arguments = {"--target": "s3://lake/out/", "--db_password": "hunter2hunter2"}
    load = deployed.job("load", script="load()", DefaultArguments=arguments, WorkerType="G.1X", NumberOfWorkers=2)
    extract = deployed.job("extract", script="extract()", Description="Branch offices")
    deployed.job("load-test", Description=clone_description("test", load), tags={TAG_BRANCH: "test"})
    told: list[tuple[str, int, int]] = []
    survey = survey_jobs(deployed.aws(), query=deployed.name, on_progress=lambda *step: told.append(step))
    assert _jobs(survey) == [extract, load]
    properties = survey.jobs[1].properties
    assert properties["DefaultArguments"]["--target"] == "s3://lake/out/"
    assert "hunter2" not in str(survey.jobs[1].properties)
    assert properties["NumberOfWorkers"] == 2
    assert "MaxCapacity" not in properties
    assert survey.jobs[1].at == Where(f"glue:job/{load}")
    assert survey.scripts == {
        f"s3://{deployed.name}/scripts/load.py": b"load()",
        f"s3://{deployed.name}/scripts/extract.py": b"extract()",
    }
    assert survey.problems == ()
    assert told[-2:] == [("scripts", 1, 2), ("scripts", 2, 2)]


def test_jobs_are_chosen_by_tag_and_by_pattern(deployed: Deployed) -> None:
    one = deployed.job("one", tags={"team": deployed.name, "stage": "prod"})
    two = deployed.job("two", tags={"team": deployed.name})
    deployed.job("three")
    aws = deployed.aws()
    tags = {"team": deployed.name}
    assert _jobs(survey_jobs(aws, tags=tags)) == [one, two]
    assert _jobs(survey_jobs(aws, query="*-two", tags=tags)) == [two]
    found = survey_jobs(aws, tags={**tags, "stage": "prod"})
    assert _jobs(found) == [one]
    assert found.jobs[0].tags == {**tags, "stage": "prod"}
    assert {one, two} <= set(_jobs(survey_jobs(aws)))
    with pytest.raises(NotFoundError, match=rf"{deployed.name}.*stage=dev"):
        survey_jobs(aws, query=deployed.name, tags={"stage": "dev"})


def test_more_jobs_than_a_page_holds(deployed: Deployed) -> None:
    names = sorted(deployed.job(f"n{number:03}", tags={"all": deployed.name}) for number in range(123))
    survey = survey_jobs(deployed.aws(), query=deployed.name, tags={"all": deployed.name})
    assert _jobs(survey) == names
    assert len(survey.scripts) == 123


def test_a_script_that_is_not_there_is_a_problem_of_its_job(deployed: Deployed) -> None:
    gone = deployed.job("gone", script=None)
    odd = deployed.job("odd", Command={"Name": "glueetl", "ScriptLocation": "s3://${Bucket}/x.py"})
    here = deployed.job("here")
    survey = survey_jobs(deployed.aws(), query=deployed.name)
    assert _jobs(survey) == sorted([gone, here, odd])
    problems = {problem.at.source: problem.what for problem in survey.problems}
    assert problems.keys() == {f"glue:job/{name}" for name in (gone, odd)}
    assert "Not found" in problems[f"glue:job/{gone}"]
    assert "Bucket} is not known" in problems[f"glue:job/{odd}"]
    assert list(survey.scripts) == [f"s3://{deployed.name}/scripts/here.py"]


def test_scripts_that_are_denied_stop_nothing(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    load = deployed.job("load")
    aws = deployed.without("s3:GetObject", monkeypatch=monkeypatch)
    survey = survey_jobs(aws, query=deployed.name)
    assert _jobs(survey) == [load]
    assert survey.scripts == {}
    [problem] = survey.problems
    assert "s3:GetObject" in problem.what
    assert "pypedream policy" in problem.what


def test_who_may_not_list_jobs_is_told_so(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    load = deployed.job("load")
    aws = deployed.without("glue:GetJobs", monkeypatch=monkeypatch)
    with pytest.raises(AccessDeniedError, match="glue:GetJobs"):
        survey_jobs(aws)
    assert _jobs(survey_named_jobs(aws, [load])) == [load]


def test_jobs_that_a_flow_names_are_read_by_name(deployed: Deployed) -> None:
    load = deployed.job("load", script="load()")
    survey = survey_named_jobs(deployed.aws(), [load, f"{deployed.name}-gone"])
    assert _jobs(survey) == [load]
    assert list(survey.scripts.values()) == [b"load()"]
    assert survey.problems == ()  # whoever names it asks for it


def test_a_workflow_comes_with_its_order_jobs_and_run_properties(deployed: Deployed) -> None:
    for name in ("a", "b", "c", "d"):
        deployed.job(name)
    deployed.glue.create_workflow(Name=deployed.name, DefaultRunProperties={"lake": "s3://lake/"})
    named = {"JobName": f"{deployed.name}-a", "Arguments": {"--table": "t", "--api_token": "geheim-geheim"}}
    deployed.trigger("begin", named, "b", Type="SCHEDULED", Schedule="cron(0 3 * * ? *)")
    deployed.trigger("both", "c", waits=deployed.ended("a", "b"))
    deployed.trigger("any", "d", {"CrawlerName": "crawl"}, waits=deployed.ended("b", "c", logical="ANY"))
    crawled = {"LogicalOperator": "EQUALS", "CrawlerName": "crawl", "CrawlState": "SUCCEEDED"}
    deployed.trigger("crawled", "e", waits={"Conditions": [crawled]})
    survey = survey_workflows(deployed.aws(), deployed.name)
    [flow] = survey.flows
    assert flow.at == Where(f"glue:workflow/{deployed.name}")
    n = deployed.name
    assert {(task.key, task.operation, task.trigger) for task in flow.tasks} == {
        (f"{n}-a", "glue", "ALL"),
        (f"{n}-b", "glue", "ALL"),
        (f"{n}-c", "glue", "ALL"),
        (f"{n}-d", "glue", "ANY"),
        ("crawl", "crawler", "ANY"),
        (f"{n}-e", "glue", "ALL"),
    }
    pairs = [(f"{n}-a", f"{n}-c"), (f"{n}-b", f"{n}-c"), (f"{n}-b", f"{n}-d"), (f"{n}-c", f"{n}-d")]
    pairs += [(f"{n}-b", "crawl"), (f"{n}-c", "crawl"), ("crawl", f"{n}-e")]
    assert flow.order == set(pairs)
    [first] = [task for task in flow.tasks if task.job == f"{n}-a"]
    assert first.arguments["--table"] == "t"
    assert "geheim" not in str(first.arguments)
    assert survey.values == {f"{n}.lake": "s3://lake/"}
    assert _jobs(survey) == [f"{n}-{name}" for name in "abcd"]
    assert len(survey.scripts) == 4


def test_triggers_outside_of_workflows_match_where_they_hang_together(deployed: Deployed) -> None:
    deployed.trigger("one", "a", workflow=False)
    deployed.trigger("two", "b", workflow=False, waits=deployed.ended("a"))
    deployed.trigger("other", "x", workflow=False)
    survey = workflows_live(deployed.aws().glue, f"{deployed.name}-two")
    assert [flow.name for flow in survey.flows] == [f"{deployed.name}-one"]
    assert job_names(survey.flows) == {f"{deployed.name}-a", f"{deployed.name}-b"}
    with pytest.raises(NotFoundError, match="no-such"):
        workflows_live(deployed.aws().glue, "no-such")


def test_more_triggers_and_workflows_than_a_page_holds(deployed: Deployed) -> None:
    for number in range(120):
        deployed.trigger(f"t{number}", "a", workflow=False)
    for number in range(30):
        name = f"{deployed.name}-w{number:02}"
        deployed.glue.create_workflow(Name=name)
        deployed.trigger(f"in{number}", f"job{number}", workflow=False, WorkflowName=name)
    survey = workflows_live(deployed.aws().glue, deployed.name)
    assert len(survey.flows) == 31
    assert len(job_names(survey.flows)) == 31


def test_workflows_without_the_permission_to_list_triggers(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    deployed.glue.create_workflow(Name=deployed.name)
    deployed.trigger("begin", "a")
    aws = deployed.without("glue:GetTriggers", monkeypatch=monkeypatch)
    survey = workflows_live(aws.glue, deployed.name)
    assert [flow.name for flow in survey.flows] == [deployed.name]
    assert [("glue:GetTriggers" in problem.what) for problem in survey.problems] == [True]
    aws = deployed.without("glue:ListWorkflows", monkeypatch=monkeypatch)
    with pytest.raises(AccessDeniedError, match="glue:ListWorkflows"):
        workflows_live(aws.glue, deployed.name)


def test_tables_say_where_they_lie(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    database = deployed.name
    deployed.glue.create_database(DatabaseInput={"Name": database})
    orc: Any = {"InputFormat": "org.apache.hadoop.hive.ql.io.orc.OrcInputFormat"}
    tables: Any = {
        "raw": {"StorageDescriptor": {"Location": "s3://lake/raw/"}, "Parameters": {"classification": "json"}},
        "orders": {"StorageDescriptor": {"Location": "s3://lake/orders/", **orc}},
        "ice": {"StorageDescriptor": {"Location": "s3://lake/ice/"}, "Parameters": {"table_type": "ICEBERG"}},
        "seen": {"TableType": "VIRTUAL_VIEW", "ViewOriginalText": "select 1"},
        "linked": {"TargetTable": {"CatalogId": "123456789012", "DatabaseName": database, "Name": "orders"}},
    }
    for name, table in tables.items():
        deployed.glue.create_table(DatabaseName=database, TableInput=table | {"Name": name})
    wanted = [(database, name) for name in ("Raw", "orders", "ice", "seen", "linked", "gone")] + [("nowhere", "t")]
    survey = catalog_live(deployed.aws().catalog, wanted)
    assert {(table.name, table.location, table.format) for table in survey.tables} == {
        ("raw", "s3://lake/raw/", "json"),
        ("orders", "s3://lake/orders/", "orc"),
        ("ice", "s3://lake/ice/", "iceberg"),
        ("linked", "s3://lake/orders/", "orc"),
    }
    assert survey.tables[0].at == Where(f"glue:table/{database}.ice")
    assert survey.problems == ()
    denied = catalog_live(deployed.without("glue:GetTable", monkeypatch=monkeypatch).catalog, [(database, "raw")])
    assert denied.tables == ()
    assert "glue:GetTable" in denied.problems[0].what


def test_crawlers_say_what_they_make_of_what(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    targets: Any = {
        "S3Targets": [{"Path": "s3://lake/raw/"}],
        "DeltaTargets": [{"DeltaTables": ["s3://lake/delta/"]}],
        "JdbcTargets": [{"ConnectionName": "c", "Path": "db/%"}],
    }
    deployed.glue.create_crawler(Name=deployed.name, Role="r", DatabaseName="lake", Targets=targets, TablePrefix="raw_")
    found = {crawler.name: crawler for crawler in crawlers_live(deployed.aws().glue).crawlers}
    crawler = found[deployed.name]
    assert (crawler.database, crawler.table_prefix) == ("lake", "raw_")
    assert crawler.targets == ("s3://lake/raw/", "s3://lake/delta/")
    denied = crawlers_live(deployed.without("glue:GetCrawlers", monkeypatch=monkeypatch).glue)
    assert denied.crawlers == ()
    assert "glue:GetCrawlers" in denied.problems[0].what


def test_connections_are_told_by_kind_only(deployed: Deployed) -> None:
    secret = {"JDBC_CONNECTION_URL": "jdbc:x", "USERNAME": "u", "PASSWORD": "hunter2hunter2"}
    described: Any = {"Name": deployed.name, "ConnectionType": "JDBC", "ConnectionProperties": secret}
    deployed.glue.create_connection(ConnectionInput=described)
    deployed.job("load", Connections={"Connections": [deployed.name]})
    survey = survey_jobs(deployed.aws(), query=deployed.name)
    assert [(one.name, one.kind) for one in survey.connections] == [(deployed.name, "JDBC")]
    assert "hunter2" not in repr(survey.connections)
    missing = connections_live(deployed.aws().glue, [f"{deployed.name}-gone"])
    assert missing.connections == ()
    assert "Not found" in missing.problems[0].what


@pytest.fixture
def proxy(aws_env: Endpoint) -> Iterator[FaultProxy]:
    found = FaultProxy(aws_env.url)
    yield found
    found.close()


@pytest.mark.parametrize("what", ["GetJobs", "GetConnection"])
def test_a_throttled_call_is_made_again(deployed: Deployed, proxy: FaultProxy, what: str) -> None:
    deployed.glue.create_connection(
        ConnectionInput={"Name": deployed.name, "ConnectionType": "NETWORK", "ConnectionProperties": {}}
    )
    load = deployed.job("load", Connections={"Connections": [deployed.name]})
    about = f"glue {what} {deployed.name}" if what == "GetConnection" else f"glue {what}"
    proxy.arm(Fault("answer", Call(about, 0), code="ThrottlingException"))
    survey = survey_jobs(deployed.aws(proxy.url), query=deployed.name)
    assert proxy.struck
    assert _jobs(survey) == [load]
    assert [one.kind for one in survey.connections] == ["NETWORK"]
    assert survey.problems == ()
