"""State machines, workflows and triggers within templates: their tasks name the templates' jobs."""

from __future__ import annotations

import json

from pypedream_dagster.importers.survey import Survey, Task

from .reading import read

_JOB = """
          Load:
            Type: AWS::Glue::Job
            Properties: {Name: !Sub "${Env}-load", Command: {ScriptLocation: s3://code/load.py}}
"""
_STEP = {"Type": "Task", "Resource": "arn:aws:states:::glue:startJobRun.sync", "End": True}


def _tasks(found: Survey) -> list[Task]:
    assert found.problems == ()
    (flow,) = found.flows
    return list(flow.tasks)


def test_a_definition_within_the_template():
    found = read(
        f"""
        Parameters: {{Env: {{Type: String, Default: dev}}}}
        Resources:{_JOB}
          Machine:
            Type: AWS::Serverless::StateMachine
            Properties:
              Name: nightly
              Definition:
                StartAt: Load
                States:
                  Load:
                    Type: Task
                    Resource: !Sub arn:${{AWS::Partition}}:states:::glue:startJobRun.sync
                    Parameters:
                      JobName: !Ref Load
                      Arguments: {{--day: !Sub "${{Env}}"}}
                    End: true
        """
    )
    (task,) = _tasks(found)

    assert found.flows[0].name == "nightly"
    assert found.flows[0].at.source == "template.yaml"
    assert (task.operation, task.job, dict(task.arguments)) == ("glue", found.jobs[0].name, {"--day": "${Env}"})


def test_a_definition_as_the_cdk_joins_it():
    found = read(
        {
            "cdk.out/Etl.template.json": json.dumps(
                {
                    "Resources": {
                        "LoadJob3F2A": {"Type": "AWS::Glue::Job", "Properties": {"Command": {}}},
                        "MachineB1C2": {
                            "Type": "AWS::StepFunctions::StateMachine",
                            "Properties": {
                                "DefinitionString": {
                                    "Fn::Join": [
                                        "",
                                        [
                                            '{"StartAt":"Load","States":{"Load":{"End":true,"Type":"Task","Resource":"arn:',
                                            {"Ref": "AWS::Partition"},
                                            ':states:::glue:startJobRun.sync","Parameters":{"JobName":"',
                                            {"Ref": "LoadJob3F2A"},
                                            '"}}}}',
                                        ],
                                    ]
                                }
                            },
                        },
                    }
                }
            )
        }
    )
    (task,) = _tasks(found)

    assert task.job == found.jobs[0].name == "LoadJob3F2A"


def test_a_definition_in_a_file_beside_the_template_with_substitutions():
    definition = {"StartAt": "Load", "States": {"Load": {**_STEP, "Parameters": {"JobName": "${GlueJob}"}}}}
    found = read(
        {
            "sam/template.yaml": f"""
        Parameters: {{Env: {{Type: String, Default: dev}}}}
        Resources:{_JOB}
          Machine:
            Type: AWS::Serverless::StateMachine
            Properties:
              DefinitionUri: statemachine/etl.asl.json
              DefinitionSubstitutions: {{GlueJob: !Ref Load}}
        """,
            "sam/statemachine/etl.asl.json": json.dumps(definition),
        }
    )
    (task,) = _tasks(found)

    assert task.job == "${Env}-load"
    assert found.flows[0].at.source == "sam/statemachine/etl.asl.json"


def test_a_definition_string_with_fn_sub_and_a_map():
    found = read(
        f"""
        Parameters: {{Env: {{Type: String}}}}
        Resources:{_JOB}
          Machine:
            Type: AWS::StepFunctions::StateMachine
            Properties:
              StateMachineName: !Sub "${{Env}}-etl"
              DefinitionString: !Sub
                - |
                  {{"StartAt": "Load", "States": {{"Load": {{
                    "Type": "Task", "End": true, "Resource": "arn:aws:states:::glue:startJobRun.sync",
                    "Parameters": {{"JobName": "${{Job}}", "Arguments": {{"--bucket": "s3://${{Lake}}/"}}}}}}}}}}
                - Job: !Ref Load
        """
    )
    (task,) = _tasks(found)

    assert (task.job, dict(task.arguments)) == ("${Env}-load", {"--bucket": "s3://${Lake}/"})
    assert found.flows[0].name == "${Env}-etl"


def test_a_definition_that_is_not_given_is_a_problem():
    found = read(
        {
            "sam/template.yaml": """
                Resources:
                  Machine:
                    Type: AWS::Serverless::StateMachine
                    Properties: {DefinitionUri: machines/etl.asl.json}
            """,
            "other/etl.asl.json": json.dumps({"StartAt": "Load", "States": {"Load": _STEP}}),
        }
    )

    (problem,) = found.problems
    assert problem.at.part == "Resources.Machine"
    assert found.flows == ()


def test_a_workflow_and_its_triggers():
    found = read(
        f"""
        Parameters: {{Env: {{Type: String}}}}
        Resources:{_JOB}
          Report:
            Type: AWS::Glue::Job
            Properties: {{Name: report}}
          Flow:
            Type: AWS::Glue::Workflow
            Properties: {{Name: !Sub "${{Env}}-flow", DefaultRunProperties: {{day: 7}}}}
          Start:
            Type: AWS::Glue::Trigger
            Properties:
              Type: SCHEDULED
              WorkflowName: !Ref Flow
              Actions: [{{JobName: !Ref Load, Arguments: {{--n: 1}}}}]
          Next:
            Type: AWS::Glue::Trigger
            Properties:
              Type: CONDITIONAL
              WorkflowName: !Ref Flow
              Predicate: {{Conditions: [{{LogicalOperator: EQUALS, JobName: !Ref Load, State: SUCCEEDED}}]}}
              Actions: [{{JobName: !Ref Report}}]
        """
    )
    load, report = _tasks(found)
    (flow,) = found.flows

    assert (flow.name, flow.kind, flow.at.part) == ("${Env}-flow", "glue-workflow", "Resources.Flow")
    assert (load.job, dict(load.arguments), report.job) == ("${Env}-load", {"--n": "1"}, "report")
    assert flow.order == {(load.key, report.key)}
    assert found.values == {"${Env}-flow.day": "7"}


def test_triggers_of_a_workflow_in_another_template_join_it():
    found = read(
        {
            "flow.yaml": """
                Resources:
                  Flow: {Type: AWS::Glue::Workflow, Properties: {Name: flow}}
                Outputs:
                  Flow: {Value: !Ref Flow, Export: {Name: !Sub "${AWS::StackName}-Flow"}}
            """,
            "trigger.yaml": """
                Parameters: {FlowStack: {Type: String}}
                Resources:
                  Start:
                    Type: AWS::Glue::Trigger
                    Properties:
                      Type: ON_DEMAND
                      WorkflowName: !ImportValue {"Fn::Sub": "${FlowStack}-Flow"}
                      Actions: [{JobName: load}]
            """,
        }
    )

    (flow,) = found.flows
    assert (flow.name, [task.job for task in flow.tasks]) == ("flow", ["load"])


def test_triggers_without_a_workflow_and_schedules_chain_jobs_too():
    found = read(
        """
        Resources:
          Nightly:
            Type: AWS::Scheduler::Schedule
            Properties:
              ScheduleExpression: rate(1 day)
              Target:
                Arn: arn:aws:scheduler:::aws-sdk:glue:startJobRun
                Input: '{"JobName": "load", "Arguments": {"--n": "1"}}'
          After:
            Type: AWS::Glue::Trigger
            Properties:
              Type: CONDITIONAL
              Predicate: {Conditions: [{JobName: load, State: SUCCEEDED, LogicalOperator: EQUALS}]}
              Actions: [{JobName: report}]
          Other:
            Type: AWS::Scheduler::Schedule
            Properties: {Target: {Arn: arn:aws:lambda:eu-west-1:1:function:f, Input: '{"JobName": "no"}'}}
        """
    )

    load, report = sorted(_tasks(found), key=lambda task: str(task.job))
    assert (load.job, dict(load.arguments), report.job) == ("load", {"--n": "1"}, "report")
    assert found.flows[0].order == {(load.key, report.key)}


def test_a_state_machine_that_another_starts_is_part_of_its_flow():
    found = read(
        """
        Resources:
          Child:
            Type: AWS::Serverless::StateMachine
            Properties:
              Definition:
                StartAt: Load
                States:
                  Load:
                    Type: Task
                    Resource: arn:aws:states:::glue:startJobRun.sync
                    Parameters: {JobName: load}
                    End: true
          Parent:
            Type: AWS::StepFunctions::StateMachine
            Properties:
              StateMachineName: parent
              DefinitionSubstitutions: {Child: !GetAtt Child.Arn}
              DefinitionString: |
                {"StartAt": "Run", "States": {"Run": {
                  "Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2", "End": true,
                  "Parameters": {"StateMachineArn": "${Child}"}}}}
        """
    )
    (task,) = _tasks(found)

    assert (found.flows[0].name, task.job) == ("parent", "load")


def test_state_machines_of_one_definition_are_two():
    definition = {"StartAt": "Load", "States": {"Load": {**_STEP, "Parameters": {"JobName": "${Job}"}}}}
    found = read(
        {
            "template.yaml": """
                Resources:
                  One:
                    Type: AWS::Serverless::StateMachine
                    Properties: {DefinitionUri: etl.asl.json, DefinitionSubstitutions: {Job: one}}
                  Two:
                    Type: AWS::Serverless::StateMachine
                    Properties: {DefinitionUri: ./etl.asl.json, DefinitionSubstitutions: {Job: two}}
            """,
            "etl.asl.json": json.dumps(definition),
        }
    )

    assert [(flow.name, flow.tasks[0].job) for flow in found.flows] == [("One", "one"), ("Two", "two")]
    assert found.flows[0].at != found.flows[1].at
