"""CloudFormation's functions, in what a job's argument becomes."""

from __future__ import annotations

import pytest

from .reading import arguments, job_with, only_job, read

_DECLARED = """
Parameters:
  Env: {Type: String, Default: dev}
  Free: {Type: String}
  Subnets: {Type: CommaDelimitedList, Default: "a, b"}
Mappings:
  Settings:
    dev: {bucket: dev-lake, size: 1}
    prod: {bucket: prod-lake, size: 1}
Conditions:
  IsProd: !Equals [!Ref Env, prod]
  IsDev: !Not [!Condition IsProd]
  Both: !And [!Condition IsDev, !Condition IsProd]
  Either: !Or [!Condition IsDev, !Condition IsOpen]
  IsOpen: !Equals [!Ref Free, "x"]
  Circle: !Condition Circle
"""


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("!Ref Env", "${Env}"),
        ("!Ref AWS::AccountId", "${AWS::AccountId}"),
        ("!Sub 'arn:${AWS::Partition}:s3:::x'", "arn:aws:s3:::x"),
        ("!Sub 's3://${Env}/${!literal}/${AWS::Region}'", "s3://${Env}/${literal}/${AWS::Region}"),
        ("!Sub ['s3://${b}/${Env}', {b: !FindInMap [Settings, !Ref Env, bucket]}]", "s3://dev-lake/${Env}"),
        ("!Join ['/', ['s3:/', !Ref Env, data]]", "s3://${Env}/data"),
        ("!Join [',', !Ref Subnets]", "${Subnets}"),
        ("!Select [1, !Ref Subnets]", "b"),
        ("!Select [1, !Split ['/', 'x/y/z']]", "y"),
        ("!Select [1, !Split [':', !Sub 'a:${AWS::Region}']]", "${AWS::Region}"),
        ("!Select ['0', !Ref Free]", "${Free.0}"),
        ("!Select [7, [a]]", "${Fn::Select}"),
        ("!FindInMap [Settings, prod, bucket]", "prod-lake"),
        ("!FindInMap [Settings, !Ref Free, size]", "1"),
        ("!FindInMap [Settings, !Ref Free, bucket]", "${Settings._Free_.bucket}"),
        ("!FindInMap [Nowhere, a, b, {DefaultValue: c}]", "c"),
        ("!If [IsProd, p, d]", "d"),
        ("!If [IsDev, d, p]", "d"),
        ("!If [Both, b, n]", "n"),
        ("!If [Either, e, n]", "e"),
        ("!If [IsOpen, same, same]", "same"),
        ("!If [IsOpen, !Ref AWS::NoValue, other]", "other"),
        ("!ToJsonString {a: !Ref Env}", '{"a": "${Env}"}'),
        ("!Length [a, b]", "2"),
        ("!GetAtt Nothing.Arn", "${Nothing.Arn}"),
        ("!ImportValue shared-bucket", "${shared-bucket}"),
        ("'{{resolve:ssm:/lake/bucket:3}}'", "${ssm:lake_bucket}"),
        ("!Unheard Of", "${Fn::Unheard}"),
    ],
)
def test_functions(written: str, text: str):
    assert arguments(read(job_with(written, _DECLARED))) == {"--x": text}


def test_what_has_no_value_is_not_there():
    assert arguments(read(job_with("!If [IsProd, p, !Ref AWS::NoValue]", _DECLARED))) == {}


def test_an_unknown_condition_is_taken_to_hold_and_said_so():
    found = read(job_with("!If [IsOpen, yes-side, no-side]", _DECLARED))

    assert found.jobs[0].properties["DefaultArguments"] == {"--x": "yes-side"}
    (problem,) = found.problems
    assert problem.at.part == "Conditions.IsOpen"


def test_variables_decide_what_defaults_would():
    found = read(job_with("!Sub ['${Env} ${s}', {s: !If [IsProd, p, d]}]", _DECLARED), {"Env": "prod"})

    assert arguments(found) == {"--x": "${Env} p"}
    assert found.values == {"Env": "prod"}


@pytest.mark.parametrize(
    "written", ["!Ref", "!Sub []", "!Join x", "!Select [x, y]", "!If [Circle]", "!FindInMap [a]", "!GetAtt x"]
)
def test_a_function_without_what_it_needs_is_an_unknown_part(written: str):
    assert arguments(read(job_with(written, _DECLARED)))["--x"].startswith("${")


def test_names_of_resources_stand_for_them():
    found = read(
        """
        Resources:
          Named: {Type: AWS::S3::Bucket, Properties: {BucketName: !Sub "lake-${Env}"}}
          Unnamed: {Type: AWS::S3::Bucket}
          Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: queue}}
          Machine: {Type: AWS::StepFunctions::StateMachine, Properties: {StateMachineName: m, DefinitionString: "{}"}}
          Fn: {Type: AWS::Lambda::Function, Properties: {FunctionName: f}}
          Job:
            Type: AWS::Glue::Job
            Properties:
              DefaultArguments:
                --x: !Sub "${Named} ${Unnamed} ${Unnamed.Arn} ${Queue} ${Machine} ${Machine.Name} ${Fn.Arn}"
        """
    )

    account = "${AWS::Region}:${AWS::AccountId}"
    assert found.jobs[0].properties["DefaultArguments"]["--x"] == (
        "lake-${Env} ${Unnamed} arn:aws:s3:::${Unnamed} queue "
        f"arn:aws:states:{account}:stateMachine:m m arn:aws:lambda:{account}:function:f"
    )


def test_a_loop_is_written_out():
    found = read(
        """
        Transform: AWS::LanguageExtensions
        Parameters:
          Tables: {Type: CommaDelimitedList, Default: "orders,line-items"}
        Resources:
          Fn::ForEach::Jobs:
            - Table
            - !Ref Tables
            - Load${Table}:
                Type: AWS::Glue::Job
                Properties:
                  Name: !Sub load-${Table}
                  Command: {Name: glueetl, ScriptLocation: s3://code/load.py}
                  DefaultArguments: {--table: !Ref Table}
        """
    )

    assert [(job.name, dict(job.properties["DefaultArguments"])) for job in found.jobs] == [
        ("load-orders", {"--table": "orders"}),
        ("load-line-items", {"--table": "line-items"}),
    ]


def test_of_two_resources_with_one_name_the_one_whose_condition_holds_is_read():
    found = read(
        """
        Parameters: {Env: {Type: String, Default: dev}}
        Conditions: {IsProd: !Equals [!Ref Env, prod], IsDev: !Equals [!Ref Env, dev]}
        Resources:
          Prod: {Type: AWS::Glue::Job, Condition: IsProd, Properties: {Name: load, DefaultArguments: {--e: prod}}}
          Dev: {Type: AWS::Glue::Job, Condition: IsDev, Properties: {Name: load, DefaultArguments: {--e: dev}}}
          Extra: {Type: AWS::Glue::Job, Condition: IsProd, Properties: {Name: extra}}
        """
    )

    assert [(job.name, job.aliases[0]) for job in found.jobs] == [("load", "Dev"), ("extra", "Extra")]


def test_names_in_a_circle_end():
    found = read(
        """
        Resources:
          A: {Type: AWS::S3::Bucket, Properties: {BucketName: !Sub "${B}-a"}}
          B: {Type: AWS::S3::Bucket, Properties: {BucketName: !Sub "${A}-b"}}
          J: {Type: AWS::Glue::Job, Properties: {Name: !Ref A}}
        """
    )

    assert only_job(found).name == "${A}-b-a"
