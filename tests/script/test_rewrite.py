"""Literal places turned into arguments: what changes, what stays, what is said and left."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pypedream_dagster.script.model import Access
from pypedream_dagster.script.reading import read_script
from pypedream_dagster.script.rewrite import LiteralPlace, rewrite_literals

SILVER = LiteralPlace("s3://lake/silver/", "--SILVER_DATA_SINK", "shop.silver")
BRONZE = LiteralPlace("s3://lake/bronze/", "--BRONZE_DATA_SOURCE")
PLACES = (SILVER, BRONZE)
GIVEN = ["--SILVER_DATA_SINK", "s3://dev/b/silver/", "--BRONZE_DATA_SOURCE", "s3://dev/b/bronze/"]

PRELUDE = """\
import os

BUCKET = "lake"
ROOT = "s3://lake"
URI = "s3://lake/silver/"
day = os.environ.get("DAY", "monday")


def put_object(Bucket=None, Key=None, **_):
    print(f"s3://{Bucket}/{Key}")


def upload_file(path, bucket, key):
    print(f"s3://{bucket}/{key}")


class s3:
    put_object = staticmethod(put_object)
    upload_file = staticmethod(upload_file)


"""

MOVED = [
    'print("s3://lake/silver/")',
    "print('s3://lake/silver')",
    'print("s3://lake/silver/part.txt")',
    "print(URI + 'part.txt')",
    "print(f'{URI}part.txt')",
    'print(f"s3://{BUCKET}/silver/")',
    'print(f"s3://{BUCKET}/silver/day={day}/x")',
    'print(f"{ROOT}/silver/{day:>10}/")',
    'print(ROOT + "/silver/day=" + day)',
    'print("s3://lake/silver/%s/x" % day)',
    'print("s3://lake/silver/{}/x".format(day))',
    'print("s3://%s/silver/" % BUCKET)',
    'print("s3://{}/silver/".format(BUCKET))',
    'print("s3://lake/silver/" "part.txt")',
    'print(os.path.join("s3://lake", "silver", "part.txt"))',
    "print(os.path.join(URI, day))",
    'print(os.path.join("s3://lake/silver", day))',
    'def local():\n    own_bucket = "lake"\n    print(f"s3://{own_bucket}/silver/")\n\n\nlocal()',
    'print("s3://lake"\n      "/silver/")',
    's3.put_object(Bucket="lake", Key="silver/part.txt")',
    's3.put_object(Bucket=BUCKET, Key=f"silver/{day}/part.txt", Body=b"")',
    's3.upload_file("local", BUCKET, "silver/part.txt")',
    'for uri in ["s3://lake/silver/a", "s3://lake/silver/b"]:\n    print(uri)',
    'print({"path": "s3://lake/silver/"}["path"])',
    'def go(uri="s3://lake/silver/"):\n    print(uri)\n\n\ngo()',
]


def _run(body: bytes, folder: Path, *arguments: str, isolated: str = "-I") -> str:
    script = folder / "script.py"
    script.write_bytes(body)
    environment = {**os.environ, "DAY": "friday"}
    done = subprocess.run(
        [sys.executable, isolated, str(script), *arguments], capture_output=True, text=True, check=True, env=environment
    )
    return done.stdout


def test_whatever_form_it_has_it_moves_and_stays_on_main(tmp_path: Path) -> None:
    body = (PRELUDE + "\n".join(MOVED) + "\n").encode()
    rewriting = rewrite_literals(body, PLACES)
    before = _run(body, tmp_path)
    assert _run(rewriting.body, tmp_path) == before
    after = _run(rewriting.body, tmp_path, *GIVEN)
    assert after == before.replace("s3://lake/silver", "s3://dev/b/silver")
    assert len(before.splitlines()) == len(MOVED) + 1
    assert not rewriting.left


@pytest.mark.parametrize("code", MOVED)
def test_each_by_itself_and_only_once(code: str) -> None:
    rewriting = rewrite_literals((PRELUDE + code + "\n").encode(), PLACES)
    assert rewriting.replaced
    again = rewrite_literals(rewriting.body, PLACES)
    assert (again.body, again.replaced) == (rewriting.body, ())


COMPOSED = [
    "print(f\"s3://{args['BUCKET_NAME']}/silver/\")",
    'print(f"s3://{root}/silver/part.txt")',
    'print(f"s3://{root}/silver/day={day}/x")',
    'print("s3://" + root + "/silver/")',
    'print("s3://{}/silver/".format(root), end="\\n")',
    'print("s3://%s/silver/x" % args["BUCKET_NAME"])',
    'print("s3://" + getResolvedOptions()["BUCKET_NAME"] + "/silver/")',
    'base = f"s3://{root}"\nprint(base + "/silver/part.txt")\nprint(f"{base}/silver")',
    'out = "s3://" + root + "/silver/"\nprint(out + day)',
    'print([f"s3://{root}/silver/"][0] == f"s3://{root}/silver/", {"a": f"s3://{root}/silver/"}["a"])',
    's3.put_object(Bucket=root, Key="silver/part.txt")',
    's3.upload_file("local", args["BUCKET_NAME"], "silver/part.txt")',
    'def go(uri=f"s3://{root}/silver/"):\n    print(f"{uri}")\n\n\ngo()',
]
ARGUMENTS = "from awsglue.utils import getResolvedOptions\n\nargs = getResolvedOptions()\nroot = args['BUCKET_NAME']\n"


def _run_on_glue(body: bytes, folder: Path, *arguments: str) -> str:
    """Run a script beside an awsglue whose arguments are always the same."""
    (folder / "awsglue").mkdir(exist_ok=True)
    (folder / "awsglue" / "utils.py").write_text("def getResolvedOptions():\n    return {'BUCKET_NAME': 'lake'}\n")
    return _run(body, folder, *arguments, isolated="-sE")


def test_places_put_together_from_other_arguments_move_and_stay_on_main(tmp_path: Path) -> None:
    body = (PRELUDE + ARGUMENTS + "\n".join(COMPOSED) + "\n").encode()
    rewriting = rewrite_literals(body, PLACES, {"BUCKET_NAME": "lake"})
    before = _run_on_glue(body, tmp_path)
    assert _run_on_glue(rewriting.body, tmp_path) == before
    assert _run_on_glue(rewriting.body, tmp_path, *GIVEN) == before.replace("s3://lake/silver", "s3://dev/b/silver")
    assert not rewriting.left
    again = rewrite_literals(rewriting.body, PLACES, {"BUCKET_NAME": "lake"})
    assert (again.body, again.replaced) == (rewriting.body, ())


@pytest.mark.parametrize("arguments", [{}, {"BUCKET_NAME": "other"}, {"BUCKET_NAME": "${unknown}"}])
def test_of_other_values_nothing_is_rewritten(arguments: dict[str, str]) -> None:
    body = (PRELUDE.replace("s3://lake/silver/", "") + ARGUMENTS + COMPOSED[1] + "\n").encode()
    assert rewrite_literals(body, PLACES, arguments).body == body


def test_what_is_read_of_a_composed_place_is_its_argument_or_what_it_was() -> None:
    body = (
        f"import boto3\n{ARGUMENTS}s3 = boto3.client('s3')\n"
        "s3.put_object(Bucket=root, Key='silver/part.txt', Body=b'')\n"
        "import awswrangler as wr\nwr.s3.to_parquet(1, f's3://{root}/silver/x')\n"
    ).encode()
    rewriting = rewrite_literals(body, PLACES, {"BUCKET_NAME": "lake"})
    writes = [fact.target for fact in read_script(rewriting.body).facts if isinstance(fact, Access)]
    assert [target.arguments[0] for target in writes] == ["SILVER_DATA_SINK"] * 2
    on_main = {"BUCKET_NAME": "lake"}
    assert [str(target.resolved(on_main)) for target in writes] == ["s3://lake/silver/part.txt", "s3://lake/silver/x"]


def test_what_its_own_argument_gives_stays() -> None:
    body = (
        b"from awsglue.utils import getResolvedOptions\nargs = getResolvedOptions()\n"
        b"print(f\"{args['BRONZE_DATA_SOURCE']}part.txt\")\n"
    )
    assert rewrite_literals(body, PLACES, {"BRONZE_DATA_SOURCE": "s3://lake/bronze/"}).body == body


@pytest.mark.parametrize(
    "code",
    [
        'print("s3://lake/silverware/")',
        'print("s3://lake/")',
        'print("silver/")',
        'print("see s3://lake/silver/")',
        '"""s3://lake/silver/"""',
        'match day:\n    case "s3://lake/silver/":\n        pass',
        'x: "s3://lake/silver/" = 1',
        's3.put_object(Bucket=day, Key="silver/part.txt")',
        'for zone in ("silver", "gold"):\n    print(f"s3://lake/{zone}/")',
        'if day:\n    zone = "silver"\nelse:\n    zone = "gold"\nprint(f"s3://lake/{zone}/")',
        'def f(zone="silver"):\n    print(f"s3://lake/{zone}/")',
        'zone = os.environ.get("ZONE", "silver")\nprint(f"s3://lake/{zone}/")',
    ],
)
def test_what_is_no_use_of_a_place_stays(code: str) -> None:
    body = (PRELUDE.replace('URI = "s3://lake/silver/"', "") + code + "\n").encode()
    assert rewrite_literals(body, PLACES).body == body


def test_everything_else_of_the_script_stays_as_it_is() -> None:
    head = (
        '# -*- coding: latin-1 -*-\r\n"""Größe."""\r\nfrom __future__ import annotations\r\nimport sys  # for later\r\n'
    )
    rest = "\r\n# my comment: é\r\nx  =  'é' ; out =\t's3://lake/silver/'   # where\r\nprint( out )"
    body = (head + rest).encode("latin-1")
    rewriting = rewrite_literals(body, PLACES)
    text = rewriting.body.decode("latin-1")
    assert text.startswith(head)
    assert text.endswith(rest.replace("'s3://lake/silver/'", "silver_data_sink"))
    assert "\n" not in text.replace("\r\n", "")
    assert "import sys\r\n" not in text  # it has one


@pytest.mark.parametrize(
    "head",
    [
        "",
        '"""Doc."""\n',
        "#!/usr/bin/env python\n# comment\n",
        "from __future__ import annotations\n",
        "import os, sys\n",
        "import sys as system\n",
        "sys = 3\n",
        "silver_data_sink = 1\n",
        "from pyspark import *\n",
        "import os\n@staticmethod\ndef f(): pass\n",
        "\ufeffimport os\n",
    ],
)
def test_the_names_are_defined_before_they_are_used(head: str, tmp_path: Path) -> None:
    body = (head + 'print("s3://lake/silver/")').encode().replace(b"from pyspark import *", b"from os.path import *")
    rewriting = rewrite_literals(body, PLACES)
    assert rewriting.replaced
    assert _run(rewriting.body, tmp_path) == "s3://lake/silver/\n"
    assert _run(rewriting.body, tmp_path, *GIVEN) == "s3://dev/b/silver/\n"


def test_a_value_of_the_argument_without_a_slash_is_minded(tmp_path: Path) -> None:
    place = LiteralPlace("s3://lake/silver", "--out")
    body = b'print("s3://lake/silver/")\nprint("s3://lake/silver")\nprint("s3://lake/silver/x")\n'
    rewriting = rewrite_literals(body, [place])
    assert _run(rewriting.body, tmp_path) == _run(body, tmp_path)
    moved = _run(rewriting.body, tmp_path, "--out", "s3://dev/b")
    assert moved == "s3://dev/b/\ns3://dev/b\ns3://dev/b/x\n"


def test_what_is_read_of_the_new_script_is_the_argument() -> None:
    body = b'import awswrangler as wr\ndf = wr.s3.read_parquet("s3://lake/bronze/")\nwr.s3.to_parquet(df, "s3://lake/silver/")\n'
    facts = [fact for fact in read_script(rewrite_literals(body, PLACES).body).facts if isinstance(fact, Access)]
    assert [(fact.action, fact.target.arguments) for fact in facts] == [
        ("read", ("BRONZE_DATA_SOURCE",)),
        ("write", ("SILVER_DATA_SINK",)),
    ]


def test_a_place_with_another_in_it_is_rewritten_at_once() -> None:
    body = b'x = "s3://lake/bronze/x"\ny = f"s3://lake/silver/{x}"\n'
    rewriting = rewrite_literals(body, PLACES)
    assert rewrite_literals(rewriting.body, PLACES).body == rewriting.body
    assert b'y = f"{silver_data_sink}{x}"' in rewriting.body


def test_what_cannot_be_rewritten_is_said_with_its_line() -> None:
    body = (
        b"from pyspark.sql import SparkSession\nspark = SparkSession.builder.getOrCreate()\n"
        b"spark.sql(\"INSERT OVERWRITE DIRECTORY 's3://lake/silver/' USING parquet SELECT 1\")\n"
        b"spark.table('x').write.insertInto('shop.silver')\n"
    )
    rewriting = rewrite_literals(body, PLACES)
    assert rewriting.body == body
    assert [left.line for left in rewriting.left] == [3, 4]
    assert all("--SILVER_DATA_SINK" in left.why for left in rewriting.left)


@pytest.mark.parametrize(
    "body", [b"", b"print 'x'", b"\xff\xfe", b"object A { }", b"x = (", b"# coding: nonsense\nx=1"]
)
def test_no_bytes_make_it_fail(body: bytes) -> None:
    assert rewrite_literals(body, PLACES).body == body


_PIECES = st.sampled_from(
    ['"s3://lake/silver/"', "'s3://lake/bronze/x'", "BUCKET", '"/silver/"', 'f"s3://{BUCKET}/silver/{x}"', "x", '"é"']
)
_EXPRESSIONS = st.recursive(
    _PIECES,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]} + {pair[1]})"),
        st.tuples(inner, inner).map(lambda pair: f"f({pair[0]}, Bucket=BUCKET, Key={pair[1]})"),
        inner.map(lambda one: f"[{one}, {{'a': {one}}}]"),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]} if {pair[1]} else {pair[0]})"),
        inner.map(lambda one: f"(lambda y={one}: {one})"),
    ),
    max_leaves=8,
)
_STATEMENTS = st.one_of(
    _EXPRESSIONS.map(lambda code: f"x = {code}"),
    _EXPRESSIONS.map(lambda code: f"def f(x, **k):\n    return {code}  # é"),
    _EXPRESSIONS.map(lambda code: f"if {code}: x = {code}"),
    _EXPRESSIONS.map(lambda code: f"import os; print({code})"),
    st.just("BUCKET = 'lake'"),
    st.just("from a import b"),
    st.just("# comment s3://lake/silver/"),
)
_SCRIPTS = st.tuples(st.lists(_STATEMENTS, max_size=8), st.sampled_from(["\n", "\r\n"])).map(
    lambda drawn: "".join(line.replace("\n", drawn[1]) + drawn[1] for line in drawn[0])
)


class _Blank(ast.NodeTransformer):
    """Takes out of a tree what rewriting may change: texts, and what they are made of."""

    def __init__(self, names: set[str]) -> None:
        self._names = names

    def dump(self, tree: ast.Module) -> str:
        return ast.dump(self.visit(tree))

    def visit(self, node: ast.AST) -> ast.AST:
        node = super().generic_visit(node)
        is_text = isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))
        is_new = isinstance(node, ast.Name) and (node.id in self._names or node.id == "BUCKET")
        if is_text or is_new or (isinstance(node, ast.BinOp | ast.Call) and _is_text(node)):
            return ast.Name("TEXT", ast.Load())
        return node


def _is_text(node: ast.BinOp | ast.Call) -> bool:
    if isinstance(node, ast.Call):  # silver.rstrip("/")
        return isinstance(node.func, ast.Attribute) and node.func.attr == "rstrip"
    return all(isinstance(side, ast.Name) and side.id == "TEXT" for side in (node.left, node.right))


@settings(max_examples=150, deadline=None)
@given(_SCRIPTS)
def test_the_rest_of_the_tree_is_the_same_and_once_is_enough(script: str) -> None:
    rewriting = rewrite_literals(script.encode(), PLACES)
    if not rewriting.replaced:
        assert rewriting.body == script.encode()
    assert _Blank(set()).dump(ast.parse(script)) in set(_without_preamble(script, rewriting.body))
    assert rewrite_literals(rewriting.body, PLACES).body == rewriting.body


def _without_preamble(script: str, body: bytes) -> Iterator[str]:
    """Give the rewritten script's tree without as many statements as it has more, wherever they stand."""
    added = len(ast.parse(body).body) - len(ast.parse(script).body)
    for index in range(len(ast.parse(script).body) + 1):
        tree = ast.parse(body)
        new = tree.body[index : index + added]
        names = {node.id for one in new for node in ast.walk(one) if isinstance(node, ast.Name)} - {"sys"}
        del tree.body[index : index + added]
        yield _Blank(names).dump(tree)


@settings(max_examples=100, deadline=None)
@given(
    st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
)
def test_arbitrary_bytes_never_raise(body: bytes) -> None:
    assert rewrite_literals(body, PLACES).body == body
