"""Whatever the bytes are, reading them gives an answer; whatever the script is, its meaning outlives its layout."""

from __future__ import annotations

import ast
import random
import sysconfig
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pypedream_dagster.script.model import Reading
from pypedream_dagster.script.reading import read_script
from tests.script.facts import SPARK, line

_LIBRARY = Path(sysconfig.get_paths()["stdlib"])
_FILES = sorted(path for path in _LIBRARY.rglob("*.py") if "site-packages" not in path.parts)

_NAMES = st.sampled_from(["x", "df", "spark", "args", "s3", "boto3", "self", "glueContext", "F", "sys", "argv"])
_METHODS = st.sampled_from(
    [
        "write",
        "mode",
        "save",
        "parquet",
        "client",
        "put_object",
        "sql",
        "format",
        "option",
        "merge",
        "execute",
        "items",
        "get",
        "split",
        "join",
        "filter",
        "delete",
        "withColumn",
        "alias",
        "append",
        "read",
        "load",
        "table",
        "__init__",
        "parse_args",
        "add_argument",
        "purge_s3_path",
        "from_options",
    ]
)
_TEXTS = st.sampled_from(
    ["s3", "s3://b/x/", "append", "{}", "%s", "{a", "%(x)", "insert into t", "--x", "", "a.b", "{0}{1}"]
)


def _expressions(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    several = st.lists(inner, max_size=3).map(", ".join)
    return st.one_of(
        st.tuples(inner, _METHODS).map(lambda p: f"{p[0]}.{p[1]}"),
        st.tuples(inner, several).map(lambda p: f"{p[0]}({p[1]})"),
        st.tuples(inner, _NAMES, inner).map(lambda p: f"{p[0]}({p[1]}={p[2]})"),
        st.tuples(inner, inner).map(lambda p: f"{p[0]}[{p[1]}]"),
        st.tuples(inner, st.sampled_from("+%/|*-"), inner).map(lambda p: f"({p[0]} {p[1]} {p[2]})"),
        several.map(lambda items: f"[{items}]"),
        st.tuples(inner, inner).map(lambda p: f"{{{p[0]}: {p[1]}}}"),
        st.tuples(inner, inner, inner).map(lambda p: f"({p[0]} if {p[1]} else {p[2]})"),
        st.tuples(inner, _NAMES, inner).map(lambda p: f"[{p[0]} for {p[1]} in {p[2]}]"),
        st.tuples(_NAMES, inner).map(lambda p: f"(lambda {p[0]}: {p[1]})"),
        inner.map(lambda p: f"f'{{{p}}}'" if "'" not in p and "{" not in p and "\\" not in p else p),
    )


_EXPRESSION = st.recursive(
    st.one_of(_NAMES, _TEXTS.map(repr), st.sampled_from(["1", "None", "True"])), _expressions, max_leaves=12
)


def _statements(inner: st.SearchStrategy[list[str]]) -> st.SearchStrategy[list[str]]:
    def nested(head: str, body: list[str]) -> list[str]:
        return [head, *(f"    {text}" for text in body)]

    heads = st.one_of(
        st.tuples(_NAMES, _EXPRESSION).map(lambda p: f"for {p[0]} in {p[1]}:"),
        _EXPRESSION.map(lambda e: f"if {e}:"),
        _EXPRESSION.map(lambda e: f"while {e}:"),
        st.tuples(_EXPRESSION, _NAMES).map(lambda p: f"with {p[0]} as {p[1]}:"),
        st.tuples(_NAMES, _NAMES).map(lambda p: f"def {p[0]}({p[1]}=1, *rest, **more):"),
        _NAMES.map(lambda name: f"class {name}:"),
    )
    return st.one_of(
        st.tuples(heads, inner).map(lambda p: nested(*p)),
        st.tuples(inner, inner).map(lambda p: p[0] + p[1]),
    )


_SIMPLE = st.one_of(
    _EXPRESSION,
    st.tuples(_NAMES, _EXPRESSION).map(lambda p: f"{p[0]} = {p[1]}"),
    st.tuples(_NAMES, _EXPRESSION).map(lambda p: f"{p[0]} += {p[1]}"),
    st.tuples(_NAMES, _METHODS, _EXPRESSION).map(lambda p: f"{p[0]}.{p[1]} = {p[2]}"),
    st.sampled_from(["import boto3, sys", "from pyspark.sql.functions import *", "global x", "pass", "x, *df = args"]),
).map(lambda text: [text])
_SCRIPT = st.recursive(_SIMPLE, _statements, max_leaves=8).map("\n".join)


@given(st.binary(max_size=200))
def test_any_bytes_are_read(body: bytes) -> None:
    assert isinstance(read_script(body), Reading)


@given(_SCRIPT)
@settings(max_examples=200, deadline=None)
def test_any_script_is_read_and_its_layout_says_nothing(text: str) -> None:
    try:
        tree = ast.parse(text)
    except SyntaxError:
        assert read_script(text.encode()).unreadable is not None
        return
    one, other = read_script(text.encode()), read_script(ast.unparse(tree).encode())
    assert [line(fact) for fact in one.facts] == [line(fact) for fact in other.facts]
    assert [fact.at.code for fact in one.facts] == [fact.at.code for fact in other.facts]


@given(st.sampled_from(_FILES), st.randoms(use_true_random=False))
@settings(max_examples=15, deadline=None)
def test_the_standard_library_is_read(path: Path, chance: random.Random) -> None:
    body = path.read_bytes()
    assert isinstance(read_script(body), Reading)
    cut = chance.randrange(len(body) + 1)
    assert isinstance(read_script(body[:cut]), Reading)


@pytest.mark.parametrize(
    "body",
    [
        "df" + '.withColumn("a", F.lit(1))' * 800 + '.write.mode("append").parquet("s3://b/x/")',
        "x = " + "+".join(['"a"'] * 3000),
        "x = " + "(" * 150 + "1" + ")" * 150,
        "def f():\n    return f()\nf()",
        "def f(n):\n    g(n)\n    g(n)\ndef g(n):\n    f(n)\n    f(n)\nf(1)",
        "\n".join(f"def f{n}():\n    f{n + 1}()\n    f{n + 1}()" for n in range(40)) + "\nf0()",
        "x = 'ab'\n" + "x = x + x\n" * 200 + "df.write.save(x)",
        "x = 'aa'\n" + "x = x.replace('a', 'aaaaaaaa')\n" * 50,
        "x = '%999999999d' % 1\ny = '{:>999999999}'.format(1)\nz = 'a' * 10**12",
        "x = [" + ",".join(["1"] * 20000) + "]",
        "for a in [1]*9:\n"
        + "".join("    " * n + f"for b{n} in range(9):\n" for n in range(1, 15))
        + "    " * 15
        + "pass",
    ],
    ids=range(11),
)
def test_what_is_large_or_deep_or_endless_comes_to_an_end(body: str) -> None:
    assert isinstance(read_script((SPARK + body).encode()), Reading)


def test_a_long_chain_is_followed_to_its_writer() -> None:
    code = SPARK + "df" + '.withColumn("a", F.lit(1))' * 300 + '.write.mode("append").parquet("s3://b/x/")'
    assert line(read_script(code.encode()).facts[-1]) == "write s3 s3://b/x/ append"
