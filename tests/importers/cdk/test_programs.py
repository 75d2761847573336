"""CDK programs in TypeScript and Python, read as the templates that they would synthesize."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pypedream_dagster.importers.files import SourceFile, read_files
from pypedream_dagster.importers.sources import step_functions
from pypedream_dagster.importers.sources.cloudformation import survey
from pypedream_dagster.importers.survey import Survey
from tests.importers.surveys import imported

_TYPESCRIPT = """
    import * as path from 'path';
    import * as cdk from 'aws-cdk-lib';
    import { Construct } from 'constructs';
    import { Bucket } from 'aws-cdk-lib/aws-s3';
    import * as glue from 'aws-cdk-lib/aws-glue';
    import type { Unused } from './types';

    export interface LakeProps extends cdk.StackProps {
      readonly stage: string;
      tables?: Record<string, string[]>;
    }

    /** A `stack` of its own. */
    export class LakeStack extends cdk.Stack {
      public readonly raw: Bucket;
      private jobs: Map<string, glue.CfnJob> = new Map<string, glue.CfnJob>();

      constructor(scope: Construct, id: string, private readonly props: LakeProps) {
        super(scope, id, props);
        this.raw = new Bucket(this, 'Raw', { bucketName: `acme-raw-${props.stage}` });
        const silver = new Bucket(this, 'Silver', { versioned: true });
        const { tables = { orders: ['id'] } } = props;
        const made = Object.entries(tables).map(([table, keys]) => this.job(table, keys, silver));
        const workflow = new glue.CfnWorkflow(this, 'Flow', { name: 'nightly' });
        made.forEach((job, index) => {
          new glue.CfnTrigger(this, `Start${index}`, {
            type: index > 0 ? 'CONDITIONAL' : 'ON_DEMAND',
            workflowName: workflow.ref,
            actions: [{ jobName: job.ref }],
            predicate: index > 0
              ? { conditions: [{ jobName: made[index - 1]!.name!, state: 'SUCCEEDED', logicalOperator: 'EQUALS' }] }
              : undefined,
          });
        });
        made[0].addDependency(workflow);
      }

      private job(table: string, keys: string[], target: Bucket): glue.CfnJob {
        return new glue.CfnJob(this, `${table}Job`, {
          name: ['load', table, this.props.stage].join('-'),
          role: 'arn:aws:iam::1:role/jobs',
          command: { name: 'glueetl', scriptLocation: `s3://${this.raw.bucketName}/code/${table}.py` },
          defaultArguments: {
            '--from': `s3://${this.raw.bucketName}/${table}/`,
            '--to': target.s3UrlForObject(table) + '/',
            ...(keys.length > 0 && { '--keys': keys.join(',') }),
          },
        } as glue.CfnJobProps);
      }
    }
"""


def _read(texts: Mapping[str, str]) -> Survey:
    return survey([SourceFile(p, dedent(t).lstrip("\n"), dedent(t).encode()) for p, t in texts.items()], {})


def _arguments(found: Survey, name: str) -> dict[str, str]:
    return dict(next(job for job in found.jobs if job.name == name).properties["DefaultArguments"])


def test_a_program_in_typescript() -> None:
    found = _read(
        {
            "lib/lake-stack.ts": _TYPESCRIPT,
            "bin/app.ts": """
                #!/usr/bin/env node
                import * as cdk from 'aws-cdk-lib';
                import { LakeStack } from '../lib/lake-stack';
                const app = new cdk.App();
                for (const stage of ['dev']) {
                  new LakeStack(app, `Lake-${stage}`, { stage, tables: { orders: ['id'], items: [] } });
                }
            """,
            "src/orders.py": "print()",
        }
    )
    (flow,) = found.flows

    assert found.problems == ()
    assert [job.name for job in found.jobs] == ["load-orders-dev", "load-items-dev"]
    assert _arguments(found, "load-orders-dev") == {
        "--from": "s3://acme-raw-dev/orders/",
        "--to": "s3://${Silver}/orders/",
        "--keys": "id",
    }
    assert "--keys" not in _arguments(found, "load-items-dev")
    assert (flow.name, [task.job for task in flow.tasks]) == ("nightly", ["load-orders-dev", "load-items-dev"])
    assert flow.order == {("load-orders-dev", "load-items-dev")}
    assert (found.jobs[0].at.source, found.jobs[0].at.line) == ("lib/lake-stack.ts", 39)


def test_a_stack_that_no_app_makes_is_read_with_what_it_is_given_unknown() -> None:
    found = _read({"lib/lake-stack.ts": _TYPESCRIPT})
    (job,) = found.jobs
    assert job.name == "load-orders-${lake-stack.__init__.props.stage}"


def test_a_program_in_python() -> None:
    found = _read(
        {
            "app.py": """
                import os
                import aws_cdk as cdk
                from stacks.etl import EtlStack

                app = cdk.App()
                EtlStack(app, "etl", stage=app.node.try_get_context("stage"), owner=os.environ.get("OWNER", "me"))
                app.synth()
            """,
            "cdk.json": json.dumps({"app": "python3 app.py", "context": {"stage": "prod"}}),
            "stacks/etl.py": """
                import os
                from aws_cdk import Stack, aws_glue as glue, aws_s3 as s3
                from aws_cdk import aws_stepfunctions as sfn, aws_stepfunctions_tasks as tasks
                from aws_cdk.aws_s3_assets import Asset
                from constructs import Construct

                class EtlStack(Stack):
                    def __init__(self, scope: Construct, construct_id: str, stage: str, owner: str, **kwargs) -> None:
                        super().__init__(scope, construct_id, **kwargs)
                        lake = s3.Bucket.from_bucket_name(self, "Lake", f"lake-{stage}")
                        script = Asset(self, "Script", path=os.path.join(os.path.dirname(__file__), "../jobs/load.py"))
                        steps = []
                        for table in ("orders", "items"):
                            job = glue.CfnJob(
                                self, f"Load{table}",
                                name=f"load-{table}",
                                role="r",
                                command=glue.CfnJob.JobCommandProperty(
                                    name="glueetl", python_version="3", script_location=script.s3_object_url
                                ),
                                default_arguments={"--to": f"s3://{lake.bucket_name}/{table}/", "--owner": owner},
                            )
                            steps.append(tasks.GlueStartJobRun(
                                self, f"Run {table}",
                                glue_job_name=job.name,
                                integration_pattern=sfn.IntegrationPattern.RUN_JOB,
                                arguments=sfn.TaskInput.from_object({"--day": sfn.JsonPath.string_at("$.day")}),
                            ))
                        glue.CfnTable(
                            self, "Orders", catalog_id=self.account, database_name="sales",
                            table_input=glue.CfnTable.TableInputProperty(
                                name="orders",
                                storage_descriptor=glue.CfnTable.StorageDescriptorProperty(
                                    location=f"s3://{lake.bucket_name}/orders/"
                                ),
                            ),
                        )
                        crawl = tasks.CallAwsService(
                            self, "Crawl", service="glue", action="startCrawler",
                            parameters={"Name": "lake"}, iam_resources=["*"],
                        )
                        failed = sfn.Fail(self, "Failed")
                        both = sfn.Parallel(self, "Both").branch(*steps)
                        both.add_catch(failed)
                        choice = sfn.Choice(self, "Any?").when(sfn.Condition.is_present("$.x"), crawl).otherwise(failed)
                        sfn.StateMachine(
                            self, "Machine", state_machine_name="nightly",
                            definition_body=sfn.DefinitionBody.from_chainable(
                                sfn.Wait(self, "Wait").next(both).next(choice)
                            ),
                        )
            """,
            "jobs/load.py": "print()",
        }
    )
    (flow,) = found.flows
    (table,) = found.tables

    assert found.problems == ()
    assert {job.name: job.script for job in found.jobs} == {"load-orders": "jobs/load.py", "load-items": "jobs/load.py"}
    assert _arguments(found, "load-items") == {"--to": "s3://lake-prod/items/", "--owner": "${env.OWNER}"}
    assert found.values["env.OWNER"] == "me"
    assert (table.database, table.name, table.location) == ("sales", "orders", "s3://lake-prod/orders/")
    assert flow.order == {("Run orders", "Crawl"), ("Run items", "Crawl")}
    assert {task.key: task.operation for task in flow.tasks}["Crawl"] == "crawler"
    assert [dict(task.arguments) for task in flow.tasks if task.job] == [{"--day": "${input.day}"}] * 2


def test_jobs_of_the_higher_constructs() -> None:
    found = _read(
        {
            "lib/stack.ts": """
                import { Stack } from 'aws-cdk-lib';
                import * as glue from '@aws-cdk/aws-glue-alpha';
                import * as ssm from 'aws-cdk-lib/aws-ssm';
                import { Bucket } from 'aws-cdk-lib/aws-s3';
                export class One extends Stack {
                  constructor(scope: any, id: string) {
                    super(scope, id);
                    const lake = Bucket.fromBucketName(
                      this, 'Lake', ssm.StringParameter.valueForStringParameter(this, '/lake/name'));
                    const db = new glue.Database(this, 'Db', { databaseName: 'sales' });
                    new glue.Job(this, 'Old', {
                      jobName: 'old',
                      executable: glue.JobExecutable.pythonShell({
                        glueVersion: glue.GlueVersion.V3_0,
                        pythonVersion: glue.PythonVersion.THREE,
                        script: glue.Code.fromAsset('jobs/old.py'),
                      }),
                      defaultArguments: { '--out': lake.s3UrlForObject('old') },
                    });
                    const next = new glue.PySparkEtlJob(this, 'New', {
                      jobName: 'new', script: glue.Code.fromAsset('./jobs/new.py'), role: undefined!,
                    });
                    new glue.S3Table(this, 'T', {
                      database: db, tableName: 'orders', bucket: lake, s3Prefix: 'orders/'
                    });
                    const flow = new glue.Workflow(this, 'Flow', { workflowName: 'flow' });
                    flow.addOnDemandTrigger('Begin', { actions: [{ job: next }] });
                  }
                }
            """,
            "lib/store.ts": """
                import { Stack } from 'aws-cdk-lib';
                import { StringParameter } from 'aws-cdk-lib/aws-ssm';
                export class Store extends Stack {
                  constructor(scope: any, id: string) {
                    super(scope, id);
                    new StringParameter(this, 'P', { parameterName: '/lake/name', stringValue: 'acme-lake' });
                  }
                }
            """,
            "jobs/old.py": "print()",
            "jobs/new.py": "print()",
        }
    )
    jobs = {job.name: job for job in found.jobs}
    (table,) = found.tables

    assert {name: job.script for name, job in jobs.items()} == {"old": "jobs/old.py", "new": "jobs/new.py"}
    assert jobs["old"].properties["Command"]["Name"] == "pythonshell"
    assert _arguments(found, "old") == {"--out": "s3://acme-lake/old"}
    assert (table.database, table.name, table.location) == ("sales", "orders", "s3://acme-lake/orders/")
    assert [(flow.name, [task.job for task in flow.tasks]) for flow in found.flows] == [("flow", ["new"])]


def test_what_a_program_synthesized_goes_before_its_code() -> None:
    template = {
        "Resources": {
            "J1": {
                "Type": "AWS::Glue::Job",
                "Properties": {"Name": "synthesized"},
            }
        }
    }
    marks = ({"Metadata": {"aws:cdk:path": "Etl/J"}}, {"Parameters": {"V": {"Default": "/cdk-bootstrap/hnb/version"}}})
    for mark in marks:
        texts = {"lib/lake-stack.ts": _TYPESCRIPT, "cdk.out/Etl.template.json": json.dumps({**template, **mark})}
        assert [job.name for job in _read(texts).jobs] == ["synthesized"]


def test_what_the_cdk_notes_for_itself_is_no_source(tmp_path: Path) -> None:
    (tmp_path / "tree.json").write_text('{"version": "tree-0.1", "tree": {"id": "App"}}')
    (tmp_path / "one.json").write_text('{"version": 1}')
    files, problems = read_files([tmp_path], tmp_path)
    assert ([file.path for file in files], problems) == (["one.json"], ())


def test_definitions_in_files_and_in_code_are_each_read_once() -> None:
    def machine(state: str, job: str) -> str:
        task = {"Type": "Task", "Resource": "arn:aws:states:::glue:startJobRun.sync", "Parameters": {"JobName": job}}
        return json.dumps({"StartAt": state, "States": {state: {**task, "End": True}}})

    found = imported(
        survey=_read(
            {
                "lib/stack.ts": """
                    import * as fs from 'fs';
                    import * as path from 'path';
                    import { Stack } from 'aws-cdk-lib';
                    import * as sfn from 'aws-cdk-lib/aws-stepfunctions';
                    import { CfnJob } from 'aws-cdk-lib/aws-glue';
                    export class One extends Stack {
                      constructor(scope: any, id: string) {
                        super(scope, id);
                        const job = new CfnJob(this, 'J', { name: 'load', role: 'r', command: {} });
                        const text = fs.readFileSync(path.join(__dirname, '..', 'asl', 'one.json'), 'utf8');
                        new sfn.CfnStateMachine(this, 'A', {
                          roleArn: 'r', stateMachineName: 'a', definitionString: text.replace('__JOB__', job.ref),
                        });
                        new sfn.StateMachine(this, 'B', {
                          stateMachineName: 'b',
                          definitionBody: sfn.DefinitionBody.fromFile('asl/two.json'),
                          definitionSubstitutions: { Job: job.ref },
                        });
                        new sfn.CfnStateMachine(this, 'C', {
                          roleArn: 'r', stateMachineName: 'c',
                          definitionString: JSON.stringify({
                            StartAt: 'Three',
                            States: {
                              Three: {
                                Type: 'Task', Resource: 'arn:aws:states:::glue:startJobRun.sync', End: true,
                                Parameters: { JobName: job.name, Arguments: { '--day.$': '$.day' } },
                              },
                            },
                          }),
                        });
                      }
                    }
                """,
                "asl/one.json": machine("One", "__JOB__"),
                "asl/two.json": machine("Two", "${Job}"),
            }
        )
        + step_functions.survey(
            [
                SourceFile("asl/one.json", machine("One", "__JOB__")),
                SourceFile("asl/two.json", machine("Two", "${Job}")),
            ],
            {},
        )
    )
    assert {node.id: node.metadata.arguments for node in found.graph.nodes} == {
        "load-One": {},
        "load-input.day": {"--day": "${input.day}"},
    }


def test_jobs_of_which_the_code_tells_nothing_are_told_to_be_synthesized() -> None:
    found = _read(
        {
            "stack.py": """
                from aws_cdk import Stack, aws_glue as glue
                class Jobs(Stack):
                    def __init__(self, scope, id, settings, **kwargs):
                        super().__init__(scope, id, **kwargs)
                        for job in settings.jobs:
                            glue.CfnJob(self, job.name, name=job.name, role="r", command={
                                "name": "glueetl", "scriptLocation": f"s3://code/{job.script}",
                            })
                        glue.CfnJob(self, "known", name="known", role="r", command={"name": "glueetl"})
            """
        }
    )
    assert [job.name for job in found.jobs] == ["known"]
    assert [("cdk synth" in problem.what, problem.at.line) for problem in found.problems] == [(True, 6)]


def test_a_program_in_another_language_is_told_to_be_synthesized() -> None:
    app = {"cdk.json": '{"app": "mvn -e -q compile exec:java"}', "src/EtlStack.java": "class EtlStack extends Stack {}"}
    (problem,) = _read(app).problems
    assert (problem.at.source, "cdk synth" in problem.what) == ("cdk.json", True)


def test_a_stacks_name_and_account_that_a_program_tells_are_put_in() -> None:
    bucket = """
        import * as cdk from 'aws-cdk-lib';
        import { CfnJob } from 'aws-cdk-lib/aws-glue';
        class One extends cdk.Stack {
          constructor(scope: cdk.App, id: string, props: cdk.StackProps) {
            super(scope, id, props);
            new CfnJob(this, 'J', {
              name: `${cdk.Stack.of(this).stackName}-j`.toLowerCase(), role: 'r', command: {},
              defaultArguments: { '--to': `s3://lake-${this.account}-${this.region}/` },
            });
          }
        }
        new One(new cdk.App(), 'One', { env: { account: '123456789012', region: process.env.CDK_DEFAULT_REGION } });
    """
    assert _arguments(_read({"app.ts": bucket}), "one-j") == {"--to": "s3://lake-123456789012-${AWS::Region}/"}


@pytest.mark.parametrize(
    "path",
    ["test/lake.test.ts", "lib/lake-stack.d.ts", "lib/lake-stack.txt", "infra/cdk.out/lake.ts", "test_lake.py"],
)
def test_tests_and_declarations_are_no_programs(path: str) -> None:
    assert _read({path: _TYPESCRIPT}).jobs == ()


def test_code_that_is_not_understood_hides_nothing_else() -> None:
    found = _read({"lib/lake-stack.ts": _TYPESCRIPT.replace("const silver =", "const odd = <<<>; const silver =")})
    assert [job.name for job in found.jobs] == ["load-orders-${lake-stack.__init__.props.stage}"]


@pytest.mark.parametrize(
    "end", ["enum E {", "enum", "import {", "interface I", "class A { b", "switch (a) {", "const {"]
)
def test_code_that_does_not_end_is_left_out(end: str) -> None:
    assert [job.name for job in _read({"lib/lake-stack.ts": f"{dedent(_TYPESCRIPT)}\n{end}"}).jobs] != []


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(_TYPESCRIPT)), st.integers(0, 400), st.sampled_from(["", "{", "`", ")", "=>", "<", "'", "}"]))
def test_no_text_is_too_odd(start: int, length: int, put_in: str) -> None:
    found = _read({"lib/lake-stack.ts": _TYPESCRIPT[:start] + put_in + _TYPESCRIPT[start + length :]})
    assert not any("fault" in problem.what for problem in found.problems)
