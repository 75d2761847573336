"""What a template says, whoever wrote it: CloudFormation, SAM, the CDK, the Serverless Framework."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from pypedream_dagster.importers.files import SourceFile
from pypedream_dagster.importers.sources.cloudformation.documents import Lines, UnreadableError, read_document
from pypedream_dagster.importers.sources.cloudformation.loops import unrolled
from pypedream_dagster.importers.sources.cloudformation.pieces import read_pieces
from pypedream_dagster.importers.sources.cloudformation.placeholders import readable
from pypedream_dagster.importers.sources.cloudformation.plugins import plugin_resources, with_definition_files
from pypedream_dagster.importers.sources.cloudformation.serverless import Includes, Service, is_service
from pypedream_dagster.importers.sources.cloudformation.workflow_plugin import WORKFLOWS, workflow_resources
from pypedream_dagster.importers.survey import Problem, Where

_ENDINGS = (".json", ".yaml", ".yml", ".template", ".j2", ".jinja", ".jinja2", ".cfn", ".tpl", ".mustache", ".txt")
_CODE = (".py", ".tf", ".tfvars", ".tftpl", ".ts", ".js", ".md", ".sh")
_RESOURCE = re.compile(r"AWS::[A-Za-z0-9]+::[A-Za-z0-9]+")
_OURS = re.compile(r"AWS::(Glue|StepFunctions)::|AWS::Serverless::StateMachine")

_PLUGINS = re.compile(rf"^(?:(?:stepFunctions|Glue|resources)|\s+{WORKFLOWS}):", re.MULTILINE)
_FRAMEWORK = re.compile(r"\$\{(self|opt|sls|param|file)[:(]")
_MOST_PARTS = 9
_SECTIONS = ("Parameters", "Mappings", "Conditions", "Resources", "Outputs")
_LOOPING = {"Conditions", "Resources", "Outputs"}

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Template:
    """A template, in CloudFormation's terms.

    Attributes:
        path: of its file.
        parameters, mappings, conditions, resources, outputs: its sections, by logical id.
        places: where its resources stand.
        named_by_stack: whether it puts the stack's name into anything.
    """

    path: str
    parameters: Json = field(repr=False)
    mappings: Json = field(repr=False)
    conditions: Json = field(repr=False)
    resources: Mapping[str, Json] = field(repr=False)
    outputs: Json = field(repr=False)
    places: Mapping[str, Where] = field(repr=False)
    named_by_stack: bool = False

    def where(self, logical_id: str) -> Where:
        """Tell where a resource stands."""
        return self.places.get(logical_id) or Where(self.path, None, f"Resources.{logical_id}")


@dataclass(frozen=True, slots=True)
class _Document:
    """A file that may be a template, read.

    Attributes:
        ways: keys that lead to its resources, where these are not the usual ones.
    """

    file: SourceFile
    body: Json
    lines: Lines
    ways: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def read_templates(
    files: Sequence[SourceFile], variables: Mapping[str, str]
) -> tuple[tuple[Template, ...], tuple[Problem, ...]]:
    """Return the templates among some files; what looks like one and cannot be read is a problem."""
    problems: list[Problem] = []
    includes = Includes(files)
    read = [document for file in files if _may_be_one(file) and (document := _read(file, problems)) is not None]
    services = {
        document.file.path: Service(
            with_definition_files(document.body), variables, partial(includes.of, document.file)
        )
        for document in read
        if is_service(document.body)
    }
    documents = [_rendered(document, services) for document in read]
    found = [
        _template(document, includes.lines, variables)
        for document in documents
        if document.file.path not in includes.lines
    ]
    return tuple(template for template in found if template is not None), tuple(problems)


def _may_be_one(file: SourceFile) -> bool:
    return not file.name.lower().endswith(_CODE) and bool(_RESOURCE.search(file.text) or _PLUGINS.search(file.text))


def _read(file: SourceFile, problems: list[Problem]) -> _Document | None:
    text = readable(file.text)
    try:
        return _Document(file, *read_document(text))
    except UnreadableError as error:
        ours = _OURS.search(file.text) is not None and file.name.lower().endswith(_ENDINGS)
        body, lines = read_pieces(text)
        if _resources(body):
            if ours:
                problems.append(Problem(Where(file.path), f"is read piece by piece, and some may be missing: {error}"))
            return _Document(file, body, lines)
        if ours:
            problems.append(Problem(Where(file.path), f"cannot be read as a template: {error}"))
        return None


def _rendered(document: _Document, services: Mapping[str, Service]) -> _Document:
    """Return a service as the template that is made of it; what else uses a service's variables, with these put in."""
    path = document.file.path
    if path not in services:
        if not services or not _FRAMEWORK.search(document.file.text):
            return document
        nearest = max(services, key=lambda other: _shared_folders(other, path))
        return replace(document, body=services[nearest].rendered(document.body))
    service = services[path]
    told = ("resources", "stepFunctions", "Glue", "functions")
    parts = {key: service.rendered(service.document.get(key)) for key in told}
    workflows = service.rendered(_mapping(service.document.get("custom")).get(WORKFLOWS))
    body: dict[str, dict[str, Any]] = {name: {} for name in _SECTIONS}
    resources = parts["resources"]
    for part in resources if isinstance(resources, list) else [resources]:
        for name in _SECTIONS:
            body[name] |= _mapping(_mapping(part).get(name))
    ways: dict[str, tuple[str, ...]] = {}
    for logical_id, resource, ways[logical_id] in (*plugin_resources(parts), *workflow_resources(workflows)):
        body["Resources"][logical_id] = resource
    return replace(document, body=body, ways=ways)


def _shared_folders(one: str, other: str) -> tuple[int, int]:
    folders, others = one.split("/")[:-1], other.split("/")[:-1]
    return len(posixpath.commonprefix([folders, others])), -len(folders)


def _template(document: _Document, included: Mapping[str, Lines], variables: Mapping[str, str]) -> Template | None:
    body = document.body
    if not isinstance(body.get("Resources"), Mapping):
        body = {"Resources": body}  # a part that a larger template includes
    parameters = _mapping(body.get("Parameters"))
    sections = {
        name: _mapping(unrolled(body.get(name), parameters, variables) if name in _LOOPING else body.get(name))
        for name in _SECTIONS
    }
    resources = _resources(sections)
    if not resources:
        return None
    defaults = _mapping(_mapping(body.get("Globals")).get("StateMachine"))
    for name, resource in resources.items():
        if defaults and resource["Type"] == "AWS::Serverless::StateMachine":
            resources[name] = {**resource, "Properties": {**defaults, **_mapping(resource.get("Properties"))}}
    return Template(
        path=document.file.path,
        parameters=parameters,
        mappings=sections["Mappings"],
        conditions=sections["Conditions"],
        resources=resources,
        outputs=sections["Outputs"],
        places={name: _place(document, name, included) for name in resources},
        named_by_stack="AWS::StackName" in document.file.text,
    )


def _place(document: _Document, logical_id: str, included: Mapping[str, Lines]) -> Where:
    """Tell where a resource stands: in the template, or in what it includes."""
    part = f"Resources.{logical_id}"
    ways = [document.ways.get(logical_id, ("resources", "Resources", logical_id))]
    ways += [("resources", str(number), "Resources", logical_id) for number in range(_MOST_PARTS)]
    inside = document.ways or isinstance(document.body.get("Resources"), Mapping)
    for path, lines in ((document.file.path, document.lines), *(included.items() if inside else ())):
        for way in ways:
            for start in range(len(way)):
                if way[start:] in lines:
                    return Where(path, lines[way[start:]], part)
    return Where(document.file.path, None, part)


def _resources(section: Json) -> dict[str, Json]:
    return {
        name: resource
        for name, resource in _mapping(section.get("Resources")).items()
        if isinstance(resource, Mapping) and isinstance(resource.get("Type"), str) and "::" in resource["Type"]
    }


def _mapping(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {}
