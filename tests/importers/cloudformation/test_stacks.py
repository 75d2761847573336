"""Several templates: nested, exporting to each other, or only called alike."""

from __future__ import annotations

import json

from .reading import read

_CHILD = """
    Parameters:
      Bucket: {Type: String, Default: unbound}
      Table: {Type: String}
    Resources:
      Load:
        Type: AWS::Glue::Job
        Properties:
          Command: {ScriptLocation: s3://code/load.py}
          DefaultArguments: {--path: !Sub "s3://${Bucket}/${Table}/"}
    Outputs:
      JobName: {Value: !Ref Load}
"""


def test_a_nested_template_has_its_parents_parameters_once_for_each_time_that_it_is_nested():
    found = read(
        {
            "main.yaml": """
                Resources:
                  Lake: {Type: AWS::S3::Bucket}
                  Orders:
                    Type: AWS::CloudFormation::Stack
                    Properties:
                      TemplateURL: ./children/load.yaml
                      Parameters: {Bucket: !Ref Lake, Table: orders}
                  Lines:
                    Type: AWS::CloudFormation::Stack
                    Properties:
                      TemplateURL: !Sub https://s3.amazonaws.com/${Code}/children/load.yaml
                      Parameters: {Bucket: !Ref Lake, Table: lines}
                  Report:
                    Type: AWS::Glue::Job
                    Properties:
                      Name: report
                      DefaultArguments: {--after: !GetAtt Orders.Outputs.JobName}
            """,
            "children/load.yaml": _CHILD,
        }
    )
    jobs = {job.name: job.properties["DefaultArguments"] for job in found.jobs}

    assert jobs == {
        "report": {"--after": "main.Orders-Load"},
        "main.Orders-Load": {"--path": "s3://${Lake}/orders/"},
        "main.Lines-Load": {"--path": "s3://${Lake}/lines/"},
    }
    assert found.problems == ()
    assert {job.name: job.aliases for job in found.jobs}["main.Orders-Load"] == ()


def test_the_template_that_a_url_names_is_told_by_its_folders():
    found = read(
        {
            "templates/main.yaml": """
                Parameters: {Prefix: {Type: String, Default: quickstart/}, Bucket: {Type: String}}
                Resources:
                  One:
                    Type: AWS::CloudFormation::Stack
                    Properties: {TemplateURL: !Sub "https://${Bucket}.s3.amazonaws.com/${Prefix}templates/glue.yaml"}
                  Two:
                    Type: AWS::CloudFormation::Stack
                    Properties: {TemplateURL: !Sub "https://x/${Unknown}templates/other/glue.yaml"}
            """,
            "templates/glue.yaml": "Resources: {Load: {Type: AWS::Glue::Job, Properties: {Name: one}}}",
            "templates/other/glue.yaml": "Resources: {Load: {Type: AWS::Glue::Job, Properties: {Name: two}}}",
        }
    )

    assert [(job.name, job.at.source) for job in found.jobs] == [
        ("one", "templates/glue.yaml"),
        ("two", "templates/other/glue.yaml"),
    ]


def test_an_import_is_what_another_template_exports():
    found = read(
        {
            "storage.yaml": """
                Resources:
                  Lake: {Type: AWS::S3::Bucket}
                Outputs:
                  Lake: {Value: !Ref Lake, Export: {Name: shared-lake}}
            """,
            "jobs.yaml": """
                Resources:
                  Load:
                    Type: AWS::Glue::Job
                    Properties: {DefaultArguments: {--path: !Join ["", ["s3://", !ImportValue shared-lake, "/x"]]}}
            """,
        }
    )

    assert found.jobs[0].properties["DefaultArguments"] == {"--path": "s3://${Lake}/x"}


def test_what_one_template_stores_another_reads():
    found = read(
        {
            "storage.yaml": """
                Resources:
                  Lake: {Type: AWS::S3::Bucket, Properties: {BucketName: lake}}
                  Stored: {Type: AWS::SSM::Parameter, Properties: {Name: /lake/bucket, Type: String, Value: !Ref Lake}}
            """,
            "jobs.yaml": """
                Parameters:
                  Bucket: {Type: "AWS::SSM::Parameter::Value<String>", Default: /lake/bucket}
                  Other: {Type: "AWS::SSM::Parameter::Value<String>", Default: /lake/other}
                Resources:
                  Load:
                    Type: AWS::Glue::Job
                    Properties:
                      DefaultArguments:
                        --a: !Sub "s3://${Bucket}/"
                        --b: "s3://{{resolve:ssm:/lake/bucket}}/"
                        --c: !Ref Other
                        --d: "{{resolve:ssm:/lake/other:1}}"
            """,
        }
    )

    assert found.jobs[0].properties["DefaultArguments"] == {
        "--a": "s3://lake/",
        "--b": "s3://lake/",
        "--c": "${ssm:lake_other}",
        "--d": "${ssm:lake_other}",
    }
    assert found.values == {}


def test_parameters_with_other_defaults_are_other_parameters():
    template = """
        Parameters:
          Bucket: {{Type: String, Default: {0}}}
          Env: {{Type: String, Default: dev}}
        Resources:
          Load:
            Type: AWS::Glue::Job
            Properties: {{Name: load-{0}, DefaultArguments: {{--path: !Sub "s3://${{Bucket}}/${{Env}}/"}}}}
    """
    found = read({"a.yaml": template.format("one"), "b.yaml": template.format("two")})

    assert [job.properties["DefaultArguments"]["--path"] for job in found.jobs] == [
        "s3://${a.Bucket}/${Env}/",
        "s3://${b.Bucket}/${Env}/",
    ]
    assert found.values == {"a.Bucket": "one", "b.Bucket": "two", "Env": "dev"}

    told = read({"a.yaml": template.format("one"), "b.yaml": template.format("two")}, {"Bucket": "three"})
    assert {job.properties["DefaultArguments"]["--path"] for job in told.jobs} == {"s3://${Bucket}/${Env}/"}
    assert told.values == {"Bucket": "three", "Env": "dev"}


def test_buckets_and_jobs_called_alike_in_several_templates_are_told_apart():
    template = """
        Resources:
          Lake: {Type: AWS::S3::Bucket}
          Load: {Type: AWS::Glue::Job, Properties: {DefaultArguments: {--path: !Sub "s3://${Lake}/${AWS::StackName}"}}}
    """
    found = read(
        {"a/template.yaml": template, "b/template.yaml": template.replace("Properties", "Condition: C, Properties")}
    )

    assert [(job.name, job.properties["DefaultArguments"]["--path"]) for job in found.jobs] == [
        ("a-Load", "s3://${a.Lake}/${a.AWS::StackName}"),
        ("b-Load", "s3://${b.Lake}/${b.AWS::StackName}"),
    ]


def test_templates_that_nest_each_other_are_read_once():
    template = """
        Resources:
          Other: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: ./%s.yaml}}
          Load: {Type: AWS::Glue::Job, Properties: {Name: load-%s}}
    """
    found = read({"a.yaml": template % ("b", "a"), "b.yaml": template % ("a", "b")})

    assert sorted(job.name for job in found.jobs) == ["load-a", "load-b"]


def test_copies_of_a_nested_template_are_each_read_with_their_parent():
    child = "Resources: {Load: {Type: AWS::Glue::Job, Properties: {Name: !Sub 'load-${AWS::StackName}'}}}"
    parent = "Resources: {Child: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: ./child.yaml}}%s}"
    found = read(
        {
            "a/main.yaml": parent % "",
            "a/child.yaml": child,
            "b/main.yaml": parent % ", Lake: {Type: AWS::S3::Bucket}",
            "b/child.yaml": child,
        }
    )

    assert [job.at.source for job in found.jobs] == ["a/child.yaml", "b/child.yaml"]
    assert len({job.name for job in found.jobs}) == 2


def test_a_nested_template_is_found_by_what_the_cdk_notes_of_its_assets():
    parent = {
        "Inner": {
            "Type": "AWS::CloudFormation::Stack",
            "Properties": {
                "TemplateURL": {"Fn::Join": ["", ["https://s3.", {"Ref": "AWS::Region"}, "/assets/0af3.json"]]},
                "Parameters": {"Lake": "lake"},
            },
        }
    }
    inner = {
        "Load": {
            "Type": "AWS::Glue::Job",
            "Properties": {"Name": "load", "DefaultArguments": {"--to": {"Fn::Sub": "s3://${Lake}/"}}},
        }
    }
    notes = {"files": {"0af3": {"source": {"path": "Inner.nested.template.json"}, "destinations": {}}, "odd": 1}}
    found = read(
        {
            "cdk.out/Outer.template.json": json.dumps({"Resources": parent}),
            "cdk.out/Inner.nested.template.json": json.dumps(
                {"Parameters": {"Lake": {"Type": "String"}}, "Resources": inner}
            ),
            "cdk.out/Outer.assets.json": json.dumps(notes),
        }
    )
    assert [job.properties["DefaultArguments"] for job in found.jobs] == [{"--to": "s3://lake/"}]
