"""Merging lifecycle rules: whatever a bucket's configuration holds, what is not ours stays as it is."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pypedream_dagster.branch.lifecycle import Offer, is_legacy, merged, offers, rule_id_start, rule_of
from pypedream_dagster.graph.files import parse_graph
from pypedream_dagster.graph.uri import parse_uri

PREFIXES = st.sampled_from(["", "dev/", "dev/branches/", "lake/dev-", "a b/ü"])
IDS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["pypedream-branches", "pypedream-branches:other:dev/", "pypedream-branches:shop2:dev/"]),
)


@st.composite
def configurations(draw: Any) -> list[dict[str, Any]]:
    """Rules of other people, in one of S3's two forms, ours of earlier times among them."""
    legacy = draw(st.booleans())
    rules: list[dict[str, Any]] = []
    for rule_id in draw(st.lists(IDS, max_size=6, unique=True)):
        prefix = draw(PREFIXES)
        rule: dict[str, Any] = {"ID": rule_id, "Status": draw(st.sampled_from(["Enabled", "Disabled"]))}
        rule |= {"Prefix": prefix} if legacy else {"Filter": draw(st.sampled_from([{}, {"Prefix": prefix}]))}
        rule |= draw(
            st.sampled_from(
                [
                    {"Expiration": {"Days": 3}},
                    {"Expiration": {"ExpiredObjectDeleteMarker": True}},
                    {"Transitions": [{"Days": 30, "StorageClass": "GLACIER"}]},
                    {"NoncurrentVersionExpiration": {"NoncurrentDays": 5, "NewerNoncurrentVersions": 2}},
                ]
            )
        )
        rules.append(rule)
    for prefix in draw(st.lists(PREFIXES, max_size=2, unique=True)):
        ours = rule_of("shop", Offer("b", prefix, ()), draw(st.integers(1, 99)), legacy=legacy)
        rules.insert(draw(st.integers(0, len(rules))), ours)
    return rules


@given(configurations(), st.lists(PREFIXES, max_size=3, unique=True), st.integers(1, 3650))
def test_what_is_not_ours_stays_and_ours_is_there_once(
    existing: list[dict[str, Any]], wanted: list[str], days: int
) -> None:
    start = rule_id_start("shop")

    def others(rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [rule for rule in rules if not rule["ID"].startswith(start)]

    ours = [rule_of("shop", Offer("b", one, ()), days, legacy=is_legacy(others(existing))) for one in wanted]
    rules = merged(existing, ours, "shop")
    assert others(rules) == others(existing)
    assert sorted(rule["ID"] for rule in rules if rule["ID"].startswith(start)) == sorted(rule["ID"] for rule in ours)
    assert all(rule in rules for rule in ours)
    assert merged(rules, ours, "shop") == rules
    assert merged(rules, [], "shop") == others(existing)
    assert not (any("Prefix" in rule for rule in rules) and any("Filter" in rule for rule in rules)) or not ours


SEGMENTS = st.sampled_from(["lake", "dev", "devil", "main", "{branch-name}", "b-{branch-name}", "x"])
TEMPLATES = st.lists(SEGMENTS, min_size=1, max_size=4).filter(lambda parts: any("{" in part for part in parts))
PLACES = st.lists(st.sampled_from(["lake", "dev", "devil", "main", "b-main", "x"]), min_size=1, max_size=4)


@given(st.lists(st.tuples(TEMPLATES, st.none() | PLACES), min_size=1, max_size=3), st.lists(PLACES, max_size=3))
def test_no_rule_reaches_what_is_mains(data: list[tuple[list[str], list[str] | None]], more: list[list[str]]) -> None:
    outputs = {}
    for number, (template, main) in enumerate(data):
        uri = f"s3://lake/{'/'.join(template)}/{number}/"
        outputs[f"d{number}"] = {"uri": uri, **({"main_uri": f"s3://lake/{'/'.join(main)}/m{number}/"} if main else {})}
    node = {"id": "a", "metadata": {"operation": "glue", "properties": {"Name": "a"}, "output_data": outputs}}
    graph = parse_graph({"directed": True, "nodes": [node], "links": []})
    mains = tuple(f"s3://lake/{'/'.join(place)}/" for place in more)
    every = {*mains, *(one.base_uri for one in graph.nodes[0].outputs.values())}
    for offer in offers(graph, mains):
        if offer.refusal is None:
            for uri in every:
                below = parse_uri(uri).key + "part-0"
                assert not below.startswith(offer.prefix), (offer, uri)
                assert not offer.prefix.startswith(parse_uri(uri).key), (offer, uri)
