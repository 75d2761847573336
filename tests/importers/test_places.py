"""How two places relate: what is known decides, and nothing that is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pypedream_dagster.importers.inference.places import Place, relate, s3_place, table_place

_SEGMENT = st.text("abc_-.=", min_size=1, max_size=4)
_KEYS = st.lists(_SEGMENT, min_size=1, max_size=5).map("/".join)


def _place(text: str) -> Place:
    place = s3_place(text) if "://" in text else table_place(text)
    assert place is not None
    return place


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("s3://lake/bronze/orders/", "s3://lake/bronze/orders"),
        ("s3a://lake//bronze/orders", "s3://lake/bronze/orders"),
        ("s3://lake/bronze/orders/*.csv", "s3://lake/bronze/orders"),
        ("s3://lake/bronze/orders/year=2024/month=*/", "s3://lake/bronze/orders"),
        ("s3://lake/domain=sales/dataset=orders/version=1.0.0/day=${day}/", "s3://lake/domain=sales/dataset=orders"),
        ("s3://lake/bronze/orders/part-00000.parquet", "s3://lake/bronze/orders"),
        ("s3://lake/bronze/orders.csv", "s3://lake/bronze/orders.csv"),
        ("s3://lake/bronze/orders/day=*/run-7/data.json", "s3://lake/bronze/orders/day=*/run-7/data.json"),
        ("s3://lake/bronze/orders/year=*/day=2024-01-01/data.json", "s3://lake/bronze/orders"),
        ("s3://lake/day=*/orders.csv", "s3://lake/day=*/orders.csv"),  # the bucket alone says nothing
        ("s3://lake/bronze/source=orders/", "s3://lake/bronze/source=orders"),
        ("s3://lake/bronze/source=orders/day=*/", "s3://lake/bronze/source=orders"),
        ("s3://lake/bronze/orders_*.csv", "s3://lake/bronze"),
        ("s3://lake/bronze/orders*", "s3://lake/bronze/orders*"),
        ("s3://lake/audit/run_${argument.run_id}.json", "s3://lake/audit"),
        ("s3://lake/${argument.table}.json", "s3://lake/${argument.table}.json"),
        ("s3://${Bucket}/bronze/${table}/", "s3://${Bucket}/bronze/${table}"),
        ("Sales.Orders", "sales.orders"),
        ("glue_catalog.sales.orders", "sales.orders"),
    ],
)
def test_a_place_is_where_the_dataset_lies(text: str, place: str) -> None:
    assert _place(text).text == place


@pytest.mark.parametrize("text", ["", "sales", "a b.c", "https://x.y/z", "s3://", "a.b.c.d"])
def test_what_is_no_place_is_none(text: str) -> None:
    assert s3_place(text) is None
    assert table_place(text) is None


@pytest.mark.parametrize(
    ("written", "read", "relation"),
    [
        ("s3://lake/x/", "s3://lake/x", "same"),
        ("s3://lake/x/", "s3://lake/x/y/", "within"),
        ("s3://lake/x/y/z", "s3://lake/x/", "within"),
        ("s3://lake/x/", "s3://lake/xy/", None),
        ("s3://lake/x/", "s3://other/x/", None),
        ("s3://lake/", "s3://lake/x/", None),  # never a bucket's root
        ("s3://lake/*/", "s3://lake/x/", None),  # nothing that is known in common
        ("s3://${Lake}/x/", "s3://${Lake}/x/", "same"),
        ("s3://${Lake}/x/", "s3://${Raw}/y/", None),
        ("s3://${Lake}/${prefix}/", "s3://${Lake}/${prefix}", "same"),
        ("s3://*/*/", "s3://*/*/", None),
        ("s3://lake/silver/*/orders", "s3://lake/silver/eu/orders", "same"),
        ("s3://lake/silver/*/orders", "s3://lake/silver/eu/customers", None),
        ("s3://lake/silver/orders_*", "s3://lake/silver/orders_eu", "same"),
        ("s3://lake/silver/orders", "s3://lake/silver/orders*", "same"),
        ("s3://lake/silver/orders*", "s3://lake/silver/customers", None),
        ("sales.orders", "sales.orders", "same"),
        ("${Database}.orders", "sales.orders", "same"),
        ("sales.orders", "hr.orders", None),
        ("sales.orders", "sales.*", "same"),  # as far as is known: the order has to say so, too
        ("sales.orders", "hr.*", None),
        ("sales.orders", "s3://lake/orders", None),
    ],
)
def test_two_places(written: str, read: str, relation: str | None) -> None:
    found = relate(_place(written), _place(read))
    assert (None if found is None else "same" if found.same else "within") == relation
    back = relate(_place(read), _place(written))
    assert (back is None) == (found is None)


@given(_KEYS, _KEYS)
def test_known_places_relate_as_their_texts_do(one: str, two: str) -> None:
    left, right = s3_place(f"s3://lake/{one}"), s3_place(f"s3://lake/{two}")
    assert left is not None
    assert right is not None
    a, b = left.text + "/", right.text + "/"
    # A bucket alone says nothing, unless both are the whole of it.
    expected = a == b or ((a.startswith(b) or b.startswith(a)) and min(len(left.segments), len(right.segments)) > 1)
    assert (relate(left, right) is not None) == expected


@given(st.text("s3:/*${}ab. ", max_size=30), st.text("s3:/*${}ab. ", max_size=30))
def test_nothing_is_too_odd(one: str, two: str) -> None:
    for text in (one, f"s3://{one}"):
        for other in (two, f"s3://{two}"):
            left, right = s3_place(text) or table_place(text), s3_place(other) or table_place(other)
            if left and right:
                relate(left, right)
