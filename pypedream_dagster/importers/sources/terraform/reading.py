"""Terraform files, among whatever files are given, to a `Survey`."""

from __future__ import annotations

import posixpath
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pypedream_dagster.importers.files import SourceFile
from pypedream_dagster.importers.parameters import filled, parameter
from pypedream_dagster.importers.sources.glue_workflow import trigger_flows, workflow_flow
from pypedream_dagster.importers.sources.terraform import resources as read
from pypedream_dagster.importers.sources.terraform.elsewhere import meant_by
from pypedream_dagster.importers.sources.terraform.entities import Called, Resource
from pypedream_dagster.importers.sources.terraform.expressions import Constant
from pypedream_dagster.importers.sources.terraform.instances import Instance
from pypedream_dagster.importers.sources.terraform.modules import World, read_world
from pypedream_dagster.importers.sources.terraform.plans import resolved_resources
from pypedream_dagster.importers.sources.terraform.values import EvaluationError, FileText, Unknown, text_of
from pypedream_dagster.importers.survey import FunctionDefinition, JobDefinition, Problem, Survey, Where

if TYPE_CHECKING:
    from pypedream_dagster.importers.sources.step_functions.documents import Machine

_OBJECTS = {"aws_s3_object", "aws_s3_bucket_object"}
_ARCHIVE = "archive_file"
_READ = {
    "aws_lambda_function",
    "aws_glue_job",
    "aws_glue_trigger",
    "aws_glue_workflow",
    "aws_glue_crawler",
    "aws_glue_catalog_database",
    "aws_glue_catalog_table",
    "aws_glue_connection",
    "aws_sfn_state_machine",
    "aws_scheduler_schedule",
    *_OBJECTS,
}
_MOST_INSTANCES = 3000


@dataclass(frozen=True, slots=True)
class Found:
    """A resource with its contents, wherever it was read.

    Attributes:
        folders: from which its paths are seen.
    """

    kind: str
    address: str
    contents: Mapping[str, Any] = field(repr=False)
    at: Where
    folders: tuple[str, ...] = ("",)


@dataclass(frozen=True, slots=True)
class _Upload:
    """A file that is put on S3."""

    bucket: str
    key: str
    path: str | None
    content: str | None


def survey(files: Sequence[SourceFile], variables: Mapping[str, str]) -> Survey:
    """Return what the Terraform files among some files tell; of others those that these mean are read."""
    world = read_world(files, variables)
    found: list[Found] = []
    problems = [Problem(Where(place), what) for place, what in world.remarks]
    for file in files:
        if file.path.endswith((".json", ".tfstate")) and (resolved := resolved_resources(file)) is not None:
            found += [
                Found(kind, address, contents, Where(file.path, None, address))
                for kind, address, contents in resolved
                if kind in _READ
            ]
    try:
        found += _declared(world, problems)
    except RecursionError:
        problems.append(Problem(Where(files[0].path), "Terraform's references go too deep"))
    problems += _assumptions(world)
    bodies = {file.path: file.body for file in files}
    return _survey(found, world, bodies) + Survey(problems=(*problems, *_faults(world)))


def _declared(world: World, problems: list[Problem]) -> Iterator[Found]:
    for instance in _instances(world):
        folders = ("", instance.root.folder, instance.module.folder)
        for (kind, name), block in sorted(instance.module.resources.items(), key=lambda item: item[1].line):
            if kind not in _READ:
                continue
            turns = instance.entities(instance.module.resources, "", kind, name)
            for resource in _each(turns, Resource):
                at = Where(block.path, block.line, resource.address)
                try:
                    yield Found(kind, resource.address, resource.contents(), at, folders)
                except (EvaluationError, RecursionError) as error:
                    problems.append(Problem(at, f"cannot be read: {error}"))
        for kind, name in instance.module.data:
            if kind == _ARCHIVE:
                for archive in _each(instance.entities(instance.module.data, "data.", kind, name), Resource):
                    at = Where(archive.block.path, archive.block.line, archive.address)
                    yield Found(kind, archive.address, archive.contents(), at, folders)
        for name, call in instance.module.calls.items():
            for _, called in instance.children(name, call):
                if called.instance is None and (meant := _meant(called)):
                    yield Found(
                        meant[0], called.address, meant[1], Where(call.path, call.line, called.address), folders
                    )


def _meant(called: Called) -> tuple[str, dict[str, Any]] | None:
    source = called.block.body.attributes.get("source")
    text = text_of(source.value) if isinstance(source, Constant) else ""
    return meant_by(text, called.contents())


def _instances(world: World) -> Iterator[Instance]:
    waiting = [Instance(world, module, module) for module in world.roots]
    for number, instance in enumerate(waiting):
        if number > _MOST_INSTANCES:
            return
        yield instance
        for name, call in instance.module.calls.items():
            waiting += [called.instance for _, called in instance.children(name, call) if called.instance]


def _each(value: Any, kind: type[Resource]) -> list[Resource]:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, kind)]


def _assumptions(world: World) -> Iterator[Problem]:
    for name, taken in sorted(world.budget.assumed.items()):
        what = f"is not known: what is set for {taken} is taken; --variables FILE with {name} takes others"
        yield Problem(Where(name), what)


def _faults(world: World) -> Iterator[Problem]:
    """Give what could not be read in blocks that were looked at, each file once."""
    told: set[str] = set()
    for module in world.modules.values():
        for block in module.blocks:
            if not isinstance(block.source, str) and block.source.faults and block.path not in told:
                told.add(block.path)
                fault = block.source.faults[0]
                yield Problem(Where(block.path, fault.line), f"a part is not read: {fault.what}")


def _survey(found: Sequence[Found], world: World, bodies: Mapping[str, bytes]) -> Survey:
    values = world.values
    uploads = [_upload(one, world) for one in found if one.kind in _OBJECTS]
    survey = Survey()
    jobs: list[tuple[Found, JobDefinition]] = []
    for one in found:
        raw, address, at = one.contents, one.address, one.at
        match one.kind:
            case "aws_glue_job":
                jobs.append((one, read.job_definition(raw, address, at, values)))
            case "aws_glue_catalog_table":
                entry = read.table(raw, address, at)
                survey += Survey(tables=(entry,) if entry else ())
            case "aws_glue_catalog_database" if raw.get("location_uri"):
                survey += Survey(databases={read.name_of(raw, address): text_of(raw["location_uri"])})
            case "aws_glue_crawler":
                aliases = (address, parameter(address))
                survey += Survey(crawlers=(replace(read.crawler(raw, address, at), aliases=aliases),))
            case "aws_glue_connection":
                survey += Survey(connections=(read.connection(raw, address, at),))
    survey += _jobs(jobs, uploads, values, bodies)
    survey += Survey(functions=tuple(_functions(found, world)))
    survey += _machines([one for one in found if one.kind == "aws_sfn_state_machine"])
    return survey + _flows(found, values) + Survey(values=values)


def _jobs(
    jobs: Sequence[tuple[Found, JobDefinition]],
    uploads: Sequence[_Upload],
    values: Mapping[str, str],
    bodies: Mapping[str, bytes],
) -> Survey:
    labels = Counter(_label(one.address) for one, _ in jobs)
    made: dict[tuple[str, str], JobDefinition] = {}
    scripts: dict[str, bytes] = {}
    for one, job in jobs:
        aliases = [one.address, parameter(one.address)]
        if labels[_label(one.address)] == 1:
            aliases.append(_label(one.address))
        location = job.properties["Command"].get("ScriptLocation", "")
        upload = _uploaded(location, uploads, values)
        script = upload.path if upload else None
        if script is not None and script in bodies:
            scripts[script] = bodies[script]
        elif upload and upload.content is not None:
            scripts[location] = upload.content.encode(errors="replace")
        told = replace(
            job, aliases=tuple(dict.fromkeys(alias for alias in aliases if alias != job.name)), script=script
        )
        made.setdefault((job.name, str(sorted(job.properties.items(), key=lambda item: item[0]))), told)
    return Survey(jobs=tuple(made.values()), scripts=scripts)


def _label(address: str) -> str:
    return address.partition("[")[0].rpartition(".")[2]


def _upload(one: Found, world: World) -> _Upload:
    raw = one.contents
    source = raw.get("source")
    path = None
    if isinstance(source, str):
        path = world.file(filled(source, world.values), *one.folders)
    content = raw.get("content")
    if isinstance(content, FileText) and content == world.texts.get(content.path):
        path, content = content.path, None
    return _Upload(
        text_of(raw.get("bucket")), text_of(raw.get("key")), path, content if isinstance(content, str) else None
    )


def _uploaded(location: str, uploads: Sequence[_Upload], values: Mapping[str, str]) -> _Upload | None:
    """Return what is uploaded to where a script is said to lie."""
    wanted = filled(location, values)
    bucket, _, key = wanted.partition("://")[2].partition("/")
    alike = [one for one in uploads if key and filled(one.key, values).lstrip("/") == key.lstrip("/")]
    exact = [one for one in alike if filled(one.bucket, values) == bucket]
    if exact or len(alike) == 1:
        return (exact or alike)[0]
    return None


def _functions(found: Sequence[Found], world: World) -> Iterator[FunctionDefinition]:
    """Give the Lambda functions, each with the file or folder that its archive is made of."""
    archives = {
        key: one
        for one in found
        if one.kind == _ARCHIVE
        for key in (parameter(f"{one.address}.output_path"), text_of(one.contents.get("output_path")))
    }
    for one in found:
        if one.kind == "aws_lambda_function":
            archive = archives.get(text_of(one.contents.get("filename")))
            raw = one.contents if archive is None else archive.contents
            source = next((raw[key] for key in ("source_file", "source_dir", "source_path") if raw.get(key)), "")
            yield read.function(one.contents, one.address, one.at, _given(text_of(source), one.folders, world))


def _given(place: str, folders: Sequence[str], world: World) -> str:
    """Return the file or folder among those given that a path means, seen from some folders; empty for none."""
    if not place:
        return ""
    if (path := world.file(place, *folders)) is not None:
        return path
    for folder in folders:
        below = posixpath.normpath(posixpath.join(folder, place))
        if any(path.startswith(f"{below}/") for path in world.texts):
            return below
    return ""


def _machines(found: Sequence[Found]) -> Survey:
    from pypedream_dagster.importers.sources.step_functions.sources import machine_of, surveyed

    machines: list[Machine] = []
    problems: list[Problem] = []
    for one in found:
        name = _machine_name(one)
        given = one.contents.get("definition")
        told = _alternatives(given)
        for definition in told:
            place = Where(definition.path, None, one.address) if isinstance(definition, FileText) else one.at
            machine = machine_of(definition, name, place, {})
            if machine is None:
                problems.append(Problem(place, f"the definition of state machine {name} cannot be read"))
            else:
                machines.append(replace(machine, names=(one.address,)))
        known = given.name if isinstance(given, Unknown) else ""
        if not told:
            problems.append(Problem(one.at, "its definition is not among the files given" + f": {known}" * bool(known)))
        elif len(told) > 1:
            by = known.partition("?")[0]
            what = (
                f"{by} decides which of {len(told)} definitions it has: all are read, its value in --variables decides"
            )
            problems.append(Problem(one.at, what))
    return surveyed(machines) + Survey(problems=tuple(problems))


def _alternatives(definition: Any) -> list[str | dict[str, Any]]:
    """Return a definition, or those of which it is one by what is not known: a machine may be any of them."""
    if isinstance(definition, Unknown):
        return [one for option in definition.options for one in _alternatives(option)]
    return [definition] if isinstance(definition, str | dict) and definition else []


def _machine_name(one: Found) -> str:
    name = one.contents.get("name") or one.contents.get("name_prefix")
    return text_of(name) if name is not None else parameter(one.address)


def _flows(found: Sequence[Found], values: Mapping[str, str]) -> Survey:
    """Return the flows of Glue workflows, whose triggers may stand elsewhere, and of triggers outside of any."""
    triggers: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    names: dict[str, str] = {}
    places: dict[str, Where] = {}
    properties: dict[str, dict[str, str]] = {}
    for one in found:
        if one.kind == "aws_glue_workflow":
            name = text_of(one.contents.get("name") or parameter(one.address))
            key = filled(name, values)
            names[key], places[key] = name, one.at
            properties[key] = read.texts(one.contents.get("default_run_properties"))
        elif one.kind in {"aws_glue_trigger", "aws_scheduler_schedule"}:
            is_trigger = one.kind == "aws_glue_trigger"
            made = read.trigger(one.contents, one.address) if is_trigger else read.scheduled(one.contents, one.address)
            if made is None:
                continue
            name = str(made.get("WorkflowName") or "")
            key = filled(name, values)
            triggers[key].append(made)
            names.setdefault(key, name)
            places.setdefault(key, one.at)
    survey = Survey()
    for key, name in names.items():
        if key:
            survey += workflow_flow(name, triggers[key], at=places[key], run_properties=properties.get(key, {}))
        else:
            survey += trigger_flows(triggers[key], at=places[key])
    return survey
