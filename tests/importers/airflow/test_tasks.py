"""Which tasks a DAG file holds: what does the work, which job, with which arguments."""

from __future__ import annotations

import itertools
import textwrap

import pytest

from pypedream_dagster.importers.survey import Task
from tests.importers.airflow.told import by_key, flow, order, told, within


def _one(code: str, **others: str) -> Task:
    (task,) = within(code, **others).tasks
    return task


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("f's3://{BUCKET}/raw/{1 + 1}/'", "s3://lake/raw/2/"),
        ("'s3://' + BUCKET + '/x'", "s3://lake/x"),
        ("'s3://{}/{t}/'.format(BUCKET, t='x')", "s3://lake/x/"),
        ("'s3://%s/%03d' % (BUCKET, 7)", "s3://lake/007"),
        ("'s3://%(b)s/' % {'b': BUCKET}", "s3://lake/"),
        ("os.path.join('s3://' + BUCKET, 'a', 'b')", "s3://lake/a/b"),
        ("'/'.join(['s3:/', BUCKET, 'x'])", "s3://lake/x"),
        ("{'dev': 'd', 'prod': 'p'}['prod']", "p"),
        ("[x.upper() for x in ('a', 'b')][-1]", "B"),
        ("'a' if BUCKET == 'lake' else 'b'", "a"),
        ("string.Template('s3://$b/${x}/$$1').substitute(b=BUCKET, x='y')", "s3://lake/y/$1"),
        ("Template('s3://$b/$other').safe_substitute({'b': BUCKET}, x='y')", "s3://lake/${other}"),
        ("Template('$b/${x}').substitute(b=BUCKET, x=Variable.get('v'))", "lake/${var.v}"),
        ("5", "5"),
        ("True", "True"),
        ("json.dumps({'a': [1, 2]})", '{"a": [1, 2]}'),
        ("Variable.get('x')", "${var.x}"),
        ("Variable.get('cfg', deserialize_json=True)['path']", "${var.cfg.path}"),
        ("os.environ['HOME_BUCKET']", "${env.HOME_BUCKET}"),
        ("os.getenv('A', 'b') + '/x'", "${env.A}/x"),
        ("'{{ ds }}'", "${ds}"),
        ("'{{ var.value.bucket }}/{{ var.json.cfg.path }}'", "${var.bucket}/${var.cfg.path}"),
        ("'{{ params.size }}'", "${etl.params.size}"),
        ('\'{{ ti.xcom_pull(task_ids="before", key="k") }}\'', "${etl.before.k}"),
        ("'{{ dag_run.conf[\"day\"] }}'", "${etl.conf.day}"),
        ("'{{ dag.dag_id }}-{{ task.task_id }}'", "etl-t"),
        ("'{{ conn.lake.host }}'", "${conn.lake.host}"),
        ("'{{ macros.ds_add(ds, -1) }}'", "${macros.ds_add_ds_-1}"),
        ("'{% if x %}a{% endif %}'", "${etl.t.template}"),
        ("'{{ data_interval_start | ds_nodash }}'", "${data_interval_start.ds_nodash}"),
    ],
)
def test_arguments_are_folded(code: str, value: str) -> None:
    task = _one(
        f"import string\nfrom string import Template\nBUCKET = 'lake'\nglue('t', script_args={{'--x': {code}}})"
    )
    assert task.arguments == {"--x": value}


@pytest.mark.parametrize(
    "code",
    [
        "{**a, **b}",
        "a | b",
        "dict(a, **b)",
        "dict([('--x', '1'), ('--y', '2')])",
        "{k: v for d in (a, b) for k, v in d.items()}",
        "dict(zip(['--x', '--y'], ['1', '2']))",
    ],
)
def test_arguments_are_merged(code: str) -> None:
    code = f"a, b = {{'--x': '1'}}, {{'--y': '2'}}\nglue('t', script_args={code})"
    assert _one(code).arguments == {"--x": "1", "--y": "2"}


def test_arguments_that_are_changed_before_they_are_given() -> None:
    task = _one("""
        args = {"--x": "1"}
        args.update({"--y": "2"})
        args["--z"] = "3"
        glue("t", script_args=args, run_job_kwargs={"Arguments": {"--w": "4"}, "WorkerType": "G.1X"})
    """)
    assert task.arguments == {"--x": "1", "--y": "2", "--z": "3", "--w": "4"}


def test_an_unknown_if_gives_an_unknown_value_and_a_known_one_its_side() -> None:
    code = """
        if os.environ.get("ENV", "dev") == "prod":
            bucket = "p"
        else:
            bucket = "d"
        if "x" == "x":
            other = "known"
        else:
            other = "never"
        glue("t", script_args={"--a": bucket, "--b": other})
    """
    survey = told("with DAG('etl'):\n" + code)
    assert survey.flows[0].tasks[0].arguments == {"--a": "${etl.bucket}", "--b": "known"}
    assert survey.values == {"env.ENV": "dev"}
    given = told("with DAG('etl'):\n" + code, variables={"env.ENV": "prod"})
    assert given.flows[0].tasks[0].arguments["--a"] == "p"


def test_defaults_are_told_and_variables_win_over_them() -> None:
    code = """
        with DAG("etl", params={"size": 5, "where": "s3://b/"}) as dag:
            glue("t", script_args={"--b": Variable.get("bucket", default_var="lake"), "--p": "{{ params.where }}"})
    """
    survey = told(code)
    assert survey.flows[0].tasks[0].arguments == {"--b": "${var.bucket}", "--p": "${etl.params.where}"}
    assert survey.values == {"var.bucket": "lake", "etl.params.where": "s3://b/"}
    full = told("with DAG('etl', params={'full': False}):\n    glue('t', script_args={'--f': '{{ params.full }}'})")
    assert full.values == {"etl.params.full": "False"}
    known = told(code, variables={"var.bucket": "mine"}).flows[0].tasks[0]
    assert known.arguments["--b"] == "mine"


_AMAZON = "airflow.providers.amazon.aws.operators"


@pytest.mark.parametrize(
    "head",
    [
        f"from airflow import DAG\nfrom {_AMAZON}.glue import GlueJobOperator as G",
        f"from airflow import DAG\nfrom {_AMAZON}.glue import AwsGlueJobOperator as G",
        "from airflow.models import DAG\nfrom airflow.contrib.operators import aws_glue_job_operator as g\n"
        "G = g.AWSGlueJobOperator",
        f"from airflow.sdk import DAG\nfrom {_AMAZON} import glue\nG = glue.GlueJobOperator",
        "from airflow import DAG\nimport plugins.glue as p\nG = p.StartGlueJobRunOperator",
        f"from airflow import DAG\ntry:\n    from {_AMAZON}.glue import AwsGlueJobOperator as G\n"
        "except ImportError:\n    from b import GlueJobOperator as G",
    ],
)
def test_imports_of_all_versions(head: str) -> None:
    (found,) = told("dag = DAG('x')\nG(task_id='t', job_name='j', dag=dag)", head=head + "\n").flows
    assert [(task.key, task.operation, task.job) for task in found.tasks] == [("t", "glue", "j")]


def test_classes_and_factories_of_the_files_own() -> None:
    found = within(
        """
        from common.operators import LakeOperator, make
        LakeOperator("one", task_id="a")
        make("two", env="prod", task_id="b", script_args={"--y": "2"})
        """,
        **{
            "common/operators__py": """
                from airflow.providers.amazon.aws.operators.glue import GlueJobOperator
                from .settings import PREFIX
                class LakeOperator(GlueJobOperator):
                    def __init__(self, table, script_args=None, **kwargs):
                        args = {"--table": table, **(script_args or {})}
                        super().__init__(job_name=PREFIX + table, script_args=args, **kwargs)
                def make(table, env="dev", **kwargs):
                    return LakeOperator(f"{table}_{env}", **kwargs)
            """,
            "common/settings__py": "PREFIX = 'lake-'",
        },
    )
    assert {(t.key, t.job, tuple(t.arguments.items())) for t in found.tasks} == {
        ("a", "lake-one", (("--table", "one"),)),
        ("b", "lake-two_prod", (("--table", "two_prod"), ("--y", "2"))),
    }


def test_an_operator_of_ones_own_starts_what_its_execute_does() -> None:
    task = _one("""
        from airflow.models import BaseOperator
        class Runs(BaseOperator):
            def __init__(self, what, *args, **kwargs):
                super(Runs, self).__init__(*args, **kwargs)
                self.what = what
            def execute(self, context):
                client = boto3.client("glue")
                run = client.start_job_run(JobName=self.what, Arguments={"--day": context["ds"]})
                while client.get_job_run(JobName=self.what, RunId=run["JobRunId"])["x"] != "SUCCEEDED":
                    pass
        Runs("nightly", task_id="t")
    """)
    assert (task.operation, task.job, task.arguments) == ("glue", "nightly", {"--day": "${ds}"})


def test_glue_jobs_that_python_code_starts() -> None:
    found = within("""
        from airflow.providers.amazon.aws.hooks.glue import GlueJobHook
        client = boto3.client("glue")
        def start(job, **context):
            return run(job, {"--day": context["ds"], "--size": context["params"]["size"]})
        def run(job, arguments):
            return client.start_job_run(JobName=job, Arguments=arguments)["JobRunId"]
        def hooked():
            GlueJobHook(job_name="hooked", aws_conn_id="x").initialize_job({"--a": "1"}, {})
        @task
        def decorated(job):
            boto3.Session().client("glue").start_job_run(JobName=f"{job}-job")
        a = PythonOperator(task_id="a", python_callable=start, op_kwargs={"job": "one"}, params={"size": 3})
        b = PythonOperator(task_id="b", python_callable=hooked)
        c = PythonOperator(task_id="c", python_callable=lambda: client.start_crawler(Name="craw"))
        a >> b >> decorated("three") >> c >> PythonOperator(task_id="d", python_callable=print)
    """)
    assert [(t.key, t.operation, t.job or t.resource, dict(t.arguments)) for t in found.tasks] == [
        ("a", "glue", "one", {"--day": "${ds}", "--size": "3"}),
        ("b", "glue", "hooked", {"--a": "1"}),
        ("c", "crawler", "craw", {}),
        ("decorated", "glue", "three-job", {}),
        ("d", "python", "print", {}),
    ]
    assert order(found) == {"a>b", "b>decorated", "decorated>c", "c>d"}


@pytest.mark.parametrize(
    ("command", "job", "arguments"),
    [
        ("aws glue start-job-run --job-name x", "x", {}),
        ("aws glue start-job-run --job-name=x --arguments='--a=1,--b=s3://c/d'", "x", {"--a": "1", "--b": "s3://c/d"}),
        ('aws --region eu glue start-job-run --job-name "x" --arguments \'{"--a": "1"}\' | jq .', "x", {"--a": "1"}),
        ("set -e\nJOB=x\naws glue start-job-run \\\n  --job-name $JOB && echo done", "x", {}),
        ("RUN=$(aws glue start-job-run --job-name x --arguments --day={{ ds }})", "x", {"--day": "${ds}"}),
    ],
)
def test_glue_jobs_that_the_shell_starts(command: str, job: str, arguments: dict[str, str]) -> None:
    task = _one(f"BashOperator(task_id='t', bash_command={command!r})")
    assert (task.operation, task.job, task.arguments) == ("glue", job, arguments)


def test_other_work_has_operations_of_its_own_and_waiting_is_none() -> None:
    found = within("""
        from airflow.providers.amazon.aws.operators.athena import AthenaOperator
        from airflow.providers.amazon.aws.operators.ecs import EcsRunTaskOperator
        from airflow.providers.amazon.aws.operators.batch import BatchOperator
        from airflow.providers.amazon.aws.operators.emr import EmrAddStepsOperator, EmrServerlessStartJobOperator
        from airflow.providers.amazon.aws.operators.lambda_function import LambdaInvokeFunctionOperator
        from airflow.providers.amazon.aws.operators.step_function import StepFunctionStartExecutionOperator
        from airflow.providers.amazon.aws.operators.redshift_data import RedshiftDataOperator
        from airflow.providers.amazon.aws.operators.s3 import S3CopyObjectOperator
        from airflow.providers.amazon.aws.transfers.s3_to_redshift import S3ToRedshiftOperator
        from airflow.providers.amazon.aws.operators.sagemaker import SageMakerTrainingOperator
        from airflow.providers.amazon.aws.sensors.s3 import S3KeySensor
        from airflow.providers.amazon.aws.sensors.glue import GlueJobSensor
        from airflow.providers.databricks.operators.databricks import DatabricksRunNowOperator
        from airflow.operators.trigger_dagrun import TriggerDagRunOperator
        from airflow.sensors.external_task import ExternalTaskSensor
        chain(
            S3KeySensor(task_id="wait", bucket_key="s3://b/k"),
            GlueCrawlerOperator(task_id="crawl", config={"Name": "c"}),
            AthenaOperator(task_id="athena", query="SELECT 1"),
            EcsRunTaskOperator(task_id="ecs", task_definition="td"),
            BatchOperator(task_id="batch", job_name="n", job_definition="jd"),
            EmrAddStepsOperator(task_id="emr", steps=[{"Name": "s"}]),
            EmrServerlessStartJobOperator(task_id="emrs", application_id="app"),
            LambdaInvokeFunctionOperator(task_id="lambda", function_name="f"),
            StepFunctionStartExecutionOperator(task_id="sfn", state_machine_arn="arn"),
            RedshiftDataOperator(task_id="rs", sql="select 2"),
            S3CopyObjectOperator(task_id="copy", dest_bucket_key="s3://b/x"),
            S3ToRedshiftOperator(task_id="load", table="t"),
            SageMakerTrainingOperator(task_id="sm", config={"TrainingJobName": "tj"}),
            GlueJobSensor(task_id="w", job_name="x", run_id="y"),
            DatabricksRunNowOperator(task_id="db", job_id=7),
            TriggerDagRunOperator(task_id="trigger", trigger_dag_id="other"),
            ExternalTaskSensor(task_id="ext", external_dag_id="z"),
        )
    """)
    assert [(t.key, t.operation, t.resource) for t in found.tasks] == [
        ("crawl", "crawler", "c"),
        ("athena", "athena", "SELECT 1"),
        ("ecs", "ecs", "td"),
        ("batch", "batch", "jd"),
        ("emr", "emr", "s"),
        ("emrs", "emr", "app"),
        ("lambda", "lambda", "f"),
        ("sfn", "step-functions", "arn"),
        ("rs", "redshift", "select 2"),
        ("copy", "s3", "s3://b/x"),
        ("load", "redshift", "t"),
        ("sm", "sagemaker", "tj"),
        ("db", "databricks", "7"),
        ("trigger", "airflow-dag", "other"),
    ]
    keys = [task.key for task in found.tasks]
    assert found.order == set(itertools.pairwise(keys))


def test_mapped_tasks_over_literals_are_one_each() -> None:
    found = within("""
        @task
        def rows(): return [{"script_args": {"--t": t}} for t in ("x", "y")]
        GlueJobOperator.partial(task_id="a", job_name="j").expand(script_args=[{"--t": "1"}, {"--t": "2"}])
        GlueJobOperator.partial(task_id="b", job_name="j").expand_kwargs(rows()) >> glue("end")
        GlueJobOperator.partial(task_id="c", job_name="j").expand(script_args=Variable.get("v"))
    """)
    assert [(t.key, dict(t.arguments)) for t in found.tasks] == [
        ("a[0]", {"--t": "1"}),
        ("a[1]", {"--t": "2"}),
        ("rows", {}),
        ("b[0]", {"--t": "x"}),
        ("b[1]", {"--t": "y"}),
        ("end", {}),
        ("c", {}),
    ]
    assert order(found) == {"rows>b[0]", "rows>b[1]", "b[0]>end", "b[1]>end"}


def test_several_dags_from_a_loop_a_folder_and_a_configuration() -> None:
    survey = told(
        """
        from pathlib import Path
        def create(name, jobs):
            with DAG(f"etl_{name}") as dag:
                chain(*[glue(job) for job in jobs])
            return dag
        with open(os.path.join(os.path.dirname(__file__), "config.yaml")) as file:
            config = yaml.safe_load(file)
        for name, jobs in config["dags"].items():
            globals()[f"dag_{name}"] = create(name, jobs)
        for path in (Path(__file__).parent / "more").glob("*.json"):
            create(path.stem, json.loads(path.read_text()))
        """,
        config__yaml="dags: {a: [x, y], b: [z]}",
        **{"more/c__json": '["w"]'},
    )
    assert [(f.name, [t.job for t in f.tasks]) for f in survey.flows] == [
        ("etl_a", ["job-x", "job-y"]),
        ("etl_b", ["job-z"]),
        ("etl_c", ["job-w"]),
    ]


def test_a_job_that_the_operator_creates_is_defined_with_its_script() -> None:
    survey = told(
        """
        with DAG("etl"):
            glue("a", script_location="s3://code/a.py", iam_role_name="r",
                 create_job_kwargs={"GlueVersion": "4.0", "DefaultArguments": {"--x": "1"}})
            glue("b", script_location="dags/scripts/b.py", s3_bucket="x")
            glue("c")
        """,
        **{"scripts/b__py": "print()"},
    )
    a, b = survey.jobs
    assert (a.name, a.script, a.properties["Command"]["ScriptLocation"]) == ("job-a", None, "s3://code/a.py")
    assert (a.properties["GlueVersion"], a.properties["DefaultArguments"]) == ("4.0", {"--x": "1"})
    assert (b.name, b.script) == ("job-b", "dags/scripts/b.py")


def test_a_loop_over_what_is_not_known_is_one_task_with_unknown_parts() -> None:
    (task,) = within("""
        for table in Variable.get("tables", deserialize_json=True):
            glue(f"load_{table}", script_args={"--table": table})
    """).tasks
    assert task.key == "load_${var.tables.item}"
    assert task.arguments == {"--table": "${var.tables.item}"}


def test_a_loop_over_a_variable_with_a_default_goes_through_the_default() -> None:
    found = within("""
        for table in Variable.get("tables", default_var=["x", "y"], deserialize_json=True):
            glue(f"load_{table}")
    """)
    assert [task.job for task in found.tasks] == ["job-load_x", "job-load_y"]


def test_what_nothing_calls_is_read_with_unknown_parameters() -> None:
    found = flow("""
        def create(dag_id, table):
            with DAG(dag_id) as dag:
                glue("a", script_args={"--table": table}) >> glue("b")
            return dag
    """)
    assert found.name == "${etl.create.dag_id}"
    assert order(found) == {"a>b"}
    assert by_key(found)["a"].arguments == {"--table": "${etl.create.table}"}


def test_callbacks_that_make_operators_are_no_tasks() -> None:
    found = told("""
        from airflow.providers.slack.operators.slack_webhook import SlackWebhookOperator
        def on_slack(context):
            return SlackWebhookOperator(task_id="slack", message=context["x"]).execute(context)
        def on_mail(context):
            return EmailOperator(task_id="mail", to=f"{context['x']}").execute(context)
        def both(context):
            on_slack(context)
            on_mail(context)
        with DAG("etl", on_failure_callback=both):
            glue("a")
    """)
    assert [task.key for flow in found.flows for task in flow.tasks] == ["a"]


def test_default_args_are_given_to_every_task_and_none_is_no_argument() -> None:
    found = flow("""
        dag = DAG("etl", default_args={"script_args": {"--env": "prod"}, "job_name": "default"})
        GlueJobOperator(task_id="a", dag=dag)
        GlueJobOperator(task_id="b", dag=dag, script_args={"--x": None, "--y": "1"})
    """)
    assert [(t.job, dict(t.arguments)) for t in found.tasks] == [
        ("default", {"--env": "prod"}),
        ("default", {"--y": "1"}),
    ]


def test_each_task_says_where_it_stands() -> None:
    head = "from airflow import DAG\nfrom x import GlueJobOperator\n"
    (found,) = told("with DAG('d'):\n    GlueJobOperator(\n        task_id='t', job_name='j')\n", head=head).flows
    assert str(found.tasks[0].at) == "dags/etl.py:4 (t)"
    assert str(found.at) == "dags/etl.py:3"


def test_python_2_is_read_too_and_what_is_no_python_is_told() -> None:
    old = "from airflow import DAG\nfrom x import GlueJobOperator\n"
    old += "print 'x'\ntry:\n    pass\nexcept ValueError, e:\n    1\n"
    (found,) = told("d = DAG('d')\nGlueJobOperator(task_id='t', job_name='j', dag=d)", head=old).flows
    assert found.tasks[0].job == "j"
    broken = told("{% for %}", head="from airflow import DAG\n")
    assert [problem.what for problem in broken.problems] == ["is no Python that can be parsed"]


def test_files_that_are_no_dags_are_passed_over() -> None:
    survey = told("x = GlueJobOperator(task_id='t', job_name='j')", head="", settings__yaml=": : :")
    assert survey == told("", head="")


def test_operators_that_a_tasks_own_code_executes_are_what_it_starts() -> None:
    task = _one("""
        def run(table, **context):
            op = GlueJobOperator(task_id="inner", job_name=f"load-{table}", script_args={"--t": table})
            return op.execute(context)
        PythonOperator(task_id="t", python_callable=run, op_args=["x"])
    """)
    assert (task.key, task.operation, task.job, task.arguments) == ("t", "glue", "load-x", {"--t": "x"})


def test_what_is_not_known_is_called_by_the_name_that_it_is_assigned_to() -> None:
    task = _one("""
        ENV = Variable.get("env")
        BUCKET = "p" if ENV == "prod" else "q"
        glue("t", script_args={"--b": BUCKET})
    """)
    assert task.arguments == {"--b": "${etl.BUCKET}"}


def test_dates_and_joined_texts_within_templates_keep_what_is_known() -> None:
    task = _one("""
        glue("t", script_args={
            "--a": "{{ execution_date.strftime('s3://b/%Y/x/') }}",
            "--b": "{{ 's3://' ~ var.value.bucket + '/y/' }}",
            "--c": "{{ execution_date.strftime('%Y-%m/%d') }}",
        })
    """)
    assert task.arguments == {
        "--a": "s3://b/${execution_date.Y}/x/",
        "--b": "s3://${var.bucket}/y/",
        "--c": "${execution_date.Y-m}/${execution_date.d}",
    }


def test_what_either_side_of_an_unknown_if_sets_in_a_table_or_an_object_is_not_guessed() -> None:
    task = _one("""
        class Settings:
            def __init__(self, env):
                if env == "prod":
                    self.bucket = "p"
                else:
                    self.bucket = "q"
        args = {"--same": "1", "--db": "none"}
        if Variable.get("env") == "prod":
            args["--db"] = "prod_db"
            args["--same"] = "2"
            args.update({"--only": "x"})
        elif Variable.get("env") == "qa":
            args["--db"] = "qa_db"
            args["--same"] = "2"
        else:
            args["--same"] = "2"
        args["--b"] = Settings(os.environ["ENV"]).bucket
        glue("t", script_args=args)
    """)
    assert task.arguments == {"--same": "2", "--db": "${etl.--db#2}", "--only": "x", "--b": "${etl.bucket}"}


def test_a_default_that_differs_from_place_to_place_is_none() -> None:
    survey = told("""
        with DAG("etl"):
            glue("a", script_args={"--x": os.getenv("B", "one"), "--y": os.getenv("C", "same")})
            glue("b", script_args={"--x": os.getenv("B", "two"), "--y": os.getenv("C", "same")})
            glue("c", script_args={"--x": os.getenv("B", "one")})
    """)
    assert survey.values == {"env.C": "same"}


def test_mapped_results_of_tasks_are_followed_as_far_as_their_code_tells() -> None:
    found = within("""
        @task
        def months(): return ["01", "02"]
        @task
        def tables():
            found = []
            for row in connection.fetchall():
                found.append({"--table": row[1], "--bucket": "b"})
            return found
        m = months()
        GlueJobOperator.partial(task_id="a", job_name="j").expand(script_args=m.map(lambda x: {"--month": x}))
        GlueJobOperator.partial(task_id="b", job_name="j").expand(script_args=tables())
        GlueJobOperator.partial(task_id="c").expand(job_name=[f"silver-{t}" for t in ("x", "y")])
    """)
    assert [(t.key, t.job, dict(t.arguments)) for t in found.tasks if t.operation == "glue"] == [
        ("a[0]", "j", {"--month": "01"}),
        ("a[1]", "j", {"--month": "02"}),
        ("b", "j", {"--table": "${etl.connection.fetchall.item.1}", "--bucket": "b"}),
        ("c[0]", "silver-x", {}),
        ("c[1]", "silver-y", {}),
    ]
    assert order(found) == {"months>a[0]", "months>a[1]", "tables>b"}


def test_an_operator_made_by_its_base_class_s_constructor() -> None:
    task = _one("""
        class Mine(GlueJobOperator):
            def __init__(self, table, *args, **kwargs):
                GlueJobOperator.__init__(self, *args, job_name="x-" + table, **kwargs)
        Mine(table="y", task_id="t")
    """)
    assert task.job == "x-y"


def test_what_a_tasks_code_takes_from_the_run_is_named() -> None:
    found = within("""
        from airflow.operators.python import get_current_context
        @task
        def before(): return {"x": "1"}
        def start(**context):
            ti = context["ti"]
            day = context["dag_run"].conf.get("day")
            run(ti.xcom_pull(task_ids="before")["x"], ti.xcom_pull("other", key="k"), day)
        def run(one, two, three):
            params = get_current_context()["params"]
            given = {"--1": one, "--2": two, "--3": three, "--4": params["size"], "--5": params.get("more", "m")}
            boto3.client("glue").start_job_run(JobName="j", Arguments=given)
        before() >> PythonOperator(task_id="t", python_callable=start)
    """)
    assert by_key(found)["t"].arguments == {
        "--1": "1",
        "--2": "${etl.other.k}",
        "--3": "${etl.conf.day}",
        "--4": "${etl.params.size}",
        "--5": "${etl.params.more}",
    }


def test_a_variable_of_several_values_gives_each_and_its_defaults() -> None:
    survey = told("""
        with DAG("etl"):
            config = Variable.get("config", default_var={}, deserialize_json=True) or {}
            if not isinstance(config, dict):
                config = {}
            glue("t", script_args={"--b": config.get("bucket", "lake"), "--c": config["more"]["x"]})
    """)
    assert survey.flows[0].tasks[0].arguments == {"--b": "${var.config.bucket}", "--c": "${var.config.more.x}"}
    assert survey.values == {"var.config.bucket": "lake"}


def test_a_task_that_is_given_everything_by_another_has_an_unknown_job() -> None:
    found = within("""
        @task
        def rows():
            config = Variable.get("tables", default_var={}, deserialize_json=True) or {}
            return [{"job_name": job, "script_args": {"--t": table}} for table, job in config.items()]
        @task
        def others(): return connection.fetch()
        GlueJobOperator.partial(task_id="a").expand_kwargs(rows())
        GlueJobOperator.partial(task_id="b").expand_kwargs(others())
    """)
    assert [(t.key, t.job, dict(t.arguments)) for t in found.tasks if t.operation == "glue"] == [
        ("a", "${var.tables.items.item.1}", {"--t": "${var.tables.items.item.0}"}),
        ("b", "${etl.b.job_name}", {}),
    ]


@pytest.mark.parametrize(
    "body",
    [
        "import os\n    os.system(f'aws glue start-job-run --job-name {job} --arguments --x=1')",
        "import subprocess\n    cmd = ['aws', 'glue', 'start-job-run', '--job-name', job]\n"
        "    subprocess.run([*cmd, '--arguments', '--x=1'])",
        "from importlib import import_module\n    import_module('boto3').client('glue')"
        ".start_job_run(JobName=job, Arguments={'--x': '1'})",
    ],
)
def test_glue_jobs_that_python_code_starts_in_other_ways(body: str) -> None:
    (task,) = flow(f"def run(job):\n    {body}\nd = DAG('d')\n"
                   "PythonOperator(task_id='t', python_callable=run, op_args=['j'], dag=d)").tasks  # fmt: skip
    assert (task.operation, task.job, task.arguments) == ("glue", "j", {"--x": "1"})


def test_a_task_that_is_mapped_over_what_a_run_makes_up_is_one() -> None:
    found = within("""
        @task
        def months(**context):
            end = context["data_interval_end"]
            found = [end.format("YYYY-MM")]
            if end.day < 5:
                found.insert(0, end.subtract(months=1).format("YYYY-MM"))
            return found
        @task
        def tables(**context):
            return [{"--table": name, "--day": context["ds"]} for name in ("x", "y")]
        GlueJobOperator.partial(task_id="a", job_name="a").expand(script_args=months().map(lambda m: {"--month": m}))
        GlueJobOperator.partial(task_id="b", job_name="b").expand(script_args=tables())
    """)
    assert [(task.key, len(task.arguments)) for task in found.tasks if task.job] == [("a", 1), ("b[0]", 2), ("b[1]", 2)]


def test_configuration_in_sections_is_read() -> None:
    survey = told(
        """
        import configparser, tomllib
        dag = DAG("etl", default_args={})
        parser = configparser.ConfigParser()
        parser.read(os.path.join(os.path.dirname(__file__), "etl.ini"))
        more = tomllib.loads(open("more.toml").read())
        glue(parser.get("etl", "name"), dag=dag, script_args={
            "--a": parser["s3"]["path"],
            "--b": parser.get("s3", "nothing"),
            "--c": parser.get("other", "nothing", fallback="x"),
            "--d": more["etl"]["day"],
            "--e": parser.getint("etl", "size"),
        })
        for table in parser.get("etl", "tables").split(","):
            glue(table.strip(), dag=dag)
        """,
        etl__ini="[DEFAULT]\nroot = s3://lake\n[s3]\npath = %(root)s/x/\n[etl]\nname = load\nsize = 3\ntables = u, v",
        more__toml='[etl]\nday = "mon"',
    )
    (found,) = survey.flows
    assert survey.values == {"config.other.nothing": "x"}
    assert [task.key for task in found.tasks] == ["load", "u", "v"]
    assert found.tasks[0].arguments == {
        "--a": "s3://lake/x/",
        "--b": "${config.s3.nothing}",
        "--c": "${config.other.nothing}",
        "--d": "mon",
        "--e": "3",
    }


def test_what_other_tasks_read_and_write_on_s3() -> None:
    found = within("""
        from airflow.providers.amazon.aws.transfers.s3_to_redshift import S3ToRedshiftOperator
        from airflow.providers.amazon.aws.transfers.sql_to_s3 import SqlToS3Operator
        from airflow.providers.amazon.aws.operators.s3 import S3CopyObjectOperator, S3CreateObjectOperator
        from airflow.providers.amazon.aws.hooks.s3 import S3Hook
        bucket = Variable.get("bucket")
        S3ToRedshiftOperator(task_id="load", s3_bucket=bucket, s3_key="gold/{{ ds }}/", schema="s", table="t")
        SqlToS3Operator(task_id="take", query="select 1", s3_bucket="lake", s3_key="raw/x.csv")
        S3CopyObjectOperator(task_id="copy", source_bucket_key="s3://a/b/c", dest_bucket_key="s3://d/e/f")
        S3CreateObjectOperator(task_id="put", s3_bucket="lake", s3_key="raw/y.csv", data="1")
        def upload(name, **context):
            key = f"raw/{context['ds']}/{name}"
            S3Hook().load_file(filename="x", key=key, bucket_name="lake")
            boto3.client("s3").put_object(Bucket=bucket, Key="raw/z.json", Body="")
            boto3.client("s3").get_object(Bucket="lake", Key=unknown())
            pd.read_csv("s3://lake/in/v.csv").to_csv("/tmp/x.csv")
        PythonOperator(task_id="upload", python_callable=upload, op_args=["w"])
    """)
    assert {task.key: (task.reads, task.writes) for task in found.tasks} == {
        "load": (("s3://${var.bucket}/gold/${ds}/",), ()),
        "take": ((), ("s3://lake/raw/x.csv",)),
        "copy": (("s3://a/b/c",), ("s3://d/e/f",)),
        "put": ((), ("s3://lake/raw/y.csv",)),
        "upload": (("s3://lake/in/v.csv",), ("s3://lake/raw/${ds}/w", "s3://${var.bucket}/raw/z.json")),
    }


def test_statements_are_told_with_their_database_and_from_their_files() -> None:
    found = within(
        """
        from airflow.providers.amazon.aws.operators.athena import AthenaOperator
        AthenaOperator(task_id="a", query="SELECT * FROM t", database="gold")
        AthenaOperator(task_id="b", query="sums.sql", params={"day": "1"})
        AthenaOperator(task_id="c", query="elsewhere.sql")
        """,
        sums__sql="INSERT INTO gold.sums SELECT * FROM silver.x WHERE day = {{ params.day }}",
    )
    assert [(task.resource, task.database) for task in found.tasks] == [
        ("SELECT * FROM t", "gold"),
        ("INSERT INTO gold.sums SELECT * FROM silver.x WHERE day = 1", ""),
        ("elsewhere.sql", ""),
    ]


def test_functions_of_no_given_file_start_what_their_names_say() -> None:
    found = within("""
        from company.aws import run_glue_job, start_glue_crawler, wait_for_glue_job, trigger_glue_job_and_wait
        @task
        def load():
            trigger_glue_job_and_wait("load", run_arguments={"--path": "s3://b/x/"})
            wait_for_glue_job("load")
        given = {"job_name": "run", "script_args": {"--a": "1"}}
        PythonOperator(task_id="run", python_callable=run_glue_job, op_kwargs=given)
        PythonOperator(task_id="crawl", python_callable=start_glue_crawler, op_args=["c"])
        PythonOperator(task_id="wait", python_callable=wait_for_glue_job, op_args=["run"])
        load()
    """)
    assert [(t.key, t.operation, t.job or t.resource, t.arguments) for t in found.tasks] == [
        ("run", "glue", "run", {"--a": "1"}),
        ("crawl", "crawler", "c", {}),
        ("wait", "python", "company.aws.wait_for_glue_job", {}),
        ("load", "glue", "load", {"--path": "s3://b/x/"}),
    ]


def test_a_script_that_the_shell_runs_starts_what_its_code_does() -> None:
    task = _one(
        """
        BashOperator(task_id="t", bash_command="cd /opt/airflow && python3 /opt/airflow/dags/jobs/start.py --env prod")
        """,
        **{
            "jobs/start__py": """
                import boto3
                JOB = "by-script"
                def main():
                    boto3.client("glue").start_job_run(JobName=JOB)
                if __name__ == "__main__":
                    main()
            """
        },
    )
    assert (task.operation, task.job) == ("glue", "by-script")


def test_crawlers_and_tables_that_tasks_define() -> None:
    survey = told("""
        from airflow.providers.amazon.aws.operators.athena import AthenaOperator
        BUCKET, DB = "lake", "Sales"
        with DAG("etl"):
            GlueCrawlerOperator(task_id="c", config={
                "Name": "raw", "DatabaseName": DB, "TablePrefix": "r_", "Targets": {"S3Targets": [{"Path": f"s3://{BUCKET}/raw/"}]}
            })
            AthenaOperator(task_id="a", database=DB, query=f'''
                DROP TABLE IF EXISTS `Orders`; CREATE EXTERNAL TABLE IF NOT EXISTS `Orders` (`id` int) STORED AS PARQUET
                LOCATION 's3://{BUCKET}/orders/';''')
            AthenaOperator(task_id="b", query="CREATE TABLE x.y WITH (external_location = 's3://lake/y/') AS SELECT 1")
    """)
    (crawler,) = survey.crawlers
    assert (crawler.name, crawler.database, crawler.targets, crawler.table_prefix) == (
        "raw",
        "sales",
        ("s3://lake/raw/",),
        "r_",
    )
    assert [(t.database, t.name, t.location, t.format) for t in survey.tables] == [
        ("sales", "orders", "s3://lake/orders/", "parquet"),
        ("x", "y", "s3://lake/y/", None),
    ]


@pytest.mark.parametrize(
    "tables",
    [
        "Variable.get('tables', 'x,y').split(',')",
        "json.loads(Variable.get('tables', default_var='[\"x\", \"y\"]'))",
        "os.getenv('TABLES', 'x y').split()",
        "[t.strip() for t in os.environ.get('TABLES', 'x; y').split(';')]",
    ],
)
def test_lists_within_texts_that_have_defaults_are_gone_through(tables: str) -> None:
    found = within(f"for table in {tables}:\n    glue(table)")
    assert [task.job for task in found.tasks] == ["job-x", "job-y"]


def test_tests_of_dags_are_no_dags() -> None:
    head = "import pytest\nfrom airflow.providers.amazon.aws.operators.glue import GlueJobOperator\n"
    assert told("def test_it():\n    GlueJobOperator(task_id='t', job_name='j')", head=head).flows == ()


@pytest.mark.parametrize(
    "code",
    [
        "Layer.RAW.value + ',' + Layer.RAW.name",
        "','.join([Layer('raw').value, Layer['RAW'].name])",
        "','.join(f'{x.value},{x.name}' for x in Layer if x == Layer.RAW)",
        "f'{Named.RAW},{Spec().layer.name}'",
    ],
)
def test_members_of_enumerations_have_values_and_names(code: str) -> None:
    head = """
        from enum import Enum, StrEnum
        from typing import NamedTuple
        class Layer(str, Enum):
            RAW = "raw"
            GOLD = "gold"
            def describe(self): return 1
        class Named(StrEnum):
            RAW = "raw"
        class Spec(NamedTuple):
            layer: Layer = Layer.RAW
    """
    task = _one(f"{textwrap.dedent(head)}\nglue('t', script_args={{'--x': {code}}})")
    assert task.arguments == {"--x": "raw,RAW"}


def test_what_a_table_holds_at_an_unknown_key_is_told_by_the_keys_default() -> None:
    survey = told("""
        ENV = os.environ.get("ENV", "dev")
        BUCKETS, PLACES = {"dev": "d", "prod": "p"}, {"dev": "s3://d/x", "prod": "s3://p/y"}
        with DAG("etl"):
            glue("t", script_args={"--a": BUCKETS[ENV], "--b": PLACES.get(ENV), "--c": BUCKETS.get(ENV, "q")})
    """)
    arguments = survey.flows[0].tasks[0].arguments
    values = {key: survey.values[value[2:-1]] for key, value in arguments.items()}
    assert values == {"--a": "d", "--b": "s3://d/x", "--c": "d"}


@pytest.mark.parametrize(
    "made",
    [
        "[t[ENV] for t in ({'a': '1', 'b': '2'}, {'a': '3', 'b': '4'})]",
        "[t.get(ENV) for t in ({'a': '1', 'b': '2'}, {'a': '3', 'b': '4'})]",
        "[elsewhere.path(t) for t in ({'a': '1'}, {'a': '3'})]",
        "[elsewhere.path(table=[t]) for t in 'ab']",
        "[elsewhere.path(Place(t)) for t in 'ab']",
        "[Place(t).where('x') for t in 'ab']",
        "[Place(t).where.place for t in 'ab']",
    ],
)
def test_what_is_not_known_of_different_things_is_not_the_same(made: str) -> None:
    task = _one(f"""
        import elsewhere
        ENV = Variable.get("env")
        class Place(elsewhere.Base):
            def __init__(self, name): self.name = name
        one, other = {made}
        glue("t", script_args={{"--a": one, "--b": other}})
    """)
    assert task.arguments["--a"] != task.arguments["--b"]


def test_objects_that_hold_each_other_are_told_apart_too() -> None:
    task = _one("""
        import elsewhere
        class Node(elsewhere.Base):
            def __init__(self, name):
                self.name, self.self, self.all = name, self, [self]
        glue("t", script_args={"--a": Node("a").place, "--b": Node("b").place})
    """)
    assert task.arguments["--a"] != task.arguments["--b"]


@pytest.mark.parametrize(
    ("head", "tasks"),
    [
        ("# an airflow dag\nfrom factory import build", 1),
        ("# an airflow dag\nimport dags.factory\nbuild = dags.factory.build", 1),
        ("# an airflow dag\nfrom dags import factory\nbuild = factory.build", 1),
        ("# a dag\nfrom factory import build", 0),  # Airflow passes over it too
    ],
)
def test_a_file_that_imports_a_given_file_that_imports_airflow_is_a_dag_file(head: str, tasks: int) -> None:
    factory = """
        from airflow import DAG
        from airflow.providers.amazon.aws.operators.glue import GlueJobOperator
        def build(name):
            with DAG(name) as dag:
                GlueJobOperator(task_id="t", job_name=name)
            return dag
    """
    found = told("made = build('sales')", head=f"{head}\n", factory__py=factory).flows
    assert [task.job for one in found for task in one.tasks if one.name == "sales"] == ["sales"] * tasks
