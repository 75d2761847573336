"""Glue jobs and their neighbours, as templates write them."""

from __future__ import annotations

import pytest

from pypedream_dagster.importers.survey import CatalogEntry, ConnectionDefinition, CrawlerDefinition, Where

from .reading import arguments, job_with, only_job, read

_TWO_JOBS = """
    AWSTemplateFormatVersion: "2010-09-09"
    Parameters:
      Stage: {Type: String, Default: dev}
      OutputPath: {Type: String}
      Workers: {Type: Number, Default: 4}
    Resources:
      RawBucket:
        Type: AWS::S3::Bucket
      CleanJob:
        Type: "AWS::Glue::Job"
        Properties:
          Name: !Sub "${Stage}-clean"
          Role: !GetAtt JobRole.Arn
          GlueVersion: 4.0
          NumberOfWorkers: !Ref Workers
          MaxRetries: 0
          Timeout: "60"
          ExecutionProperty: {MaxConcurrentRuns: 3}
          Connections: {Connections: [!Ref Warehouse]}
          Command:
            Name: glueetl
            PythonVersion: 3
            ScriptLocation: !Sub "s3://${RawBucket}/scripts/clean.py"
          DefaultArguments:
            "--source": !Join ["", ["s3://", !Ref RawBucket, "/in/"]]
            "--target": !Sub "${OutputPath}/clean/"
            "--enable-metrics":
            "--enable-job-insights": true
            "--limit": 100
            "--threshold": 0.5
            "--version": 3.10
            "--day": 2024-01-31
          Tags: {team: data, tier: 2}
      LoadJob:
        Type: AWS::Glue::Job
        Properties:
          Role: arn:aws:iam::1:role/r
          Command: {Name: pythonshell, ScriptLocation: ./src/load.py}
"""


def test_a_jobs_properties_have_createjobs_shape():
    found = read(_TWO_JOBS)
    clean, load = found.jobs

    assert clean.name == "${Stage}-clean"
    assert clean.at == Where("template.yaml", 9, "Resources.CleanJob")
    assert clean.aliases == ("CleanJob", "${CleanJob}")
    assert clean.tags == {"team": "data", "tier": "2"}
    assert clean.properties == {
        "Name": "${Stage}-clean",
        "Role": "${JobRole.Arn}",
        "GlueVersion": "4.0",
        "NumberOfWorkers": 4,
        "MaxRetries": 0,
        "Timeout": 60,
        "ExecutionProperty": {"MaxConcurrentRuns": 3},
        "Connections": {"Connections": ["${Warehouse}"]},
        "Command": {
            "Name": "glueetl",
            "PythonVersion": "3",
            "ScriptLocation": "s3://${RawBucket}/scripts/clean.py",
        },
        "DefaultArguments": {
            "--source": "s3://${RawBucket}/in/",
            "--target": "${OutputPath}/clean/",
            "--enable-metrics": "",
            "--enable-job-insights": "true",
            "--limit": "100",
            "--threshold": "0.5",
            "--version": "3.10",
            "--day": "2024-01-31",
        },
    }
    assert load.name == "LoadJob"
    assert found.values == {"Stage": "dev", "Workers": "4"}
    assert found.problems == ()


def test_json_is_read_with_its_lines():
    found = read(
        {
            "stack.template": """
            {
              "Resources": {
                "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "lake"}},
                "Load": {
                  "Type": "AWS::Glue::Job",
                  "Properties": {
                    "Name": {"Fn::Join": ["-", ["load", {"Ref": "AWS::Region"}]]},
                    "Command": {"ScriptLocation": {"Fn::Sub": "s3://${Bucket}/load.py"}},
                    "DefaultArguments": {"--in": {"Fn::Sub": ["s3://${B}/in", {"B": {"Ref": "Bucket"}}]}}
                  }
                }
              }
            }
            """
        }
    )
    job = only_job(found)

    assert (job.name, job.at.line) == ("load-${AWS::Region}", 4)
    assert job.properties["Command"] == {"ScriptLocation": "s3://lake/load.py"}
    assert job.properties["DefaultArguments"] == {"--in": "s3://lake/in"}


def test_a_script_is_the_local_file_that_the_template_names():
    scripts = {
        "infra/template.yaml": """
            Resources:
              A: {Type: AWS::Glue::Job, Properties: {Command: {ScriptLocation: ../src/a.py}}}
              B: {Type: AWS::Glue::Job, Properties: {Command: {ScriptLocation: !Sub "s3://${Code}/glue/jobs/b.py"}}}
              C: {Type: AWS::Glue::Job, Properties: {Command: {ScriptLocation: s3://code/main.py}}}
              D: {Type: AWS::Glue::Job, Properties: {Command: {ScriptLocation: s3://assets/0af3.py}}}
        """,
        "src/a.py": "a",
        "glue/jobs/b.py": "b",
        "old/b.py": "old",
        "x/main.py": "x",
        "y/main.py": "y",
        "infra/asset.0af3.py": "d",
    }
    found = read(scripts)

    assert [job.script for job in found.jobs] == ["src/a.py", "glue/jobs/b.py", None, "infra/asset.0af3.py"]
    assert found.scripts == {"src/a.py": b"a", "glue/jobs/b.py": b"b", "infra/asset.0af3.py": b"d"}


def test_tables_crawlers_and_connections():
    found = read(
        """
        Parameters: {Whole: {Type: String, Default: s3://lake/whole}}
        Resources:
          Lake: {Type: AWS::Glue::Database, Properties: {CatalogId: "1", DatabaseInput: {Name: Lake}}}
          Orders:
            Type: AWS::Glue::Table
            Properties:
              DatabaseName: !Ref Lake
              TableInput:
                Name: Orders
                Parameters: {classification: parquet}
                StorageDescriptor: {Location: s3://lake/orders/}
          Events:
            Type: AWS::Glue::Table
            Properties:
              DatabaseName: !Ref Lake
              OpenTableFormatInput: {IcebergInput: {MetadataOperation: CREATE}}
              TableInput: {Name: events, StorageDescriptor: {Location: s3://lake/events/}}
          Lines:
            Type: AWS::Glue::Table
            Properties:
              DatabaseName: !Ref Unknown
              TableInput:
                Name: lines
                StorageDescriptor:
                  Location: s3://lake/lines/
                  SerdeInfo: {SerializationLibrary: org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe}
          View: {Type: AWS::Glue::Table, Properties: {DatabaseName: lake, TableInput: {Name: view}}}
          Crawl:
            Type: AWS::Glue::Crawler
            Properties:
              DatabaseName: !Ref Lake
              TablePrefix: raw_
              Targets:
                S3Targets: [{Path: s3://lake/raw/}, {Path: lake/more/}, {Path: !Ref Place}, {Path: !Sub "${Whole}/x"}]
                DeltaTargets: [{DeltaTables: [s3://lake/delta/]}]
          Warehouse:
            Type: AWS::Glue::Connection
            Properties:
              ConnectionInput:
                Name: warehouse
                ConnectionType: JDBC
                ConnectionProperties: {PASSWORD: hunter2secret}
        """
    )

    def at(line: int, name: str) -> Where:
        return Where("template.yaml", line, f"Resources.{name}")

    assert found.tables == (
        CatalogEntry("lake", "orders", "s3://lake/orders/", at(4, "Orders"), "parquet"),
        CatalogEntry("lake", "events", "s3://lake/events/", at(12, "Events"), "iceberg"),
        CatalogEntry("${Unknown}", "lines", "s3://lake/lines/", at(18, "Lines"), "csv"),
    )
    assert found.crawlers == (
        CrawlerDefinition(
            "Crawl",
            "lake",
            ("s3://lake/raw/", "s3://lake/more/", "${Place}", "${Whole}/x", "s3://lake/delta/"),
            at(28, "Crawl"),
            "raw_",
            ("Crawl", "${Crawl}"),
        ),
    )
    assert found.connections == (ConnectionDefinition("warehouse", "JDBC", at(36, "Warehouse")),)
    assert "hunter2secret" not in repr(found)


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("yes", "true"),
        ("'yes'", "yes"),
        ("YeS", "YeS"),
        ("0012", "0012"),
        ("1e3", "1e3"),
        ("12:30:45", "12:30:45"),
        ("[a, 1, true]", "a,1,true"),
        ("{a: [1]}", '{"a": [1]}'),
        ("~", ""),
    ],
)
def test_values_are_folded_to_text_as_they_were_written(written: str, text: str):
    assert arguments(read(job_with(written))) == {"--x": text}


def test_a_password_among_the_parameters_is_no_value():
    found = read(
        job_with(
            "!Sub '${DbPassword} ${Token} ${Plain}'",
            """
            Parameters:
              DbPassword: {Type: String, Default: hunter2hunter2}
              Token: {Type: String, NoEcho: true, Default: abcdef}
              Plain: {Type: String, Default: plain}
            """,
        )
    )

    assert found.values == {"Plain": "plain"}
