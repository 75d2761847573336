"""Imports to report on: an ordinary one, one of a single job, a large one, an empty one and a hostile one."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from pypedream_dagster.graph.files import parse_graph
from pypedream_dagster.graph.model import Json
from pypedream_dagster.importers.finding import Confidence, Evidence, Imported, ImportedLink, Question
from pypedream_dagster.importers.survey import Problem, Where


def one_job() -> Imported:
    return Imported(parse_graph({"nodes": [_job("extract")]}), sources=("glue jobs 'extract'",))


def nothing() -> Imported:
    return Imported(
        parse_graph({"nodes": []}),
        problems=(Problem(Where("etl.asl.json", 3), "is no JSON: Expecting ',' delimiter"),),
        sources=("step-functions etl.asl.json",),
    )


def ordinary() -> Imported:
    """Return the import of a state machine with a catch for everything."""
    nodes = [
        _job("extract-orders", outputs={"orders": "bronze/orders"}, at=["etl.asl.json:4 (States.ExtractOrders)"]),
        _job("extract-customers", outputs={"customers": "bronze/customers"}),
        _job(
            "clean-orders",
            outputs={"clean_orders": "silver/orders"},
            job="clean",
            arguments={"--table": "orders"},
            input_arguments={"extract-orders.orders": "--source_path"},
        ),
        _job(
            "clean-customers",
            outputs={"clean_customers": "silver/customers"},
            job="clean",
            arguments={"--table": "customers"},
        ),
        _job("join", outputs={"sales": "gold/sales"}, table="shop.sales"),
        _job(
            "export",
            unexplained_writes=[
                {"what": "s3://partner-drop/", "at": "export.py:41", "why": "no argument of the job moves it"},
                {"what": "", "at": "export.py:57", "why": "its place cannot be told"},
            ],
        ),
        _task("notify", "lambda", "notify-team"),
        _task("refresh", "athena", "MSCK REPAIR TABLE shop.sales"),
    ]
    links = (
        _link("extract-orders", "clean-orders", "orders", "high"),
        _link("extract-customers", "clean-customers", "customers", "medium"),
        _link("clean-orders", "join", "clean_orders", "high"),
        _link("clean-customers", "join", "clean_customers", "low"),
        ImportedLink(
            "join",
            "export",
            ("sales",),
            (
                Evidence("order", "low"),
                Evidence("table-location", "high", "sales", "shop.sales", "--dest", "export.py:12"),
                Evidence("same-table", "medium", "sales", "shop.sales", "join.py:30", "export.py:12"),
            ),
        ),
        ImportedLink("export", "notify", (), (Evidence("order", "low"),)),
        ImportedLink("join", "refresh", (), (Evidence("order", "low"),)),
    )
    questions = (
        Question(
            "direction",
            "join --work_path",
            "Does join read or write s3://lake/main/work/, which its argument --work_path names? "
            "Neither its script nor the name tells.",
            ("input", "output", "neither"),
            "join",
            (Where("etl.asl.json", 40, "States.Join"),),
        ),
        Question("parameter", "PartnerBucket", "What is the value of PartnerBucket? It is used by export (--bucket)."),
        Question(
            "unexplained-write",
            "export export.py:57",
            "export writes to a place that cannot be told, at export.py:57. Add it to the node's output_data if it is "
            "a dataset, or answer 'ignore' if it is none.",
            ("ignore",),
            "export",
            (Where("scripts/export.py", 57),),
        ),
    )
    return _imported(
        nodes,
        links,
        questions=questions,
        answered={"direction:0a1b2c3d": "output"},
        notes=("clean is run as 2 nodes, told apart by --table.",),
        problems=(Problem(Where("infra/old.tf", 12), "is no Terraform: unexpected '}'"),),
        sources=("step-functions etl.asl.json", "scripts scripts/"),
    )


def many(count: int) -> Imported:
    """Return the import of a wide pipeline: chains that meet now and then."""
    nodes = [
        _job(f"step-{number:02}", outputs={f"data_{number:02}": f"zone/data_{number:02}"}) for number in range(count)
    ]
    levels: tuple[Confidence, ...] = ("high", "high", "medium", "low")
    links = [
        _link(f"step-{number:02}", f"step-{later:02}", f"data_{number:02}", levels[later % 4])
        for number in range(count)
        for later in {number + 5, number + 7 if number % 3 == 0 else number + 5}
        if later < count
    ]
    questions = tuple(
        Question(
            "direction",
            f"step-{number:02} --path",
            f"Does step-{number:02} read or write s3://lake/main/p{number}/?",
            ("input", "output", "neither"),
            f"step-{number:02}",
        )
        for number in range(0, count, 3)
    )
    return _imported(nodes, tuple(links), questions=questions, sources=("glue all jobs",))


def hostile() -> Imported:
    """Return an import of names that try to be markup, and of secrets."""
    evil = "<script>alert(1)</script>|`x`\u202e"
    name = "<b onclick=x>&amp;<!-- |`x`"
    nodes = [
        _job(name, outputs={"data": "a"}, arguments={"--note": evil}, at=[f"</style>{evil}"]),
        _task("@team", "lambda", f"AKIAIOSFODNN7EXAMPLE {evil} jdbc:postgresql://db/x?user=me&password=Sw0rdfish99"),
    ]
    links = (ImportedLink(name, "@team", ("data",), (Evidence("containment", "low", "data", evil, evil, "x\ny"),)),)
    question = Question(
        "unknown-table", evil, f"Where does {evil} lie? password=Sw0rdfish99", (evil,), evil, (Where(evil),)
    )
    return _imported(
        nodes,
        links,
        questions=(question,),
        answered={"parameter:00000000": evil},
        notes=(evil, "token=ghp_0123456789abcdefghijklmnopqrstuvwxyzAB"),
        problems=(Problem(Where(evil, 1), evil),),
        sources=(evil,),
    )


def _imported(nodes: list[Json], links: tuple[ImportedLink, ...], **more: Any) -> Imported:
    document = {
        "nodes": nodes,
        "links": [
            {
                "source": link.source,
                "target": link.target,
                "metadata": {
                    "data": list(link.data),
                    "confidence": link.confidence,
                    "evidence": [asdict(item) for item in link.evidence],
                },
            }
            for link in links
        ],
    }
    return Imported(parse_graph(document), links, **more)


def _link(source: str, target: str, dataset: str, confidence: Confidence) -> ImportedLink:
    evidence = Evidence("same-uri", confidence, dataset, f"s3://lake/main/{dataset}/", "--dest", f"{target}.py:12")
    return ImportedLink(source, target, (dataset,), (evidence,))


def _job(
    name: str,
    *,
    outputs: dict[str, str] | None = None,
    job: str | None = None,
    table: str | None = None,
    at: list[str] | None = None,
    **more: Any,
) -> Json:
    datasets: dict[str, Any] = {key: f"s3://lake/{{branch-name}}/{path}/" for key, path in (outputs or {}).items()}
    if table:
        datasets = {key: {"uri": uri, "table": table} for key, uri in datasets.items()}
    return {
        "id": name,
        "metadata": {
            "operation": "glue",
            "properties": {
                "Name": job or name,
                "Command": {"Name": "glueetl", "ScriptLocation": f"s3://code/{name}.py"},
            },
            "output_data": datasets,
            "imported": {"at": at or [f"glue:job/{job or name}"]},
            **more,
        },
    }


def _task(name: str, operation: str, resource: str) -> Json:
    metadata = {"operation": operation, "properties": {"Resource": resource}, "imported": {"at": ["etl.asl.json:60"]}}
    return {"id": name, "metadata": metadata}
