"""Whatever sources tell, however odd: an import gives a valid graph, the same for the same, and merges with itself."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from pypedream_dagster.graph.files import graph_document, parse_graph
from pypedream_dagster.importers.files import SourceFile
from pypedream_dagster.importers.inference.build import Given, import_graph
from pypedream_dagster.importers.inference.nodes import Selection
from pypedream_dagster.importers.survey import CatalogEntry, CrawlerDefinition, Flow, JobDefinition, Survey, Task, Where
from pypedream_dagster.importers.update.check import drift_of
from pypedream_dagster.importers.update.merge import EMPTY, merge_graphs
from pypedream_dagster.report.imported import import_report
from pypedream_dagster.report.imported_html import render_import_html
from pypedream_dagster.report.imported_terminal import render_import_terminal

_WORDS = st.sampled_from(
    ["a", "b", "main", "A", "a-b", "a_b", "${P}", "${Q}-a", "ä ö", "..", "x/y", "", "*", "a.b", "$(x)"]
)
_NAMES = st.lists(_WORDS, min_size=1, max_size=3).map("-".join)
_PATHS = st.lists(_WORDS, max_size=4).map("/".join)
_PLACES = st.one_of(
    _PATHS.map(lambda path: f"s3://lake/{path}"),
    _PATHS.map(lambda path: f"s3://${{Bucket}}/main/{path}/"),
    _PATHS.map(lambda path: f"s3a://{path}"),
    st.sampled_from(
        ["", "db", "sales.orders", "s3://lake", "s3://lake/a,s3://lake/b", "${Whole}", "${Whole}/x", "{}", "s3:/"]
    ),
)
_ARGUMENTS = st.dictionaries(
    st.sampled_from(
        [
            "--source",
            "--target",
            "--X_DATA_SINK",
            "--X_DATA_SOURCE",
            "--path",
            "out",
            "--TempDir",
            "--out_bucket",
            "--out_prefix",
        ]
    ),
    _PLACES,
    max_size=4,
)
_LINES = st.sampled_from(
    [
        "df = spark.read.parquet(args['source'])",
        "df.write.parquet(args['target'])",
        "df.write.mode('append').parquet(args['target'] + '/part-0.parquet')",
        "df.write.parquet(f\"{args['path']}/x\")",
        "df.write.parquet('s3://lake/a/')",
        "df.write.parquet(f's3://lake/{name}/b')",
        "spark.sql('insert into sales.orders select * from sales.customers')",
        "df.write.option('path', 's3://lake/a').saveAsTable('sales.orders')",
        "df.write.parquet(unknown())",
        "spark.read.parquet('s3://lake/*/b')",
        "def (:",
    ]
)
_SCRIPTS = st.lists(_LINES, max_size=4).map(
    lambda lines: "\n".join(["args = getResolvedOptions(sys.argv, ['source', 'target', 'path'])", *lines])
)
_AT = st.builds(
    Where, st.sampled_from(["a.json", "b.yaml"]), st.one_of(st.none(), st.integers(1, 9)), st.sampled_from(["", "X"])
)


@st.composite
def _surveys(draw: st.DrawFn) -> tuple[Survey, tuple[SourceFile, ...]]:
    names = draw(st.lists(_NAMES, max_size=5))
    jobs = []
    files = []
    for number, name in enumerate(names):
        location = draw(st.sampled_from([f"s3://code/main/{number}.py", "s3://${Code}/x.py", "local.py", ""]))
        properties = {"Command": {"Name": "glueetl", "ScriptLocation": location}, "DefaultArguments": draw(_ARGUMENTS)}
        jobs.append(JobDefinition(name, properties, draw(_AT)))
        body = draw(_SCRIPTS)
        files.append(SourceFile(f"{number}.py", body, body.encode()))
    flows = []
    for number in range(draw(st.integers(0, 3))):
        keys = draw(st.lists(_NAMES, max_size=5, unique=True))
        tasks = tuple(
            Task(
                key,
                draw(st.sampled_from(["glue", "glue", "lambda", "athena", "crawler", "airflow-dag"])),
                draw(_AT),
                job=draw(st.one_of(st.none(), st.sampled_from([*names, "nowhere"]))),
                arguments=draw(_ARGUMENTS),
                resource=draw(st.sampled_from([None, "c", "flow 0", "insert into sales.x select * from sales.orders"])),
            )
            for key in keys
        )
        pairs = draw(st.lists(st.tuples(st.sampled_from(keys), st.sampled_from(keys)), max_size=6)) if keys else []
        flows.append(Flow(f"flow {number}", "step-functions", draw(_AT), tasks, frozenset(pairs)))
    tables = tuple(
        CatalogEntry("sales", name, draw(_PLACES), Where("t"))
        for name in draw(st.lists(st.sampled_from(["orders", "x"]), max_size=2))
    )
    crawlers = (CrawlerDefinition("c", "sales", (draw(_PLACES),), Where("c")),)
    return Survey(tuple(jobs), tuple(flows), tables, crawlers, values={"P": draw(_WORDS)}), tuple(files)


@settings(max_examples=40)
@given(_surveys())
def test_an_import_gives_a_valid_graph(drawn: tuple[Survey, tuple[SourceFile, ...]]) -> None:
    survey, files = drawn
    found = import_graph(Given(survey, Selection(all_jobs=True), files=files))
    assert parse_graph(graph_document(found.graph)) == found.graph
    assert import_graph(Given(survey, Selection(all_jobs=True), files=files)) == found
    ids = {node.id for node in found.graph.nodes}
    assert {end for link in found.links for end in (link.source, link.target)} <= ids
    merged = merge_graphs(EMPTY, found.graph).graph
    assert merge_graphs(merged, found.graph).graph == merged
    assert drift_of(merged, found.graph).differences == ()


@settings(max_examples=40)
@given(_surveys())
def test_the_report_of_anything_is_made(drawn: tuple[Survey, tuple[SourceFile, ...]]) -> None:
    found = import_graph(Given(drawn[0], Selection(all_jobs=True), files=drawn[1]))
    report = import_report(found)
    assert render_import_terminal(report)
    assert render_import_html(report, found.graph).startswith("<!doctype html>")
