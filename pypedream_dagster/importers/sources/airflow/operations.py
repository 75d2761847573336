"""What an operator does, told by its class's name: Airflow's own in all their versions, and others' by their words."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pypedream_dagster.importers.sources.airflow.pipeline import Operator

STEERING = "steering"
GLUE = "glue"
PYTHON = "python"
SHELL = "shell"


@dataclass(frozen=True, slots=True)
class Operation:
    """What a task does: ``steering`` for one that only waits or decides; the arguments that name what it works on."""

    name: str
    resource: tuple[str, ...] = ()


_JOB = ("job_name", "glue_job_name", "glue_job", "job", "name")
_STEERING = re.compile(
    r"(Empty|Dummy|LatestOnly|ShortCircuit|Smooth|NoOp)\w*Operator$|Branch\w*Operator$|Sensor(Async)?$|ExternalTaskMarker$"
    r"|^task\.(branch|short_circuit|sensor|branch_external_python|branch_virtualenv|stub)$|^EmptyOperator|TimeDelta"
)
_RULES: tuple[tuple[re.Pattern[str], Operation], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), Operation(name, tuple(resource.split())))
    for pattern, name, resource in (
        (r"GlueCrawler|Crawler\w*Operator", "crawler", "crawler_name config.Name name"),
        (r"DataBrew", "databrew", "job_name"),
        (r"GlueDataQuality", "glue-data-quality", "name"),
        (r"GlueTrigger", "glue-trigger", "trigger_name"),
        (r"Glue\w*Job|Glue(Spark|Python|Etl)?Operator$|RunGlue|GlueRun", GLUE, " ".join(_JOB)),
        (r"GlueWorkflow", "glue-workflow", "workflow_name"),
        (r"GlueCatalog|GlueTable|GluePartition", "glue-catalog", "table_name database_name"),
        (r"Athena", "athena", "query sql"),
        (r"^Ecs|Fargate", "ecs", "task_definition"),
        (r"^(Aws)?Batch", "batch", "job_definition job_name job_queue"),
        (r"Emr|Dataproc\w*EMR", "emr", "steps name job_flow_id application_id virtual_cluster_id"),
        (r"Lambda", "lambda", "function_name"),
        (r"StepFunction|StateMachine", "step-functions", "state_machine_arn"),
        (r"SageMaker", "sagemaker", "config.TrainingJobName config.ProcessingJobName config.TransformJobName "
         "pipeline_name job_name config"),
        (r"Redshift", "redshift", "sql cluster_identifier table"),
        (r"^(S3|LocalFilesystemToS3|Sftp\w*S3|Sql\w*ToS3|\w+ToS3)", "s3", "dest_bucket_key dest_key dest_s3_key s3_key "
         "bucket_key key prefix bucket_name bucket"),
        (r"Kinesis|Firehose", "kinesis", "stream_name"),
        (r"DynamoDB", "dynamodb", "table_name dynamodb_table_name"),
        (r"^Sns", "sns", "target_arn"),
        (r"^Sqs", "sqs", "sqs_queue"),
        (r"^DmsStartTask|^Dms", "dms", "replication_task_arn replication_task_id"),
        (r"^Bedrock", "bedrock", "model_id"),
        (r"^Rds", "rds", "db_instance_identifier db_identifier"),
        (r"^Eks", "kubernetes", "cluster_name"),
        (r"DataSync", "datasync", "task_arn"),
        (r"AppFlow", "appflow", "flow_name"),
        (r"EventBridge", "eventbridge", "rule_name name"),
        (r"^Databricks", "databricks", "notebook_task.notebook_path job_id job_name run_name"),
        (r"Dbt", "dbt", "select models dir"),
        (r"Kubernetes|^task\.kubernetes", "kubernetes", "image name"),
        (r"Docker|^task\.docker", "docker", "image"),
        (r"SparkSubmit|SparkKubernetes|SparkSql|^task\.pyspark|Livy", "spark", "application application_file file sql"),
        (r"TriggerDag", "airflow-dag", "trigger_dag_id"),
        (r"SubDag", "airflow-dag", "subdag"),
        (r"Bash|Ssh|^task\.bash", SHELL, "bash_command command"),
        (r"Python|^task(\.(virtualenv|external_python))?$|^teardown$|^setup$", PYTHON, "python_callable"),
        (r"Http", "http", "endpoint"),
        (r"Email|^Ses", "email", "subject"),
        (r"Slack|Teams|Discord|Opsgenie|PagerDuty|Telegram", "notification", "channel text message"),
        (r"Snowflake", "snowflake", "sql"),
        (r"BigQuery|^BQ", "bigquery", "sql destination_dataset_table"),
        (r"Sql|Postgres|Mysql|Mssql|Oracle|Jdbc|Hive|Presto|Trino|Sqlite|Vertica|Clickhouse", "sql", "sql hql table"),
        (r"^S3|S3\w*Operator$", "s3", "bucket_key key prefix bucket_name bucket"),
    )
)  # fmt: skip
_ENDINGS = re.compile(r"(Operator|OperatorAsync|Task)$")
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_ROOTS = {"BaseOperator", "AwsBaseOperator", "BaseOperatorLink", "LoggingMixin"}


def operation_of(operator: Operator) -> Operation:
    """Return what a task does."""
    kinds = [kind for kind in operator.lineage or (operator.kind,) if kind not in _ROOTS]
    for kind in reversed(kinds):  # the class that is not of the given files says it best
        if not kind or _STEERING.search(kind):
            return Operation(STEERING)
        for pattern, operation in _RULES:
            if pattern.search(kind):
                return operation
    arguments = operator.arguments
    if (
        "glue_job_name" in arguments
        or "glue_job" in arguments
        or any("glue" in kind.lower() and "job_name" in arguments for kind in kinds)
    ):
        return Operation(GLUE, _JOB)
    kind = kinds[0] if kinds else operator.kind
    return Operation(_WORDS.sub("-", _ENDINGS.sub("", kind)).lower().replace("_", "-") or "task")
