"""From a survey to a graph: the one place where an import's parts come together.

tasks → nodes → what each reads and writes → whose each dataset is → links with evidence → the graph file, and the
questions that stay open. The same survey and answers give the same graph.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from pypedream_dagster.graph.files import parse_graph
from pypedream_dagster.graph.model import Json
from pypedream_dagster.importers.answers import Answers
from pypedream_dagster.importers.files import SourceFile
from pypedream_dagster.importers.finding import Imported
from pypedream_dagster.importers.inference.asking import Asking, Values
from pypedream_dagster.importers.inference.catalog import Catalog
from pypedream_dagster.importers.inference.clearing import made_anew
from pypedream_dagster.importers.inference.concern import of_concern
from pypedream_dagster.importers.inference.datasets import Datasets, datasets_of
from pypedream_dagster.importers.inference.document import graph_document_of
from pypedream_dagster.importers.inference.inquiry import (
    ask_about_homes,
    ask_about_names,
    ask_about_parameters,
    ask_about_scripts,
    ask_about_uses,
    ask_about_writers,
    settled_writes,
    told_location,
)
from pypedream_dagster.importers.inference.join import joined
from pypedream_dagster.importers.inference.links import Order, pairs_of
from pypedream_dagster.importers.inference.loose import scripts_in
from pypedream_dagster.importers.inference.nodes import Selection, Steps, steps_of
from pypedream_dagster.importers.inference.scripts import ENDINGS, Script, Scripts
from pypedream_dagster.importers.inference.stored import StoredFiles
from pypedream_dagster.importers.inference.uses import Blind, Use, likely_located, told_locations, uses_of
from pypedream_dagster.importers.parameters import filled
from pypedream_dagster.importers.survey import CrawlerDefinition, Survey


@dataclass(frozen=True, slots=True)
class Given:
    """All that an import starts from.

    Attributes:
        survey: of all sources.
        selection: what of it becomes nodes.
        answers: what people answered so far.
        files: among which jobs' scripts are looked for.
        variables: values of parameters, over those that sources declare.
        sources: what was read, for the record.
        requests: the same, for the next import to ask for it again.
    """

    survey: Survey
    selection: Selection = field(default_factory=Selection)
    answers: Answers = field(default_factory=Answers)
    files: Sequence[SourceFile] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    sources: Sequence[str] = ()
    requests: Sequence[Json] = ()

    def __add__(self, other: Given) -> Given:
        """Return both in one import, with this one's answers."""
        one, two = self.selection, other.selection
        return Given(
            self.survey + other.survey,
            Selection(one.flows | two.flows, one.all_jobs or two.all_jobs),
            self.answers,
            tuple({file.path: file for file in (*self.files, *other.files)}.values()),
            {**self.variables, **other.variables},
            (*self.sources, *other.sources),
            (*self.requests, *other.requests),
        )


def import_graph(given: Given) -> Imported:
    """Return the graph of what sources tell, with evidence and open questions; it is valid as it is."""
    found = _look(given)
    steps, asking = found.steps, found.asking
    reruns = {step.id: step.rerun_of for step in steps.steps if step.rerun_of}
    datasets = datasets_of(found.uses, found.catalog, lambda uri, _: asking.known("several-writers", uri), reruns)
    pairs = pairs_of(found.uses, Order(steps.order))
    concern = of_concern(steps, pairs)
    uses = [use for use in found.uses if use.node in concern]
    ask_about_scripts(asking, steps.steps, found.scripts, lambda: scripts_in(given.files), found.script_locations)
    ask_about_names(asking, steps.taken, steps.steps)
    ask_about_writers(asking, datasets, concern)
    ask_about_homes(asking, datasets)
    ask_about_uses(asking, steps.steps, uses, pairs)
    blind = settled_writes(asking, steps.steps, found.blind)
    linked = joined(steps, found.uses, pairs, datasets, asking)
    ask_about_parameters(asking, steps.steps, uses, found.script_locations)
    document = graph_document_of(steps.steps, datasets, linked, blind, found.values, given.survey.connections)
    document["graph"] = {
        "metadata": {
            "import": {
                "sources": list(given.sources),
                "requests": list(given.requests),
                "answers": asking.answered,
                "questions": [
                    {"id": item.id, "kind": item.kind, "about": item.about, "text": item.text}
                    for item in asking.questions
                ],
            }
        }
    }
    return Imported(
        graph=parse_graph(document, source="the imported graph"),
        links=linked.links,
        questions=asking.questions,
        answered=asking.answered,
        notes=(*steps.notes, *linked.notes, *_proposals(steps, datasets)),
        problems=tuple(dict.fromkeys(given.survey.problems)),
        sources=tuple(given.sources),
    )


def _proposals(steps: Steps, datasets: Datasets) -> Iterator[str]:
    """Propose what can be done about outputs that scripts name by literals."""
    jobs = {step.id for step in steps.steps if step.is_job}
    nodes = sorted({write.node for write in datasets.unmoved if write.can_be_rewritten and write.node in jobs})
    if nodes:
        shown = ", ".join(nodes[:5]) + (f" and {len(nodes) - 5} more" if len(nodes) > 5 else "")
        yield (
            f"No argument moves what {shown} write{'s' * (len(nodes) == 1)}: 'pypedream create-branch NODE BRANCH "
            "--rewrite-literals' shows the patch that takes the places from arguments."
        )


def wanted_tables(given: Given) -> tuple[tuple[str, str], ...]:
    """Return the catalog tables, as ``(database, table)``, that nodes use and whose location no source tells yet."""
    places = (use.place for use in _look(given).uses if use.place.kind == "table" and not use.is_located)
    return tuple(sorted({(place.segments[0], place.segments[-1]) for place in places if place.is_known}))


@dataclass(frozen=True, slots=True)
class _Found:
    steps: Steps
    scripts: Mapping[str, Script | None]
    script_locations: Mapping[str, str]
    catalog: Catalog
    uses: Sequence[Use]
    blind: Sequence[Blind]
    values: Mapping[str, str]
    asking: Asking


def _look(given: Given) -> _Found:
    asking = Asking(given.answers)
    values = Values(asking, given.variables, given.survey.values, StoredFiles(given.files).value)
    steps = _steps(given, values, asking)
    said = partial(asking.known, "unknown-job")
    scripts = Scripts(given.files, given.survey.scripts, values, said)
    of_step = scripts.of_all(steps.steps)
    catalog = Catalog(given.survey, values, lambda table: told_location(asking, table))
    for step in steps.steps:
        for table, location in told_locations(step, of_step.get(step.id), values):
            catalog.add(table, location)
    crawlers = _crawlers(given.survey, values)
    uses: list[Use] = []
    blind: list[Blind] = []
    for step in steps.steps:
        its_uses, its_blind = uses_of(
            step,
            of_step.get(step.id),
            catalog,
            values,
            lambda step, argument: asking.known("direction", f"{step.id} {argument}"),
            crawlers,
        )
        uses += made_anew(its_uses, step, of_step.get(step.id), values, catalog)
        blind += its_blind
    locations = {step.id: scripts.location(step) for step in steps.steps if step.is_job}
    return _Found(steps, of_step, locations, catalog, likely_located(uses), blind, values, asking)


def _steps(given: Given, values: Mapping[str, str], asking: Asking) -> Steps:
    def job_named(name: str) -> str | None:
        said = asking.known("unknown-job", name)
        return None if said is not None and said.lower().endswith(ENDINGS) else said  # a script: it stays what it is

    return steps_of(given.survey, given.selection, values, job_named)


def _crawlers(survey: Survey, values: Mapping[str, str]) -> Mapping[str, CrawlerDefinition]:
    found: dict[str, CrawlerDefinition] = {}
    for crawler in survey.crawlers:
        for name in (crawler.name, filled(crawler.name, values), *crawler.aliases):
            found.setdefault(name, crawler)
    return found
