"""Which nodes a survey has: a job with its distinguishing arguments is one."""

from __future__ import annotations

import random
from dataclasses import replace

from pypedream_dagster.importers.answers import Answers, parse_answers
from pypedream_dagster.importers.finding import Question
from pypedream_dagster.importers.survey import ConnectionDefinition, Flow, Survey, Task, Where

from .surveys import HERE, asked, flow, imported, job, run


def test_one_job_run_with_other_arguments_is_several_nodes() -> None:
    tables = ["orders", "customers", "items"]
    found = imported(
        job("ingest", {"target": "s3://lake/bronze/", "table": "none"}),
        flow(*(run(f"Ingest {table}", "ingest", table=table) for table in tables)),
    )
    assert [node.id for node in found.graph.nodes] == ["ingest-orders", "ingest-customers", "ingest-items"]
    assert [node.metadata.arguments for node in found.graph.nodes] == [{"--table": table} for table in tables]
    assert {node.job_name("main") for node in found.graph.nodes} == {"ingest"}
    assert "3 nodes, told apart by --table" in found.notes[0]


def test_two_flows_that_run_a_job_alike_share_its_node() -> None:
    found = imported(
        flow(run("a", "load"), run("b", "report"), order=[("a", "b")], name="daily"),
        flow(run("x", "load"), run("y", "publish"), order=[("x", "y")], name="hourly"),
    )
    assert [node.id for node in found.graph.nodes] == ["load", "report", "publish"]
    assert {(link.source, link.target) for link in found.links} == {("load", "report"), ("load", "publish")}


def test_a_run_that_repeats_the_jobs_defaults_is_no_other_than_one_that_does_not() -> None:
    load = job("load", {"bucket": "${Lake}", "day": "1"})
    flows = (
        flow(run("a", "load"), name="daily"),
        flow(run("b", "load", bucket="${Lake}"), run("c", "load", day="2"), name="hourly"),
    )
    for order in (flows, flows[::-1]):
        found = imported(load, *order, survey=Survey(values={"Lake": "lake"}))
        assert {node.id: node.metadata.arguments for node in found.graph.nodes} == {
            "load-lake": {"--bucket": "lake"},
            "load-2": {"--day": "2"},
        }


def test_a_second_run_later_in_the_flow_is_a_node_of_its_own() -> None:
    found = imported(
        job("check", {"report_output": "s3://lake/checks/"}),
        flow(
            run("before", "check"),
            run("load", "load"),
            run("after", "check"),
            order=[("before", "load"), ("load", "after")],
        ),
    )
    assert [node.id for node in found.graph.nodes] == ["check-before", "load", "check-after"]
    assert [(link.source, link.target) for link in found.links] == [("check-before", "load"), ("load", "check-after")]
    assert found.graph.by_id["check-before"].outputs
    assert not found.graph.by_id["check-after"].outputs


def test_what_is_no_glue_job_is_a_node_that_orders() -> None:
    found = imported(
        flow(
            run("extract", "extract"),
            Task("Notify people", "lambda", HERE, resource="notify"),
            run("load", "load"),
            order=[("extract", "Notify people"), ("Notify people", "load")],
        )
    )
    notify = found.graph.by_id["Notify people"]
    assert (notify.metadata.operation, notify.is_job, notify.metadata.properties) == (
        "lambda",
        False,
        {"Resource": "notify"},
    )
    assert [(link.source, link.target, link.data) for link in found.links] == [
        ("extract", "Notify people", ()),
        ("Notify people", "load", ()),
    ]


def test_a_job_goes_by_its_aliases_and_by_parameters() -> None:
    definition = job("${Env}-load", {"target": "s3://${Env}-lake/x/"})
    found = imported(
        flow(run("a", "${Env}-load"), run("b", "prod-load")),
        survey=Survey(jobs=(definition,), values={"Env": "prod"}),
    )
    assert [node.id for node in found.graph.nodes] == ["prod-load"]
    assert found.graph.nodes[0].outputs["x"].base_uri == "s3://prod-lake/x/"
    assert not any(question.startswith(("parameter", "unknown-job")) for question in asked(found))
    unknown = imported(flow(run("a", "${Env}-load")), survey=Survey(jobs=(definition,)))
    assert [node.id for node in unknown.graph.nodes] == ["load"]
    assert "parameter: Env" in asked(unknown)


def test_secrets_are_in_no_node() -> None:
    found = imported(flow(run("a", "load", db_password="hunter2!Zx9", table="t"), run("b", "load", table="u")))
    assert [node.metadata.arguments for node in found.graph.nodes] == [{"--table": "t"}, {"--table": "u"}]
    assert "hunter2" not in str(found)


def test_the_order_of_the_parts_does_not_matter() -> None:
    flows = [
        flow(run("a", "load", table=f"t{number}"), run("b", "x"), order=[("a", "b")], name=f"f{number}")
        for number in range(5)
    ]
    jobs = [job("load", {"target": "s3://lake/x/"}), job("x"), job("y")]
    first = imported(*jobs, *flows)
    for seed in range(5):
        dice = random.Random(seed)
        assert imported(*dice.sample(jobs, len(jobs)), *dice.sample(flows, len(flows))) == first


def test_a_definition_that_a_template_deploys_is_one_flow() -> None:
    def found_at(part: str, name: str) -> Flow:
        task = Task("Load", "glue", Where("etl.asl.json", 3), job=name)
        return Flow(part or "etl", "step-functions", Where("etl.asl.json", None, part), (task,))

    both = imported(found_at("", "${LoadJob}"), found_at("Resources.Machine", "load-${Env}"), job("load-${Env}"))
    assert [node.job_name("main") for node in both.graph.nodes] == ["load-${Env}"]
    two = imported(found_at("Resources.A", "load-eu"), found_at("Resources.B", "load-us"))
    assert [node.id for node in two.graph.nodes] == ["load-eu", "load-us"]
    # One that only starts another has no task of its own left where it is deployed.
    call = Task("Call", "state-machine", Where("main.asl.json", 3), resource="${EtlArn}")
    inner = Task("Call/Load", "glue", Where("etl.asl.json", 3, "Resources.Etl.States.Load"), job="load")
    third = imported(
        Flow("main", "step-functions", Where("main.asl.json"), (call,)),
        Flow("nightly", "step-functions", Where("main.asl.json", None, "Resources.Main"), (inner,)),
    )
    assert [node.id for node in third.graph.nodes] == ["load"]


def test_a_task_that_starts_another_flow_comes_before_its_first_tasks() -> None:
    found = imported(
        flow(
            run("load", "load"),
            Task("go", "airflow-dag", HERE, resource="reports"),
            order=[("load", "go")],
            name="ingest",
        ),
        flow(run("a", "first"), run("b", "second"), order=[("a", "b")], name="reports"),
    )
    assert [(link.source, link.target) for link in found.links] == [
        ("load", "go"),
        ("go", "first"),
        ("first", "second"),
    ]


def test_flows_follow_tasks_of_others() -> None:
    one = flow(run("a", "a"), run("b", "b"), order=[("a", "b")], name="one")

    def after(*follows: tuple[str, str, str]) -> set[tuple[str, str]]:
        two = replace(flow(run("x", "x"), run("y", "y"), order=[("x", "y")], name="two"), follows=frozenset(follows))
        pairs = {(link.source, link.target) for link in imported(one, two).links}
        return pairs - {("a", "b"), ("x", "y")}

    assert after(("one", "", "")) == {("b", "x")}
    assert after(("one", "a", "y")) == {("a", "y")}
    assert after(("one", "end", "x")) == {("b", "x")}
    assert after(("elsewhere", "", ""), ("two", "x", "y")) == set()


def test_a_jobs_connections_are_told_by_kind() -> None:
    found = imported(
        job("load", Connections={"Connections": ["warehouse", "other"]}),
        survey=Survey(connections=(ConnectionDefinition("warehouse", "JDBC", HERE),)),
    )
    told = found.graph.by_id["load"].model_dump()["metadata"]["imported"]
    assert told == {"at": ["glue:job/load"], "connections": {"warehouse": "JDBC"}}


def test_a_secret_that_a_person_tells_is_in_no_graph() -> None:
    said = Answers.recorded(
        {Question("parameter", "DbPassword", "").id: "hunter2!Zx9q", Question("parameter", "B", "").id: "lake"}
    )
    parts = (job("load", {"target": "s3://${B}/x/"}), flow(run("a", "load", url="jdbc:x:${DbPassword}", table="t")))
    found = imported(*parts, answers=said)
    assert found.graph.by_id["load"].outputs["x"].base_uri == "s3://lake/x/"
    assert list(found.answered.values()) == ["lake"]
    assert "hunter2" not in str(found)


def test_a_job_is_known_by_its_words_though_its_definition_names_the_environment() -> None:
    parts = (
        job("acme-dev-load-orders.py", {"target": "s3://lake/orders/"}),
        job("acme-dev-load-items.py"),
        flow(run("a", "acme-load-orders"), run("b", "acme-load-stock")),
    )
    found = imported(*parts)
    assert {node.id for node in found.graph.nodes} == {
        "acme-dev-load-orders.py",
        "acme-dev-load-items.py",
        "acme-load-stock",
    }
    assert found.graph.by_id["acme-dev-load-orders.py"].outputs
    (taken, unknown) = (question for question in found.questions if question.kind == "unknown-job")
    assert taken.about == "acme-load-orders"
    assert "acme-dev-load-orders.py is taken for it" in taken.text
    assert unknown.about == "acme-load-stock"
    denied = imported(*parts, answers=parse_answers('unknown-job: {"acme-load-orders": "acme-dev-load-items.py"}'))
    assert "unknown-job: acme-load-orders" not in asked(denied)
    assert {node.id for node in denied.graph.nodes} == {
        "acme-dev-load-orders.py",
        "acme-dev-load-items.py",
        "acme-load-stock",
    }


def test_a_job_that_words_alone_do_not_tell_from_another_is_asked_for() -> None:
    found = imported(job("load-dev"), job("load-prod"), flow(run("a", "load")))
    assert {node.id for node in found.graph.nodes} == {"load", "load-dev", "load-prod"}
    assert [question.choices for question in found.questions if question.kind == "unknown-job"] == [()]


def test_a_job_is_known_though_its_definition_has_more_words_before_its_name() -> None:
    parts = (job("shop-events-dev-raw-to-clean", {"target": "s3://lake/x/"}), job("shop-events-dev-load"))
    found = imported(*parts, flow(run("a", "raw-to-clean"), run("b", "load")))
    assert {node.id for node in found.graph.nodes} == {"shop-events-dev-raw-to-clean", "shop-events-dev-load", "load"}
    assert "unknown-job: raw-to-clean" in asked(found)
    both = imported(*parts, flow(run("a", "raw-to-clean"), run("b", "shop-events-dev-raw-to-clean")))
    assert "raw-to-clean" in {node.id for node in both.graph.nodes}
    two = imported(*parts, job("other-raw-to-clean"), flow(run("a", "raw-to-clean")))
    assert "raw-to-clean" in {node.id for node in two.graph.nodes}


def test_names_with_unknown_parts_are_one_where_their_known_parts_are() -> None:
    found = imported(
        job("${var.env}-load-orders", {"target": "s3://lake/orders/"}),
        job("${var.env}-load-items"),
        flow(run("a", "${env.STAGE}-load-orders"), run("b", "live-load-items")),
    )
    names = {node.job_name("main") for node in found.graph.nodes}
    assert names == {"${var.env}-load-orders", "live-load-items"}
    assert not any(question.startswith("unknown-job") for question in asked(found))


def test_a_definition_in_a_loop_that_is_not_known_is_each_of_the_jobs_that_tasks_name() -> None:
    found = imported(job("load-${each.key}"), flow(run("a", "load-orders"), run("b", "load-items")))
    assert {node.job_name("main") for node in found.graph.nodes} == {"load-orders", "load-items"}
    assert all((node.metadata.properties or {})["Role"] for node in found.graph.nodes)
