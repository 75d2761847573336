"""Random DAGs in several spellings tell the same; no text whatever makes an import fail."""

from __future__ import annotations

import json
from typing import TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st

from pypedream_dagster.importers.files import SourceFile
from pypedream_dagster.importers.sources.airflow.source import FAULT, survey
from tests.importers.airflow.told import HEAD, told

_Pairs: TypeAlias = frozenset[tuple[int, int]]
_SETTINGS = settings(max_examples=60, deadline=None)


@st.composite
def _dags(draw: st.DrawFn) -> tuple[int, _Pairs, dict[int, dict[str, str]]]:
    count = draw(st.integers(1, 7))
    pairs = [(i, j) for i in range(count) for j in range(i + 1, count)]
    order = frozenset(draw(st.sets(st.sampled_from(pairs)))) if pairs else frozenset()
    texts = st.text(st.characters(exclude_characters="{}$%", exclude_categories=["Cs", "Cc"]), max_size=8)
    arguments = st.dictionaries(st.sampled_from(["--a", "--b", "--c"]), texts)
    return count, order, {i: draw(arguments) for i in range(count)}


def _plain(count: int, order: _Pairs, given_args: dict[int, dict[str, str]]) -> str:
    lines = ["dag = DAG('d')"]
    lines += [
        f"t{i} = GlueJobOperator(task_id='t{i}', job_name='j{i}', script_args={given_args[i]!r}, dag=dag)"
        for i in range(count)
    ]
    return "\n".join([*lines, *(f"t{i} >> t{j}" for i, j in sorted(order))])


def _looped(count: int, order: _Pairs, given_args: dict[int, dict[str, str]]) -> str:
    return f"""
ARGS = json.loads({json.dumps(given_args)!r})
EDGES = {sorted(order)!r}
tasks = {{}}
with DAG(dag_id="d") as dag:
    for number, args in ARGS.items():
        tasks[int(number)] = glue(f"t{{number}}", **{{"script_args": dict(args)}}) if False else GlueJobOperator(
            task_id="t%s" % number, job_name="j" + str(number), script_args={{**args}})
    for before, after in EDGES:
        tasks[after].set_upstream([tasks[before]])
"""


def _decorated(count: int, order: _Pairs, given_args: dict[int, dict[str, str]]) -> str:
    lines = ["class Mine(GlueJobOperator):", "    def __init__(self, number, args, **more):"]
    lines += ["        super().__init__(task_id=f't{number}', job_name='j{}'.format(number), script_args=args, **more)"]
    lines += ["@dag(schedule=None)", "def d():"]
    lines += [f"    ts = [Mine(i, args) for i, args in enumerate({[given_args[i] for i in range(count)]!r})]"]
    for i in range(count):
        after = sorted(j for a, j in order if a == i)
        if after:
            lines.append(f"    chain(ts[{i}], [{', '.join(f'ts[{j}]' for j in after)}])")
    return "\n".join([*lines, "d()"])


@_SETTINGS
@given(_dags())
def test_spellings_tell_the_same(dag: tuple[int, _Pairs, dict[int, dict[str, str]]]) -> None:
    count, order, given_args = dag
    expected = [(f"t{i}", f"j{i}", given_args[i]) for i in range(count)]
    for spelling in (_plain, _looped, _decorated):
        (found,) = told(spelling(*dag)).flows
        assert [(t.key, t.job, dict(t.arguments)) for t in found.tasks] == expected, spelling
        assert found.order == {(f"t{i}", f"t{j}") for i, j in order}, spelling


_CODE = """from airflow import DAG, with as dag : ( ) [ ] { } = == for in if else lambda def class return yield raise
GlueJobOperator( task_id= job_name= 'x' "y" f'{x}' {{ds}} ** * | % + >> << , . x y dag.x() x.append(x) x[x] range(9)
x=x*99999 x=[x,x] x=x+x while True: break continue try: except: @task @dag() import os os.path.join( open( json.loads(
del x global x super().__init__( self await async match case _: 10**10 -1 None True not and or is"""
_WORDS = st.sampled_from(_CODE.split())
_BLANKS = st.sampled_from([" ", "\n", "\n    ", "\n        ", ""])


@_SETTINGS
@given(st.lists(st.tuples(_WORDS, _BLANKS), max_size=60))
def test_no_words_make_it_fail(words: list[tuple[str, str]]) -> None:
    told("".join(word + blank for word, blank in words))


_LINES = """
x = x + x
x = [x, x]
x = str(x)
x = (x,)
x = x * 3
x = {'k': x}
x = f'{x}{x}'
x.append(x)
x = x['k']
x >> x
x = glue(x)
x = x.replace('a', x)
x = json.dumps(x)
x = lambda: x
x = x()
x = [y for y in x]
x.update(x)
x = x.format(x, k=x)
x = x % x
x = sorted(x)
x = x == x
x = x.k
x.k = x
x['k'] = x
x = Variable.get(x)
x = os.path.join(x, x)
x, y = x
x = 'a'
x = 3
x = TaskGroup(x)
x = task(lambda y: y)
x = DAG(x)
x = x.expand(x=x)
x = set(x)
x = {x}
def x(*a, **k): return x(*a, **k)
class x(x): pass
x = x ** x
x = '%9999999999d' % 1
x = -x
x = f'{1:>9999999999}'
with x as x: x
x = x if x else x
x = open(x)
x = yaml.safe_load(x)
x = x.split(x)
chain(x, x)
x = x.output
x = getattr(x, 'k')
x = zip(x, x)
x += x
PythonOperator(task_id='p', python_callable=x, op_kwargs=x)
BashOperator(task_id='b', bash_command=x)
"""
_STATEMENTS = st.sampled_from(_LINES.strip().splitlines())


@settings(max_examples=150, deadline=None)
@given(st.lists(_STATEMENTS, max_size=25), st.integers(1, 40))
def test_no_statements_make_it_fail(statements: list[str], turns: int) -> None:
    body = "\n".join(f"    {statement}" for statement in statements) or "    pass"
    told(f"x = 'a'\nfor _ in range({turns}):\n{body}\n")


@_SETTINGS
@given(st.text(max_size=200), st.text(max_size=40), st.dictionaries(st.text(max_size=8), st.text(max_size=8)))
def test_no_text_makes_it_fail(text: str, path: str, variables: dict[str, str]) -> None:
    files = [SourceFile(path, text), SourceFile("x.py", f"{HEAD}\n{text}"), SourceFile(f"{path}.py", HEAD + repr(text))]
    found = survey(files, variables)
    assert not [problem for problem in found.problems if FAULT in problem.what]


@_SETTINGS
@given(st.text(max_size=60))
def test_no_template_or_command_makes_it_fail(text: str) -> None:
    code = f"BashOperator(task_id='t', bash_command={('aws glue start-job-run ' + text)!r})\n"
    code += f"glue('g', script_args={{'--x': {text!r}, '--y': {('{{' + text + '}}')!r}, '--z': {text!r}.format(1)}})"
    told("with DAG('d'):\n    " + code.replace("\n", "\n    "))
