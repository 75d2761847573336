"""What holds for all templates: none breaks the reader, and every spelling of a value says the same."""

from __future__ import annotations

import json
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pypedream_dagster.importers.files import SourceFile
from pypedream_dagster.importers.sources.cloudformation import survey

_words = st.text(alphabet="abcdefghij-_/.", min_size=1, max_size=12)
_texts = st.one_of(_words, st.sampled_from(["true", "no", "1.50", "007", "2024-01-01", "", "a: b", "é", "{}", "null"]))

_PARTS = [
    "Resources",
    "Parameters",
    "Conditions",
    "Mappings",
    "Outputs",
    "Properties",
    "Type",
    "Default",
    "Condition",
    "AWS::Glue::Job",
    "AWS::Glue::Trigger",
    "AWS::Glue::Workflow",
    "AWS::Glue::Table",
    "AWS::Glue::Crawler",
    "AWS::StepFunctions::StateMachine",
    "AWS::CloudFormation::Stack",
    "AWS::SSM::Parameter",
    "AWS::S3::Bucket",
    "Ref",
    "Fn::Sub",
    "Fn::Join",
    "Fn::If",
    "Fn::GetAtt",
    "Fn::FindInMap",
    "Fn::Select",
    "Fn::Split",
    "Fn::Equals",
    "Fn::ImportValue",
    "Fn::ForEach::X",
    "Fn::Transform",
    "Export",
    "Name",
    "Value",
    "Command",
    "ScriptLocation",
    "DefaultArguments",
    "Definition",
    "DefinitionString",
    "DefinitionUri",
    "DefinitionSubstitutions",
    "TemplateURL",
    "Actions",
    "Predicate",
    "Targets",
    "TableInput",
    "StorageDescriptor",
    "Location",
    "Metadata",
    "Globals",
    "A",
    "B",
    "${A}",
    "${A.B}",
    "./template.yaml",
    "AWS::NoValue",
    "AWS::StackName",
    "{{resolve:ssm:A}}",
    "resources",
]
_leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.sampled_from(_PARTS), st.text(max_size=5))
_documents = st.recursive(
    _leaves,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(_PARTS), inner, max_size=5)),
    max_leaves=40,
)
_resources = st.dictionaries(
    st.sampled_from(["A", "B", "C"]),
    st.fixed_dictionaries(
        {"Type": st.sampled_from([part for part in _PARTS if part.startswith("AWS::")])},
        optional={"Properties": _documents, "Condition": _documents, "Metadata": _documents},
    ),
)
_templates = st.fixed_dictionaries(
    {"Resources": _resources},
    optional=dict.fromkeys(("Parameters", "Conditions", "Mappings", "Outputs", "Globals"), _documents),
)


def _file(text: str, path: str = "template.yaml") -> SourceFile:
    return SourceFile(path, text, text.encode(errors="replace"))


@given(st.one_of(_documents, _templates), _templates)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_document_breaks_the_reader(one: Any, other: Any):
    found = survey([_file(json.dumps(one)), _file(yaml.safe_dump(other), "other.yaml")], {"A": "x"})

    assert all(isinstance(job.name, str) and job.name for job in found.jobs)


_SYNTAX = [
    "!Sub ",
    "!Ref",
    ": ",
    "\n",
    "\n  ",
    "- ",
    "&a ",
    "*a",
    "{{ x }}",
    "{% if %}",
    "<<: ",
    "|",
    '"',
    "{",
    "[",
    "\t",
]


@given(st.lists(st.one_of(st.sampled_from([*_PARTS, *_SYNTAX]), st.text(max_size=3))))
@settings(max_examples=80, deadline=None)
def test_no_text_breaks_the_reader(parts: list[str]):
    survey([_file("Resources:\n  A: {Type: AWS::Glue::Job}\n" + "".join(parts)), _file("".join(parts), "b.json")], {})


def test_what_nests_or_unfolds_without_end_is_a_problem():
    bomb = "a: &a0 [x, x]\n" + "".join(f"b{n}: &a{n + 1} [*a{n}, *a{n}, *a{n}]\n" for n in range(40))
    names = "".join(
        f'  B{n}: {{Type: AWS::S3::Bucket, Properties: {{BucketName: !Sub "${{B{n + 1}}}${{B{n + 1}}}"}}}}\n'
        for n in range(60)
    )
    job = "Resources:\n  J: {Type: AWS::Glue::Job, Properties: {Name: !Ref B0}}\n"
    for text in (
        job + bomb,
        job + names,
        job + "x: " + "[" * 5_000,
        '{"Resources": {"J": {"Type": "AWS::Glue::Job", "x": ' + "[" * 100_000,
        '{"Resources": {"J": {"Type": "AWS::Glue::Job", "x": ' + "[" * 500 + "]" * 500 + "}}}",
        job + "x: &x [*x]\n",
    ):
        found = survey([_file(text)], {})
        assert found.jobs or found.problems


@st.composite
def _jobs(draw: st.DrawFn) -> dict[str, dict[str, str]]:
    names = st.from_regex(r"[A-Za-z][A-Za-z0-9]{0,15}", fullmatch=True)
    arguments = st.dictionaries(_words.map(lambda word: f"--{word}"), _texts, max_size=4)
    return draw(st.dictionaries(names, arguments, min_size=1, max_size=5))


def _spelt(draw: st.DrawFn, value: str, parameters: dict[str, Any], mappings: dict[str, Any]) -> Any:
    """Write a text in one of the ways that CloudFormation has for it."""
    cut = draw(st.integers(0, len(value)))
    name = f"P{len(parameters) + len(mappings)}"
    match draw(st.integers(0, 6)):
        case 0:
            return {"Fn::Join": ["", [value[:cut], value[cut:]]]}
        case 1:
            return {"Fn::Sub": value}
        case 2:
            return {"Fn::Sub": [value[:cut] + "${X}", {"X": value[cut:]}]}
        case 3:
            return {"Fn::Select": [1, ["no", value]]}
        case 4:
            mappings[name] = {"a": {"b": value}}
            return {"Fn::FindInMap": [name, "a", "b"]}
        case 5:
            parameters[name] = {"Type": "String", "Default": value}
            return {"Fn::If": ["Yes", value, {"Ref": name}]}
    return value


@given(_jobs(), st.data())
@settings(max_examples=100, deadline=None)
def test_jobs_come_back_from_every_spelling(jobs: dict[str, dict[str, str]], data: st.DataObject):
    parameters: dict[str, Any] = {"On": {"Type": "String", "Default": "yes"}}
    mappings: dict[str, Any] = {}
    spell = data.draw(st.composite(lambda draw: lambda text: _spelt(draw, text, parameters, mappings))())
    template = {
        "Parameters": parameters,
        "Mappings": mappings,
        "Conditions": {"Yes": {"Fn::Equals": [{"Ref": "On"}, "yes"]}},
        "Resources": {
            f"Job{number}": {
                "Type": "AWS::Glue::Job",
                "Properties": {
                    "Name": spell(name),
                    "DefaultArguments": {key: spell(value) for key, value in arguments.items()},
                },
            }
            for number, (name, arguments) in enumerate(jobs.items())
        },
    }
    as_yaml = yaml.safe_dump(template, default_style=data.draw(st.sampled_from([None, '"'])), allow_unicode=True)
    text = data.draw(st.sampled_from([json.dumps(template), json.dumps(template, indent=2), as_yaml, _short(template)]))
    found = survey([_file(text)], {})

    assert {job.name: dict(job.properties["DefaultArguments"]) for job in found.jobs} == jobs
    assert found.problems == ()
    for job in found.jobs:
        assert job.at.line is not None
        assert job.aliases[0] in text.splitlines()[job.at.line - 1]


class _Short(yaml.SafeDumper):
    """Writes functions as tags."""


def _represent(dumper: _Short, value: dict[str, Any]) -> yaml.Node:
    if len(value) == 1:
        ((name, argument),) = value.items()
        if name == "Ref" or name.startswith("Fn::"):
            tag = "!" + name.removeprefix("Fn::")
            if isinstance(argument, list):
                return dumper.represent_sequence(tag, argument)
            return dumper.represent_scalar(tag, argument, style='"')
    return dumper.represent_mapping("tag:yaml.org,2002:map", value.items())


_Short.add_representer(dict, _represent)


def _short(template: dict[str, Any]) -> str:
    return yaml.dump(template, Dumper=_Short, allow_unicode=True)
