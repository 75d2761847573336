"""What a template says, whoever wrote it: CloudFormation, SAM, the CDK, the Serverless Framework."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pypedream_dagster.importers.cloudformation.documents import Lines, UnreadableError, read_document
from pypedream_dagster.importers.cloudformation.loops import unrolled
from pypedream_dagster.importers.cloudformation.pieces import read_pieces
from pypedream_dagster.importers.cloudformation.placeholders import of_serverless, readable
from pypedream_dagster.importers.cloudformation.serverless import plugin_resources
from pypedream_dagster.importers.files import SourceFile
from pypedream_dagster.importers.survey import Problem, Where

_ENDINGS = (".json", ".yaml", ".yml", ".template", ".j2", ".jinja", ".jinja2", ".cfn", ".tpl", ".mustache", ".txt")
_CODE = (".py", ".tf", ".tfvars", ".tftpl", ".ts", ".js", ".md", ".sh")
_RESOURCE = re.compile(r"AWS::[A-Za-z0-9]+::[A-Za-z0-9]+")
_OURS = re.compile(r"AWS::(Glue|StepFunctions)::|AWS::Serverless::StateMachine")

_PLUGINS = re.compile(r"^(stepFunctions|Glue):", re.MULTILINE)
_SECTIONS = ("Parameters", "Mappings", "Conditions", "Resources", "Outputs")
_LOOPING = {"Conditions", "Resources", "Outputs"}

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Template:
    """A template, in CloudFormation's terms.

    Attributes:
        path: of its file.
        parameters, mappings, conditions, resources, outputs: its sections, by logical id.
        lines: where its resources stand, from 1.
        named_by_stack: whether it puts the stack's name into anything.
    """

    path: str
    parameters: Json = field(repr=False)
    mappings: Json = field(repr=False)
    conditions: Json = field(repr=False)
    resources: Mapping[str, Json] = field(repr=False)
    outputs: Json = field(repr=False)
    lines: Mapping[str, int] = field(repr=False)
    named_by_stack: bool = False

    def where(self, logical_id: str) -> Where:
        """Tell where a resource stands."""
        return Where(self.path, self.lines.get(logical_id), f"Resources.{logical_id}")


def read_templates(
    files: Sequence[SourceFile], variables: Mapping[str, str]
) -> tuple[tuple[Template, ...], tuple[Problem, ...]]:
    """Return the templates among some files; what looks like one and cannot be read is a problem."""
    found: list[Template] = []
    problems: list[Problem] = []
    for file in files:
        if file.name.lower().endswith(_CODE) or not (_RESOURCE.search(file.text) or _PLUGINS.search(file.text)):
            continue
        try:
            template = _read(file, variables, problems)
        except UnreadableError as error:
            if _OURS.search(file.text) and file.name.lower().endswith(_ENDINGS):
                problems.append(Problem(Where(file.path), f"cannot be read as a template: {error}"))
            continue
        if template is not None:
            found.append(template)
    return tuple(found), tuple(problems)


def _read(file: SourceFile, variables: Mapping[str, str], problems: list[Problem]) -> Template | None:
    text = readable(file.text)
    try:
        document, lines = read_document(text)
    except UnreadableError as error:
        document, lines = read_pieces(text)
        if not any(_resources(section) for _, section in _sections(document)):
            raise
        if _OURS.search(file.text):
            problems.append(Problem(Where(file.path), f"is read piece by piece, and some may be missing: {error}"))
    return _template(file, document, lines, variables)


def _template(file: SourceFile, document: Json, lines: Lines, variables: Mapping[str, str]) -> Template | None:
    sections: dict[str, dict[str, Any]] = {name: {} for name in _SECTIONS}
    places: dict[str, int] = {}
    for at, section in _sections(document):
        if at:
            section = of_serverless(section, document, variables)
        parameters = {**sections["Parameters"], **_mapping(section.get("Parameters"))}
        for name in _SECTIONS:
            content = _mapping(section.get(name))
            if name in _LOOPING:
                content = unrolled(content, parameters, variables)
            sections[name] |= content
        for logical_id in _mapping(section.get("Resources")):
            line = lines.get((*at, "Resources", logical_id)) or lines.get((*at, logical_id))
            if line is not None:
                places[logical_id] = line
    for logical_id, resource, at in plugin_resources(document):
        sections["Resources"][logical_id] = of_serverless(resource, document, variables)
        if at in lines:
            places[logical_id] = lines[at]
    resources = _resources(sections)
    if not resources:
        return None
    defaults = _mapping(_mapping(document.get("Globals")).get("StateMachine"))
    if defaults:
        resources = {
            name: {**resource, "Properties": {**defaults, **_mapping(resource.get("Properties"))}}
            if resource["Type"] == "AWS::Serverless::StateMachine"
            else resource
            for name, resource in resources.items()
        }
    return Template(
        path=file.path,
        parameters=sections["Parameters"],
        mappings=sections["Mappings"],
        conditions=sections["Conditions"],
        resources=resources,
        outputs=sections["Outputs"],
        lines=places,
        named_by_stack="AWS::StackName" in file.text,
    )


def _sections(document: Json) -> Iterator[tuple[tuple[str, ...], Json]]:
    """Give what has the form of a template in a document, with the path to it."""
    if isinstance(document.get("Resources"), Mapping):
        yield (), document
        return
    extra = document.get("resources")
    for at, part in enumerate(extra) if isinstance(extra, list) else [(-1, extra)]:
        if isinstance(part, Mapping):
            yield ("resources",) if at < 0 else ("resources", str(at)), part
    if not isinstance(extra, list | Mapping) and _resources({"Resources": document}):
        yield (), {"Resources": document}  # a part that a larger template includes


def _resources(section: Json) -> dict[str, Json]:
    return {
        name: resource
        for name, resource in _mapping(section.get("Resources")).items()
        if isinstance(resource, Mapping) and isinstance(resource.get("Type"), str) and "::" in resource["Type"]
    }


def _mapping(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {}
