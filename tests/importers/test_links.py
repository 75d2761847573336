"""Links and their evidence, and what is asked where it cannot be told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pypedream_dagster.graph.files import graph_document, parse_graph
from pypedream_dagster.importers.answers import Answers, parse_answers
from pypedream_dagster.importers.finding import Imported, Question
from pypedream_dagster.importers.inference.links import Order, pairs_of
from pypedream_dagster.importers.inference.places import s3_place, table_place
from pypedream_dagster.importers.inference.uses import Use
from pypedream_dagster.importers.survey import CatalogEntry, CrawlerDefinition, Survey, Task

from .surveys import HERE, asked, flow, imported, job, links, run, script

_READ_PARQUET = """
import sys
from awsglue.utils import getResolvedOptions
args = getResolvedOptions(sys.argv, ["x"])
spark.read.parquet({})
"""


def test_the_convention_gives_datasets_templates_and_evidence() -> None:
    found = imported(
        job("shop-load-main", {"BRONZE_DATA_SOURCE": "s3://lake/main/bronze"}),
        job("shop-extract-main", {"BRONZE_DATA_SINK": "s3://lake/main/bronze/"}),
    )
    node = found.graph.by_id["shop-extract"]
    assert node.metadata.properties["Name"] == "shop-extract-{branch-name}"
    assert node.metadata.properties["Command"]["ScriptLocation"] == "s3://code/{branch-name}/shop-extract-main.py"
    assert node.metadata.properties["SomethingNew"] == {"kept": True}
    assert node.outputs["bronze"].uri == "s3://lake/{branch-name}/bronze/"
    (link,) = found.graph.links
    assert link.data == ("bronze",)
    assert link.model_dump()["metadata"]["confidence"] == "high"
    assert link.model_dump()["metadata"]["evidence"] == [
        {
            "kind": "same-uri",
            "confidence": "high",
            "dataset": "bronze",
            "place": "s3://lake/main/bronze",
            "written_by": "--BRONZE_DATA_SINK",
            "read_by": "--BRONZE_DATA_SOURCE",
        }
    ]


def test_a_script_tells_the_direction_whatever_the_argument_is_called() -> None:
    found = imported(
        job("a", {"silver_path": "s3://lake/silver/"}),
        job("b", {"silver_path": "s3://lake/silver/"}),
        script("a", "args = getResolvedOptions(sys.argv, ['silver_path'])\ndf.write.parquet(args['silver_path'])"),
        script("b", "args = getResolvedOptions(sys.argv, ['silver_path'])\nspark.read.parquet(args['silver_path'])"),
    )
    assert links(found) == {("a", "b"): ("silver",)}
    assert found.links[0].confidence == "high"
    assert found.graph.by_id["b"].metadata.input_arguments == {"a.silver": "--silver_path"}
    assert found.graph.by_id["a"].metadata.output_arguments == {"silver": "--silver_path"}
    assert asked(found) == []


def test_what_neither_script_nor_name_tells_is_asked() -> None:
    jobs = (job("a", {"silver_path": "s3://lake/main/silver/"}), job("b", {"silver_path": "s3://lake/main/silver/"}))
    found = imported(*jobs)
    assert found.links == ()
    assert {"direction: a --silver_path", "direction: b --silver_path"} <= set(asked(found))
    ids = {question.about: question.id for question in found.questions}
    said = {ids["a --silver_path"]: "output", ids["b --silver_path"]: "input"}
    answered = imported(*jobs, answers=Answers.recorded(said))
    assert links(answered) == {("a", "b"): ("silver",)}
    assert not any(question.startswith("direction") for question in asked(answered))
    assert answered.answered == {"direction: a --silver_path": "output", "direction: b --silver_path": "input"}


def _tables_of_folders(*written: str, order: tuple[tuple[str, str], ...] = ()) -> Imported:
    writes = "\n".join(f'df.write.parquet("{uri}")' for uri in written)
    runs = (flow(run("a", "a"), run("b", "b"), order=list(order)),) if order else ()
    return imported(
        *runs,
        job("a", {"x": "1"}),
        job("b", {"x": "1"}),
        script("a", writes),
        script("b", 'spark.table("shop.customer_trusted")\nspark.table("shop.orders")'),
    )


def test_a_table_that_is_called_after_a_folder_is_likely_of_it_and_asked_for() -> None:
    found = _tables_of_folders("s3://lake/customer/trusted/")
    assert links(found) == {("a", "b"): ("trusted",)}
    assert [(item.kind, item.confidence) for item in found.links[0].evidence] == [("table-name", "low")]
    assert asked(found) == ["unknown-table: shop.customer_trusted", "unknown-table: shop.orders"]
    ordered = _tables_of_folders("s3://lake/customer/trusted/", order=(("a", "b"),))
    assert ordered.links[0].confidence == "medium"


@pytest.mark.parametrize(
    "written",
    [
        ("s3://lake/customer/trusted/", "s3://other/customer_trusted/"),
        ("s3://lake/customers/trusted/",),
        ("s3://lake/orders/old/",),
    ],
)
def test_a_table_is_of_no_folder_that_is_called_otherwise_or_like_another(written: tuple[str, ...]) -> None:
    assert _tables_of_folders(*written).links == ()


def test_a_table_of_a_layer_is_of_no_folder_of_another() -> None:
    jobs = (job("a", {}), job("b", {}), script("a", 'df.write.parquet("s3://lake/gold/orders/")'))
    assert imported(*jobs, script("b", 'spark.table("raw_db.orders")')).links == ()
    assert links(imported(*jobs, script("b", 'spark.table("gold_db.orders")'))) == {("a", "b"): ("orders",)}


def test_what_runs_before_a_write_does_not_read_it_by_a_tables_name() -> None:
    found = _tables_of_folders("s3://lake/customer/trusted/", order=(("b", "a"),))
    assert all(item.kind == "order" for link in found.links for item in link.evidence)


def test_an_answer_counts_however_it_is_written() -> None:
    jobs = (job("a", {"silver_path": "s3://lake/main/silver/"}), job("b", {"silver_path": "s3://lake/main/silver/"}))
    said = parse_answers("direction: {a --silver_path: Output, b --silver_path: INPUT}")
    assert links(imported(*jobs, answers=said)) == {("a", "b"): ("silver",)}


def test_a_bucket_and_a_folder_are_one_place_and_a_bucket_alone_is_none() -> None:
    found = imported(
        flow(
            run("a", "land", target_bucket="${Lake}", target_prefix="${Folder}", other_dest_bucket="${Other}"),
            run("b", "load", lake_bucket="${Lake}", lake_folder="${Folder}"),
            order=[("a", "b")],
        )
    )
    assert [output.base_uri for output in found.graph.by_id["land"].outputs.values()] == ["s3://${Lake}/${Folder}"]
    assert [(link.source, link.target) for link in found.links if link.data] == [("land", "load")]
    (question,) = [one for one in found.questions if one.kind == "direction"]
    assert question.about == "load --lake_bucket and --lake_folder"
    answers = Answers.recorded({question.id: "neither"})
    again = imported(
        flow(
            run("a", "land", target_bucket="${Lake}", target_prefix="${Folder}"),
            run("b", "load", lake_bucket="${Lake}", lake_folder="${Folder}"),
            order=[("a", "b")],
        ),
        answers=answers,
    )
    assert not [link for link in again.links if link.data]


def test_arguments_that_the_script_does_not_ask_for_name_nothing_together() -> None:
    found = imported(
        job("a", {"output_bucket": "lake", "output_prefix": "parquet", "day": "1"}),
        script("a", "args = getResolvedOptions(sys.argv, ['day'])"),
    )
    assert not found.graph.by_id["a"].outputs


def test_several_slashes_are_one() -> None:
    found = imported(
        job("a", {"base": "s3://lake/out/"}),
        script("a", "args = getResolvedOptions(sys.argv, ['base'])\ndf.write.parquet(args['base'] + '/totals//month')"),
    )
    (output,) = found.graph.by_id["a"].outputs.values()
    assert output.main_uri == "s3://lake/out/totals/month"


def test_where_a_stream_keeps_its_state_is_no_data_and_not_asked_for() -> None:
    found = imported(job("a", {"CHECKPOINT_LOCATION": "s3://lake/checkpoints/a/", "logs_path": "s3://lake/logs/"}))
    assert asked(found) == ["unreadable-script: a"]


def test_literals_are_found_and_no_branch_can_move_them() -> None:
    found = imported(
        job("a"),
        job("b"),
        script("a", "BUCKET = 'lake'\nfor t in ['x', 'y']:\n    df.write.parquet(f's3://{BUCKET}/silver/{t}/')"),
        script("b", "spark.read.parquet('s3://lake/silver/x')"),
    )
    assert links(found) == {("a", "b"): ("x",)}
    assert [
        (write["what"], write["at"], write["dataset"])
        for write in found.graph.by_id["a"].model_dump()["metadata"]["unexplained_writes"]
    ] == [("s3://lake/silver/x/", "a.py:3", "x"), ("s3://lake/silver/y/", "a.py:3", "y")]


def test_tables_are_resolved_to_their_locations() -> None:
    survey = Survey(tables=(CatalogEntry("sales", "orders", "s3://lake/orders/", HERE),))
    found = imported(
        job("a", {"target": "s3://lake/orders/"}),
        job("b"),
        job("c"),
        script("b", "spark.sql('select * from sales.orders')"),
        script("c", "spark.table('sales.orders').count()"),
        survey=survey,
    )
    assert links(found) == {("a", "b"): ("orders",), ("a", "c"): ("orders",)}
    assert [link.evidence[0].kind for link in found.links] == ["table-location", "table-location"]
    assert found.graph.by_id["a"].outputs["orders"].table == "sales.orders"


def test_a_crawler_whose_target_has_the_tables_name_is_surer_than_one_of_a_whole_bucket() -> None:
    crawlers = (
        CrawlerDefinition("raw", "sales", ("s3://landing",), HERE),
        CrawlerDefinition("daily", "sales", ("s3://lake/daily",), HERE),
        CrawlerDefinition("totals", "sales", ("s3://lake/totals/daily",), HERE, "totals_"),
    )
    found = imported(
        job("a", {"to_path": "s3://lake/daily"}),
        job("b"),
        script("b", "glueContext.create_dynamic_frame.from_catalog(database='sales', table_name='daily')"),
        survey=Survey(crawlers=crawlers),
    )
    assert ("a", "b") in links(found)
    assert not any(question.startswith("unknown-table") for question in asked(found))


def test_a_crawler_of_a_bucket_makes_a_table_of_the_buckets_name() -> None:
    code = "glueContext.create_dynamic_frame.from_catalog(database='sales', table_name={})"
    declared = "args = getResolvedOptions(sys.argv, ['table'])\n"
    found = imported(
        job("a", {"bucket": "${CleanZone}"}),
        job("b", {"table": "${CleanZone}"}),
        script(
            "a",
            "args = getResolvedOptions(sys.argv, ['bucket'])\ndf.write.parquet('s3://' + args['bucket'])",
        ),
        script("b", declared + code.format("args['table'].replace('-', '_')")),
        flow(run("A", "a"), run("B", "b"), order=[("A", "B")]),
        survey=Survey(crawlers=(CrawlerDefinition("c", "sales", ("s3://${CleanZone}",), HERE),)),
    )
    assert [(link.target, link.evidence[-1].kind) for link in found.links] == [("b", "crawled-table")]


def test_a_crawlers_target_is_filled_with_known_values() -> None:
    found = imported(
        job("a", {"to_path": "s3://lake/silver/"}),
        flow(run("A", "a"), Task("C", "crawler", HERE, resource="c"), order=[("A", "C")]),
        survey=Survey(
            crawlers=(CrawlerDefinition("c", "sales", ("s3://${Lake}/silver/",), HERE),), values={"Lake": "lake"}
        ),
    )
    assert [(link.target, link.confidence) for link in found.links] == [("C", "medium")]
    assert not any(question.startswith("parameter") for question in asked(found))


def test_a_crawlers_tables_lie_at_its_targets() -> None:
    crawler = CrawlerDefinition("c", "sales", ("s3://lake/silver/",), HERE, "raw_")
    found = imported(
        job("a", {"target": "s3://lake/silver/orders/"}),
        job("b"),
        script("b", "glueContext.create_dynamic_frame.from_catalog(database='sales', table_name='raw_orders')"),
        survey=Survey(crawlers=(crawler,)),
    )
    assert links(found) == {("a", "b"): ("orders",)}
    assert (found.links[0].evidence[0].kind, found.links[0].confidence) == ("crawled-table", "medium")


def test_a_table_of_unknown_place_links_and_is_asked_for() -> None:
    parts = (
        job("a"),
        job("b"),
        script("a", "df.write.mode('overwrite').saveAsTable('sales.orders')"),
        script("b", "spark.table('sales.orders').count()"),
    )
    found = imported(*parts)
    assert links(found) == {("a", "b"): ("orders",)}
    assert found.links[0].evidence[0].kind == "same-table"
    (question,) = [q for q in found.questions if q.kind == "unknown-table"]
    answered = imported(*parts, answers=Answers.recorded({question.id: "s3://lake/orders/"}))
    assert answered.graph.by_id["a"].outputs["orders"].base_uri == "s3://lake/orders/"
    assert asked(answered) == []


def test_containment_links_with_less_confidence_and_never_by_a_bucket() -> None:
    found = imported(
        job("a", {"target": "s3://lake/x/"}),
        job("part", {"source": "s3://lake/x/part/"}),
        job("whole", {"source": "s3://lake/"}),
    )
    assert links(found) == {("a", "part"): ("x",)}
    assert (found.links[0].evidence[0].kind, found.links[0].confidence) == ("containment", "low")


def test_two_jobs_arguments_of_one_name_and_no_value_are_not_said_to_be_one_dataset() -> None:
    code = "a = getResolvedOptions(sys.argv, ['B', 'P'])\nd.write.parquet(f\"s3://{a['B']}/{a['P']}\")"
    found = imported(job("a"), job("b"), script("a", code), script("b", code))
    assert asked(found) == ["parameter: argument.b", "parameter: argument.p"]


def test_one_dataset_has_one_producer_and_the_others_are_asked_for() -> None:
    jobs = (
        job("a", {"target": "s3://lake/x/"}),
        job("b", {"target": "s3://lake/x/"}),
        job("c", {"source": "s3://lake/x/"}),
    )
    found = imported(*jobs)
    assert links(found) == {("a", "c"): ("x",), ("b", "c"): ()}
    assert "several-writers: s3://lake/x/" in asked(found)
    assert found.graph.by_id["b"].model_dump()["metadata"]["unexplained_writes"][0]["why"] == "it is a's"
    said = Question("several-writers", "s3://lake/x/", "").id
    assert links(imported(*jobs, answers=Answers.recorded({said: "b"}))) == {("a", "c"): (), ("b", "c"): ("x",)}


def test_reading_what_one_writes_is_asked_and_reading_it_back_is_not() -> None:
    before = "d = spark.read.parquet('s3://lake/x/')\nd.write.mode('overwrite').parquet('s3://lake/x/')"
    after = "d.write.mode('overwrite').parquet('s3://lake/x/')\nspark.read.parquet('s3://lake/x/').count()"
    found = imported(job("a"), script("a", before))
    assert asked(found) == ["self-reading: a s3://lake/x"]
    assert found.graph.by_id["a"].outputs["x"].write_mode == "merge"
    assert asked(imported(job("a"), script("a", after))) == []


def test_data_against_the_order_is_asked_and_left_out() -> None:
    parts = (
        job("a", {"source": "s3://lake/y/", "target": "s3://lake/x/"}),
        job("b", {"source": "s3://lake/x/", "target": "s3://lake/y/"}),
        flow(run("A", "a"), run("B", "b"), order=[("A", "B")]),
    )
    found = imported(*parts)
    assert links(found) == {("a", "b"): ("x",)}
    assert {evidence.kind for evidence in found.links[0].evidence} == {"order", "same-uri"}
    (question,) = [q for q in found.questions if q.kind == "order-conflict"]
    answered = imported(*parts, answers=Answers.recorded({question.id: "no link"}))
    assert links(answered) == links(found)
    assert not any(q.kind == "order-conflict" for q in answered.questions)


def test_a_write_to_nowhere_is_asked_and_kept_in_the_graph() -> None:
    parts = (job("a"), script("a", "d.write.parquet(make_path())"))
    found = imported(*parts)
    assert asked(found) == ["unexplained-write: a scripts/a.py:1"]
    assert [w["why"] for w in found.graph.by_id["a"].model_dump()["metadata"]["unexplained_writes"]] == [
        "its place cannot be told"
    ]
    ignored = imported(*parts, answers=Answers.recorded({found.questions[0].id: "ignore"}))
    assert "unexplained_writes" not in ignored.graph.by_id["a"].model_dump(exclude_unset=True)["metadata"]


def test_unresolved_parts_link_by_their_names_and_are_asked_for() -> None:
    found = imported(
        job("a", {"target": "s3://${LakeBucket}/x/"}),
        job("b", {"source": "s3://${LakeBucket}/x/"}),
        job("c", {"source": "s3://${OtherBucket}/x/"}),
    )
    assert links(found) == {("a", "b"): ("x",)}
    assert {"parameter: LakeBucket", "parameter: OtherBucket"} <= set(asked(found))
    known = imported(
        job("a", {"target": "s3://${LakeBucket}/x/"}),
        job("c", {"source": "s3://${OtherBucket}/x/"}),
        variables={"LakeBucket": "lake", "OtherBucket": "lake"},
    )
    assert links(known) == {("a", "c"): ("x",)}


@pytest.mark.parametrize(
    "value", ["s3://lake/a b/x.csv", "s3://lake/x/*.csv", "not a uri", "s3://", "s3://b", "s3:///x"]
)
def test_odd_values_still_make_a_graph(value: str) -> None:
    found = imported(job("a/b.main", {"sink": value, "source": value}), job("A.b-main", {"target_path": value}))
    assert parse_graph(graph_document(found.graph)) == found.graph


def test_glues_own_arguments_are_no_data() -> None:
    own = {
        "TempDir": "s3://lake/tmp/",
        "extra-py-files": "s3://lake/tmp/x.zip",
        "spark-event-logs-path": "s3://lake/l/",
    }
    found = imported(job("a", own), job("b", own))
    assert found.links == ()
    assert found.graph.by_id["a"].outputs == {}
    assert not any(question.startswith("direction") for question in asked(found))


def test_arguments_that_cannot_be_overridden_count_too() -> None:
    found = imported(
        job("a", locked={"X_DATA_SINK": "s3://lake/main/x/"}), job("b", {"X_DATA_SOURCE": "s3://lake/main/x/"})
    )
    assert links(found) == {("a", "b"): ("x",)}


_SEGMENTS = st.sampled_from(["a", "b", "a_*", "*", "${P}", "x=1", "${argument.q}"])
_PLACES = st.lists(_SEGMENTS, min_size=1, max_size=4).map(lambda parts: "s3://" + "/".join(parts))
_TABLES = st.tuples(_SEGMENTS, _SEGMENTS).map(".".join)
_USES = st.lists(st.tuples(st.sampled_from(["read", "write"]), st.one_of(_PLACES, _TABLES)), max_size=12)


@given(_USES)
def test_the_index_finds_what_comparing_all_with_all_finds(drawn: list[tuple[str, str]]) -> None:
    uses = [
        Use(f"n{number}", "read" if direction == "read" else "write", "call", place, text, "here")
        for number, (direction, text) in enumerate(drawn)
        if (place := s3_place(text) if "://" in text else table_place(text)) is not None
    ]
    found = {(pair.write.node, pair.read.node) for pair in pairs_of(uses, Order(()))}
    singly = {
        (pair.write.node, pair.read.node)
        for one in uses
        for two in uses
        for pair in pairs_of([one, two] if one is not two else [], Order(()))
    }
    assert found == singly


def test_a_bucket_of_its_own_links_and_branches_write_elsewhere() -> None:
    jobs = (
        job("a", {"target": "s3://silver/"}),
        job("b", {"source": "s3://silver", "target": "s3://gold/"}),
        job("c", {"source": "s3://gold/orders/"}),
    )
    found = imported(*jobs)
    assert links(found) == {("a", "b"): ("silver",)}
    assert found.links[0].evidence[0].kind == "same-uri"
    dataset = found.graph.by_id["a"].outputs["silver"]
    assert (dataset.main_uri, dataset.uri) == (
        "s3://silver/",
        "s3://${branches.silver}/pypedream/{branch-name}/silver/",
    )
    (question,) = [q for q in found.questions if q.about == "branches.silver"]
    answered = imported(*jobs, answers=Answers.recorded({question.id: "sandbox"}))
    assert answered.graph.by_id["a"].outputs["silver"].uri == "s3://sandbox/pypedream/{branch-name}/silver/"


def test_a_place_unknown_in_a_known_bucket_is_asked() -> None:
    found = imported(job("a"), script("a", "d.write.parquet(f's3://silver/{name()}/')"))
    assert asked(found) == ["unexplained-write: a scripts/a.py:1"]
    assert found.graph.by_id["a"].outputs == {}


def test_a_parameter_may_hold_the_whole_beginning_of_a_place() -> None:
    parts = (
        job("a", {"out": "${LakePath}"}),
        job("b", {"in": "${LakePath}"}),
        script("a", "args = getResolvedOptions(sys.argv, ['out'])\nd.write.parquet(args['out'] + '/orders')"),
        script("b", "args = getResolvedOptions(sys.argv, ['in'])\nspark.read.parquet(f\"{args['in']}/orders/\")"),
    )
    assert links(imported(*parts)) == {("a", "b"): ("orders",)}
    found = imported(*parts, variables={"LakePath": "s3://lake/main"})
    assert found.graph.by_id["a"].outputs["orders"].base_uri == "s3://lake/main/orders"
    named = imported(job("a", {"target": "${LakePath}/orders"}), job("b", {"source": "${LakePath}/orders"}))
    assert links(named) == {("a", "b"): ("orders",)}


def test_a_script_tells_where_its_table_lies() -> None:
    found = imported(
        job("a", {"bucket": "lake"}),
        job("b"),
        job("c"),
        script(
            "a",
            "args = getResolvedOptions(sys.argv, ['bucket'])\n"
            "d.write.option('path', f\"s3://{args['bucket']}/silver/sales/\").saveAsTable('acme.sales')",
        ),
        script("b", "spark.table('acme.sales').count()"),
        script("c", "spark.read.parquet('s3://lake/silver/sales/')"),
    )
    assert links(found) == {("a", "b"): ("sales",), ("a", "c"): ("sales",)}
    assert asked(found) == []
    assert found.graph.by_id["a"].outputs["sales"].table == "acme.sales"


_FOLDERS = """
args = getResolvedOptions(sys.argv, ["src", "dst"])
spark.read.parquet(args["src"] + "data.parquet").write.parquet(f"{args['dst']}/part-0.parquet")
"""


def test_an_argument_that_names_the_folder_moves_what_lies_in_it() -> None:
    found = imported(
        job("a", {"src": "s3://lake/raw/", "dst": "s3://lake/bronze/orders/"}),
        job("b", {"src": "s3://lake/bronze/orders/", "dst": "s3://lake/silver/orders"}),
        script("a", _FOLDERS),
        script("b", _FOLDERS),
    )
    assert links(found) == {("a", "b"): ("orders",)}
    assert found.graph.by_id["a"].outputs["orders"].base_uri == "s3://lake/bronze/orders/"
    assert found.graph.by_id["a"].metadata.output_arguments == {"orders": "--dst"}
    assert found.graph.by_id["b"].metadata.input_arguments == {"a.orders": "--src"}
    assert [node.metadata.unexplained_writes for node in found.graph.nodes] == [(), ()]


def test_files_in_partitions_lie_in_the_folder_that_an_argument_names() -> None:
    code = (
        "a = getResolvedOptions(sys.argv, ['out'])\n"
        "smart_open.open(f\"{a['out']}/day={date.today()}/data.json\", 'w').write('')"
    )
    found = imported(
        job("a", {"out": "s3://lake/bronze/orders"}),
        job("b"),
        script("a", code),
        script("b", "spark.read.json('s3://lake/bronze/orders')"),
    )
    assert links(found) == {("a", "b"): ("orders",)}
    assert found.graph.by_id["a"].metadata.output_arguments == {"orders": "--out"}
    assert found.links[0].confidence == "high"


def test_a_bucket_that_several_prefixes_share_holds_each_of_them() -> None:
    found = imported(
        job("a", {"BUCKET_NAME": "lake", "SRC_PREFIX": "raw/x", "TRG_PREFIX": "clean/x"}),
        job("b", {"s3_bucket": "lake", "input_path": "clean/x/", "output_path": "gold/x/", "table": "x"}),
    )
    assert list(links(found)) == [("a", "b")]
    assert sorted(output.base_uri for node in found.graph.nodes for output in node.outputs.values()) == [
        "s3://lake/clean/x",
        "s3://lake/gold/x",
    ]


def test_places_in_an_argument_of_json_are_told_by_their_keys() -> None:
    found = imported(
        job("a", {"config": '{"input": {"path": "s3://lake/raw/x"}, "output": {"path": "s3://lake/clean/x"}}'}),
        job("b", {"config": '{"sources": ["s3://lake/clean/x", "s3://lake/y"], "other": "s3://lake/z"}'}),
        job("c", {"plan": "{not json s3://lake/elsewhere"}),
    )
    assert links(found) == {("a", "b"): ("x",)}
    assert found.graph.by_id["a"].metadata.output_arguments == {}
    assert [item for item in asked(found) if item.startswith("direction")] == [
        "direction: b --config other",
        "direction: c --plan",
    ]


def test_an_argument_may_name_a_table_whole() -> None:
    found = imported(job("a", {"output_table": "clean.x"}), job("b", {"source_tbl": "clean.x", "output_mode": "a.b"}))
    assert links(found) == {("a", "b"): ("x",)}


def test_each_dataset_that_an_argument_lists_is_found() -> None:
    code = (
        "a = getResolvedOptions(sys.argv, ['tables'])\nfor t in a['tables'].split(','):\n"
        "    pd.read_csv(f's3://lake/raw/{t}/').to_parquet(f's3://lake/clean/{t}/x.parquet')"
    )
    found = imported(
        job("a", {"tables": "orders,clients"}),
        job("b"),
        script("a", code),
        script("b", "import pandas as pd\npd.read_parquet('s3://lake/clean/clients/')"),
    )
    assert sorted(data.base_uri for data in found.graph.by_id["a"].outputs.values()) == [
        "s3://lake/clean/clients/x.parquet",
        "s3://lake/clean/orders/x.parquet",
    ]
    assert list(links(found)) == [("a", "b")]


def test_what_a_script_takes_out_of_an_argument_is_not_the_argument() -> None:
    code = (
        "a = getResolvedOptions(sys.argv, ['conf', 'src'])\nc = json.loads(a['conf'])\n"
        "spark.read.csv(a['src']).write.csv(a['src'].replace('raw', 'clean'))\nd.write.csv(c['out'])"
    )
    found = imported(
        job("a", {"conf": '{"out": "s3://lake/x/"}', "src": "s3://lake/raw/y/"}),
        job("b"),
        script("a", code),
        script("b", "spark.read.csv('s3://lake/clean/y/')\nspark.read.csv('s3://lake/x/')"),
    )
    assert links(found) == {("a", "b"): ("y", "x")}
    assert found.graph.by_id["a"].metadata.output_arguments == {}
    assert asked(found) == []


def test_a_folder_that_is_read_and_written_is_not_moved() -> None:
    code = "r = getResolvedOptions(sys.argv, ['root'])['root']\nspark.read.parquet(r + '/x').write.parquet(r + '/y')"
    found = imported(job("a", {"root": "s3://lake/main"}), script("a", code))
    (output,) = found.graph.by_id["a"].outputs.values()
    assert output.base_uri == "s3://lake/main/y"
    assert [write.why for write in found.graph.by_id["a"].metadata.unexplained_writes] == [
        "--root names a folder of more than this dataset"
    ]
    assert any("--rewrite-literals" in note for note in found.notes)


def test_a_default_in_the_script_is_a_value() -> None:
    found = imported(
        job("a"),
        job("b"),
        script(
            "a",
            "p = argparse.ArgumentParser()\np.add_argument('--out', default='s3://lake/x/')\n"
            "d.write.parquet(p.parse_args().out)",
        ),
        script("b", "spark.read.parquet('s3://lake/x/')"),
    )
    assert links(found) == {("a", "b"): ("x",)}


@pytest.mark.parametrize(
    ("written", "read", "confidence"),
    [
        ("f\"s3://{a['STAGING_BUCKET']}/{a['PREFIX']}\"", "f\"s3://{a['STAGING_BUCKET']}/{a['PREFIX']}\"", ["low"]),
        ("a['silver_path']", "a['silver_path']", ["low"]),
        ("'s3://' + a['curated_bucket']", "'s3://' + a['curated_bucket']", ["low"]),
        ("f\"s3://{a['bucket']}/{a['prefix']}\"", "f\"s3://{a['bucket']}/{a['prefix']}\"", []),
        ("a['source_path']", "a['source_path']", []),
        ("a['s3_output_dir']", "a['s3_output_dir']", []),
        ("a['silver_path']", "a['gold_path']", []),
    ],
)
def test_arguments_of_one_telling_name_are_little_evidence(written: str, read: str, confidence: list[str]) -> None:
    parts = (
        script("a", _ARGUMENTS + f"d.write.parquet({written})"),
        script("b", _ARGUMENTS + f"spark.read.csv({read})"),
    )
    assert [link.confidence for link in imported(job("a"), job("b"), *parts).links] == confidence
    against = flow(run("B", "b"), run("A", "a"), order=[("B", "A")])
    assert {evidence.kind for link in imported(*parts, against).links for evidence in link.evidence} == {"order"}


_ARGUMENTS = "a = getResolvedOptions(sys.argv, ['JOB_NAME'])\n"


def test_a_partition_that_an_argument_names_is_asked_for_by_nobody() -> None:
    code = _ARGUMENTS + "spark.read.csv(f\"s3://lake/x/day={a['run_date']}/\")"
    assert asked(imported(job("a"), script("a", code))) == []


def test_who_tidies_a_table_or_makes_it_empty_is_not_who_fills_it() -> None:
    found = imported(
        job("fill"),
        job("tidy"),
        job("use"),
        script("fill", "spark.sql('INSERT INTO db.t SELECT * FROM raw.t')"),
        script(
            "tidy",
            "spark.sql('CREATE TABLE IF NOT EXISTS db.t (a int)')\n"
            "spark.sql(\"CALL cat.system.rewrite_data_files(table => 'db.t')\")",
        ),
        script("use", "spark.table('db.t').count()"),
    )
    assert links(found) == {("fill", "use"): ("t",)}
    assert [q for q in asked(found) if q.startswith("several-writers")] == []
    assert [w.why for w in found.graph.by_id["tidy"].metadata.unexplained_writes] == ["it is fill's"]


def test_a_table_that_is_merged_into_is_known_to_build_on_what_is_there() -> None:
    code = "spark.table('db.t').count()\nspark.sql('MERGE INTO db.t USING v ON 1 = 1 WHEN MATCHED THEN DELETE')"
    assert asked(imported(job("a"), script("a", code))) == ["unknown-table: db.t"]


def test_a_script_for_several_jobs_does_for_each_what_its_arguments_tell() -> None:
    code = """
    a = getResolvedOptions(sys.argv, ["layer"])
    def clean():
        spark.read.csv("s3://lake/raw/").write.parquet("s3://lake/clean/")
    layer = a["layer"].lower()
    if layer == "clean":
        clean()
    elif layer in ("join", "joined"):
        spark.read.parquet("s3://lake/clean/").write.parquet("s3://lake/joined/")
    else:
        spark.read.parquet("s3://lake/joined/").write.parquet("s3://lake/report/")
    """
    shared = {"Command": {"Name": "glueetl", "ScriptLocation": "s3://code/main/x.py"}}
    names = {"one": "Clean", "two": "joined", "three": "report", "unknown": "${Layer}"}
    parts = [job(name, {"layer": layer}, **shared) for name, layer in names.items() if name != "unknown"]
    found = imported(*parts, script("x", code))
    assert links(found) == {("one", "two"): ("clean",), ("two", "three"): ("joined",)}
    assert asked(found) == []
    all_of_it = imported(job("unknown", {"layer": names["unknown"]}, **shared), script("x", code))
    assert set(all_of_it.graph.by_id["unknown"].outputs) == {"clean", "joined", "report"}


def test_a_script_knows_what_its_job_is_called() -> None:
    code = _ARGUMENTS + "d.write.csv(f\"s3://lake/{a['JOB_NAME']}/out/\")"
    assert (
        imported(job("sales"), script("sales", code)).graph.by_id["sales"].outputs["out"].base_uri
        == "s3://lake/sales/out/"
    )


def test_where_a_databases_tables_lie_is_asked_once() -> None:
    parts = (job("a"), script("a", "for t in ['x', 'y', 'z']:\n    df.write.saveAsTable(f'silver.{t}')"))
    found = imported(*parts)
    assert asked(found) == ["unknown-table: silver.*"]
    (question,) = found.questions
    for said in ("s3://lake/silver/", "s3://lake/silver/{table}/"):
        answered = imported(*parts, answers=Answers.recorded({question.id: said}))
        assert asked(answered) == []
        assert answered.graph.by_id["a"].outputs["y"].base_uri == "s3://lake/silver/y/"


def test_arguments_of_the_same_names_link_where_the_order_says_so_too() -> None:
    parts = (
        script("a", "a = getResolvedOptions(sys.argv, ['B', 'P'])\nd.write.parquet(f\"s3://{a['B']}/{a['P']}\")"),
        script("b", "a = getResolvedOptions(sys.argv, ['B', 'P'])\nspark.read.parquet(f\"s3://{a['B']}/{a['P']}\")"),
    )
    ordered = imported(*parts, flow(run("A", "a"), run("B", "b"), order=[("A", "B")]))
    assert [(link.data, link.confidence) for link in ordered.links] == [(("data",), "medium")]
    assert imported(*parts, flow(run("A", "a"), run("B", "b"))).links == ()


def test_what_is_listed_to_be_deleted_is_not_read() -> None:
    code = """
        import boto3
        s3 = boto3.client("s3")
        def clear(prefix):
            for page in s3.get_paginator("list_objects_v2").paginate(Bucket="lake", Prefix=prefix):
                s3.delete_objects(Bucket="lake", Delete={"Objects": [{"Key": one["Key"]} for one in page["Contents"]]})
        clear("silver/orders/day=1/")
        frame.write.parquet("s3://lake/silver/orders/")
    """
    found = imported(job("load"), job("tidy"), script("load", code))
    assert found.graph.by_id["load"].outputs
    assert not any(question.startswith("self-reading") for question in asked(found))
    taken = code.replace('clear("', 's3.get_object(Bucket="lake", Key=key())\n        clear("')
    assert any(question.startswith("self-reading") for question in asked(imported(job("load"), script("load", taken))))


def test_a_table_whose_name_a_run_makes_up_links_in_its_database_where_the_order_says_so() -> None:
    writer = """
        for name in config():
            frame.writeTo(f"bronze.{name}_raw").append()
    """
    parts = (job("load"), job("clean"), script("load", writer), script("clean", 'spark.table("bronze.orders_raw")'))
    found = imported(*parts, flow(run("a", "load"), run("b", "clean"), order=[("a", "b")]))
    (link,) = found.links
    assert [(one.kind, one.confidence) for one in link.evidence] == [("order", "low"), ("same-table", "medium")]
    assert any(question.startswith("unexplained-write: load") for question in asked(found))
    assert not found.graph.by_id["load"].outputs
    assert imported(*parts).links == ()
    two = (job("more"), script("more", writer), run("c", "more"))
    both = imported(*parts, *two[:2], flow(run("a", "load"), two[2], run("b", "clean"), order=[("a", "b"), ("c", "b")]))
    assert {one.kind for link in both.links for one in link.evidence} == {"order"}  # which of the two is not known
    other = imported(
        *parts[:3],
        script("clean", 'spark.table("silver.orders_raw")'),
        flow(run("a", "load"), run("b", "clean"), order=[("a", "b")]),
    )
    assert [one.kind for one in other.links[0].evidence] == ["order"]


def test_a_table_lies_where_its_database_says_that_its_tables_do() -> None:
    parts = (
        job("load"),
        script("load", 'frame.write.mode("overwrite").saveAsTable("silver.orders")'),
        job("report", {"source": "s3://lake/silver-db/orders/"}),
    )
    found = imported(*parts, survey=Survey(databases={"silver": "s3://lake/silver-db/"}))
    assert found.graph.by_id["load"].outputs["orders"].base_uri == "s3://lake/silver-db/orders/"
    assert links(found) == {("load", "report"): ("orders",)}
    assert not any(question.startswith("unknown-table") for question in asked(found))
    elsewhere = Survey(
        databases={"silver": "s3://lake/silver-db/"}, tables=(CatalogEntry("silver", "orders", "s3://lake/o/", HERE),)
    )
    assert imported(*parts, survey=elsewhere).graph.by_id["load"].outputs["orders"].base_uri == "s3://lake/o/"


def test_a_table_that_a_run_names_is_not_asked_for_where_its_files_are_known_to_lie() -> None:
    code = """
        for name in config():
            options = {"hoodie.datasource.hive_sync.database": "lake", "hoodie.datasource.hive_sync.table": name}
            frame.write.format("hudi").options(**options).mode("append").save("s3://lake/silver/orders/")
    """
    found = imported(job("load"), script("load", code))
    assert [output.base_uri for output in found.graph.by_id["load"].outputs.values()] == ["s3://lake/silver/orders/"]
    assert not any(question.startswith("unexplained-write") for question in asked(found))


@pytest.mark.parametrize(
    ("before", "after", "mode"),
    [
        ("gc.purge_s3_path('s3://lake/x/', {'retentionPeriod': 0})", "", "overwrite"),
        ("gc.purge_s3_path('s3://lake/', {'retentionPeriod': 0})", "", "append"),
        ("gc.purge_s3_path('s3://lake/x/day=1/', {'retentionPeriod': 0})", "", "append"),
        ("gc.purge_s3_path('s3://lake/y/', {'retentionPeriod': 0})", "", "append"),
        ("", "gc.purge_s3_path('s3://lake/x/', {'retentionPeriod': 0})", "append"),
        ("wr.s3.delete_objects('s3://lake/x/')", "", "overwrite"),
    ],
)
def test_what_a_script_empties_first_it_makes_anew(before: str, after: str, mode: str) -> None:
    write = (
        "gc.write_dynamic_frame.from_options(frame=d, connection_type='s3', "
        "connection_options={'path': 's3://lake/x/'}, format='parquet')"
    )
    head = "import awswrangler as wr\nfrom awsglue.context import GlueContext\ngc = GlueContext(sc)"
    code = "\n".join([head, before, write, after])
    found = imported(job("a"), script("a", code))
    assert found.graph.by_id["a"].outputs["x"].write_mode == mode
