"""What is a template, and what can be read of one that is not quite."""

from __future__ import annotations

import json

import pytest

from .reading import arguments, job_with, only_job, read


def test_other_files_are_passed_over_in_silence():
    found = read(
        {
            "package.json": '{"name": "x", "resources": {}}',
            "notes.md": "Type: AWS::Glue::Job",
            "code.py": "TYPE = 'AWS::Glue::Job'",
            "values.yaml": "a: [1, 2]",
            "broken.yaml": "a: [",
            "policy.json": '{"Statement": [{"Resource": "AWS::S3::Bucket"}]}',
            "list.yaml": "- Type: AWS::S3::Bucket",
        }
    )

    assert (found.jobs, found.flows, found.problems) == ((), (), ())


def test_a_template_that_cannot_be_read_is_a_problem():
    (problem,) = read("Resources: {Load: {Type: AWS::Glue::Job").problems

    assert problem.at.source == "template.yaml"


def test_one_broken_resource_does_not_hide_the_others():
    found = read(
        """
        Resources:
          Broken:
            Type: AWS::Glue::Job
            Properties: {Name: "unclosed
          Load:
            Type: AWS::Glue::Job
            Properties: {Name: load}
        """
    )

    assert [(job.name, job.at.line) for job in found.jobs] == [("load", 5)]
    assert len(found.problems) == 1


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("{{ bucket }}", "${bucket}"),
        ('"s3://{{ lake.bucket }}/{{ env | default("dev") }}/"', "s3://${lake.bucket}/${env}/"),
        ("s3://__LAKE_BUCKET__/x", "s3://${LAKE_BUCKET}/x"),
        ("'<%= bucket %>/x'", "${bucket}/x"),
        ("'{{{bucket}}}'", "${bucket}"),
        ("{% if prod %}60{% else %}10{% endif %}", "60"),
        ("s3://{% if prod %}{{ p }}{% elif d %}b{% endif %}/x", "s3://${p}/x"),
        ("'{% $states.input.x %}'", "{% $states.input.x %}"),
        ("'{{resolve:ssm:/a}}'", "${ssm:a}"),
    ],
)
def test_what_an_engine_renders_is_a_named_part(written: str, text: str):
    assert arguments(read(job_with(written))) == {"--x": text}


def test_statements_of_an_engine_are_left_out():
    found = read(
        """
        {% set tables = [
          "orders",
        ] %}
        Resources:
        {% for table in tables %}
          Load{{ table }}:
            Type: AWS::Glue::Job
            Properties:
              Name: load-{{ table }}
        {%- if env == "prod" %}
              Timeout: 60
        {% endif %}
        {% endfor %}
        """
    )
    job = only_job(found)

    assert (job.name, job.properties["Timeout"], job.at.line) == ("load-${table}", 60, 6)


def test_anchors_merges_and_several_documents():
    found = read(
        """
        Resources:
          A:
            Type: AWS::Glue::Job
            Properties: {Name: a}
        ---
        Resources:
          B:
            Type: AWS::Glue::Job
            Properties: {Name: b}
        """
    )
    merged = read(
        """
        Resources:
          A:
            Type: AWS::Glue::Job
            Properties:
              Name: a
              DefaultArguments: &arguments {--x: "1", --y: "2"}
          B:
            Type: AWS::Glue::Job
            Properties:
              Name: b
              DefaultArguments:
                <<: *arguments
                --x: "3"
        """
    )

    assert [job.name for job in found.jobs] == ["a", "b"]
    assert [dict(job.properties["DefaultArguments"]) for job in merged.jobs] == [
        {"--x": "1", "--y": "2"},
        {"--x": "3", "--y": "2"},
    ]


def test_resources_of_a_serverless_yml():
    found = read(
        {
            "serverless.yml": """
                service: etl
                provider: {name: aws, stage: "${opt:stage, 'dev'}"}
                custom:
                  bucket: lake-${self:provider.stage}
                resources:
                  - Resources:
                      Load:
                        Type: AWS::Glue::Job
                        Properties:
                          Name: ${self:service}-load
                          DefaultArguments:
                            --path: s3://${self:custom.bucket}/${opt:day}/${env:OWNER, 'me'}
                  - Outputs: {}
            """
        }
    )
    job = only_job(found)

    assert (job.name, job.at.line) == ("etl-load", 7)
    assert job.properties["DefaultArguments"] == {"--path": "s3://lake-dev/${day}/me"}


def test_a_part_that_a_larger_template_includes():
    found = read({"resources/glue.yml": "Load:\n  Type: AWS::Glue::Job\n  Properties: {Name: load}\n"})

    job = only_job(found)
    assert (job.name, job.at.line) == ("load", 1)


def test_workflows_that_a_plugin_of_the_serverless_framework_adds():
    found = read(
        {
            "serverless.yml": """
                service: etl
                provider: {name: aws}
                custom:
                  lake: s3://lake
                  glueWorkflows:
                    nightly:
                      triggers:
                        - {name: begin, type: ON_DEMAND, actions: [{crawlerName: crawl}]}
                      crawlers:
                        - name: crawl
                          databaseName: sales
                          targets: {S3Targets: [{Path: "${self:custom.lake}/raw/"}]}
                      jobs:
                        - name: check
                          scriptLocation: s3://code/check.py
                          conditions: [{CrawlerName: crawl, CrawlState: SUCCEEDED}]
                          arguments: {--target: "${self:custom.lake}/checked/"}
                        - name: load
                          scriptLocation: s3://code/load.py
                          workers: 3
                          arguments: {source: "${self:custom.lake}/checked/"}
            """,
        }
    )
    jobs = {job.name: job.properties for job in found.jobs}
    (crawler,) = found.crawlers
    (flow,) = found.flows

    assert found.problems == ()
    assert jobs["check"]["DefaultArguments"] == {"--target": "s3://lake/checked/"}
    assert jobs["load"]["DefaultArguments"] == {"--source": "s3://lake/checked/"}
    assert jobs["load"]["Command"]["ScriptLocation"] == "s3://code/load.py"
    assert jobs["load"]["NumberOfWorkers"] == 3
    assert (crawler.database, crawler.targets) == ("sales", ("s3://lake/raw/",))
    assert (flow.name, flow.order) == ("nightly", {("crawl", "check"), ("check", "load")})
    assert flow.at.line == 6


def test_what_plugins_of_the_serverless_framework_add():
    found = read(
        {
            "serverless.yml": """
                service: etl
                provider: {name: aws, stage: prod}
                Glue:
                  bucketDeploy: code
                  jobs:
                    - name: ${self:provider.stage}-load
                      scriptPath: src/load.py
                      type: spark
                      glueVersion: python3-4.0
                      role: arn:aws:iam::1:role/r
                      MaxConcurrentRuns: 2
                      Connections: [warehouse]
                      DefaultArguments:
                        jobBookmarkOption: job-bookmark-enable
                        customArguments: {path: s3://lake/}
                  triggers:
                    - name: nightly
                      schedule: 30 12 * * ? *
                      actions: [{name: "${self:provider.stage}-load", args: {day: 1}}]
                stepFunctions:
                  stateMachines:
                    pipeline:
                      name: ${self:service}-pipeline
                      definition:
                        StartAt: Load
                        States:
                          Load:
                            Type: Task
                            Resource: arn:aws:states:::glue:startJobRun.sync
                            Parameters: {JobName: "${self:provider.stage}-load"}
                            End: true
                    other:
                      definition: ${file(machines/other.asl.json)}
            """,
            "src/load.py": "print()",
            "machines/other.asl.json": json.dumps(
                {
                    "StartAt": "A",
                    "States": {"A": {"Type": "Task", "Resource": "arn:aws:states:::athena:x", "End": True}},
                }
            ),
        }
    )
    job = only_job(found)
    flows = {flow.name: flow for flow in found.flows}

    assert (job.name, job.at.line, job.script) == ("prod-load", 6, "src/load.py")
    assert job.properties == {
        "Name": "prod-load",
        "Role": "arn:aws:iam::1:role/r",
        "Command": {"Name": "glueetl", "ScriptLocation": "src/load.py", "PythonVersion": "3"},
        "GlueVersion": "4.0",
        "DefaultArguments": {"--job-bookmark-option": "job-bookmark-enable", "--path": "s3://lake/"},
        "ExecutionProperty": {"MaxConcurrentRuns": 2},
        "Connections": {"Connections": ["warehouse"]},
    }
    assert [(task.job, dict(task.arguments)) for task in flows["nightly"].tasks] == [("prod-load", {"--day": "1"})]
    assert [task.job for task in flows["etl-pipeline"].tasks] == ["prod-load"]
    assert flows["other"].at.source == "machines/other.asl.json"


def test_files_that_a_service_includes_are_part_of_it():
    found = read(
        {
            "etl/serverless.yml": """
                service: ${env:NAME, 'etl'}
                provider: {name: aws, stage: "${opt:stage, env:STAGE, 'local'}"}
                custom: ${file(./config.yml)}
                Glue: ${file(./glue.yml)}
                resources:
                  - ${file(resources/buckets.yml)}
                stepFunctions:
                  stateMachines: ${file(resources/machines.yml)}
            """,
            "etl/config.yml": "database: lake_${sls:stage}",
            "etl/glue.yml": """
                jobs:
                  - name: load
                    scriptPath: jobs/load.py
                    type: pythonshell
                    glueVersion: python3-1.0
                    DefaultArguments:
                      customArguments: {bucket: !Ref Lake, database: "${self:custom.database}"}
            """,
            "etl/resources/buckets.yml": """
                Resources:
                  Lake: {Type: AWS::S3::Bucket, Properties: {BucketName: "lake-${self:service}"}}
                  Crawl:
                    Type: AWS::Glue::Crawler
                    Properties: {Name: crawl, DatabaseName: "${self:custom.database}"}
            """,
            "etl/resources/machines.yml": """
                nightly:
                  definition:
                    StartAt: Load
                    States:
                      Load:
                        Type: Task
                        Resource: arn:aws:states:::glue:startJobRun.sync
                        Parameters: {JobName: load}
                        End: true
            """,
            "etl/resources/apart.yml": """
                Resources:
                  Other: {Type: AWS::Glue::Job, Properties: {Name: "${self:service}-other"}}
            """,
            "etl/jobs/load.py": "print()",
        }
    )
    load, other = sorted(found.jobs, key=lambda job: job.name, reverse=True)
    (crawler,) = found.crawlers
    (flow,) = found.flows

    assert found.problems == ()
    assert load.properties["DefaultArguments"] == {"--bucket": "lake-etl", "--database": "lake_local"}
    assert (load.at.source, load.at.line, load.script) == ("etl/glue.yml", 2, "etl/jobs/load.py")
    assert other.name == "etl-other"
    assert (crawler.database, crawler.at.source, crawler.at.line) == ("lake_local", "etl/resources/buckets.yml", 3)
    assert (flow.name, flow.at.source, flow.at.line) == ("nightly", "etl/resources/machines.yml", 1)
    assert [task.job for task in flow.tasks] == ["load"]


def test_copies_of_a_template_and_what_is_made_of_it_are_read_once():
    template = "Resources: {Load: {Type: AWS::Glue::Job, Properties: {Command: {ScriptLocation: %s}}}}"
    found = read(
        {
            "etl/packaged.yaml": template % "s3://artifacts/0af31c",
            "etl/template.yaml": template % "src/load.py",
            "old/template.yaml": template % "src/load.py",
            "etl/.aws-sam/build/template.yaml": template % "load.py",
            "etl/src/load.py": "print()",
        }
    )
    job = only_job(found)

    assert (job.name, job.at.source, job.script) == ("Load", "etl/template.yaml", "etl/src/load.py")


@pytest.mark.parametrize(
    "text",
    [
        '// ours\n{"Resources": {\n// one\n  "Load": {"Type": "AWS::Glue::Job", "Properties": {"Name": "load",}},\n}}',
        "Resources:\n\t# the job\n\n\tLoad:\n\t\tType: AWS::Glue::Job\n\t\tProperties:\n\t\t\tName: load\n",
    ],
    ids=["json with comments", "yaml with tabs"],
)
def test_texts_that_are_not_quite_json_or_yaml(text: str):
    job = only_job(read({"template": text}))

    assert (job.name, job.at.line) == ("load", 4)


def test_odd_values_for_plugins_stop_nothing():
    found = read(
        {
            "serverless.yml": """
                service: etl
                provider: {name: aws}
                custom:
                  glueWorkflows:
                    1:
                      jobs: [{name: 2, 3: 4, arguments: {5: 6}}]
                      triggers: [{name: x, 1: 2, actions: 3}]
                      crawlers: 4
                    two: [3]
                Glue:
                  jobs: [{name: load, DefaultArguments: {1: 2, customArguments: {3: 4}}}, 5]
                  triggers: {a: b}
                stepFunctions: {stateMachines: {1: {definition: {}}}}
            """,
        }
    )
    assert {job.name for job in found.jobs} == {"2", "load"}
