"""What an import does not know, put as questions that a person can answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from pypedream_dagster.importers.finding import IGNORE
from pypedream_dagster.importers.inference.asking import Asking
from pypedream_dagster.importers.inference.datasets import Datasets
from pypedream_dagster.importers.inference.links import Pair
from pypedream_dagster.importers.inference.nodes import GLUES_OWN, Step
from pypedream_dagster.importers.inference.places import is_of_run
from pypedream_dagster.importers.inference.scripts import Script
from pypedream_dagster.importers.inference.templates import BRANCHES, dataset_fields
from pypedream_dagster.importers.inference.uses import Blind, Use
from pypedream_dagster.importers.parameters import parameters_in
from pypedream_dagster.importers.survey import Where

_MOST_USERS = 3
_MOST_SCRIPTS = 8
_MANY_TABLES = 3
_TABLE = "{table}"


def ask_about_scripts(
    asking: Asking,
    steps: Iterable[Step],
    scripts: Mapping[str, Script | None],
    scripts_given: Callable[[], Sequence[str]],
    locations: Mapping[str, str],
) -> None:
    """Ask for jobs that are defined nowhere, and for scripts that are missing or cannot be read.

    Args:
        asking: takes the questions.
        steps: the nodes.
        scripts: of the nodes.
        scripts_given: gives the files that are scripts of jobs: one may be an unknown job's.
        locations: where nodes' jobs say that their scripts lie.
    """
    jobs = [step for step in steps if step.is_job]
    nowhere = [step for step in jobs if step.job is None and not parameters_in(step.name)]
    taken = {script.path for script in scripts.values() if script is not None}
    lost = any(scripts.get(step.id) is None for step in nowhere)
    free = [path for path in scripts_given() if path not in taken] if lost else []
    for step in jobs:
        script = scripts.get(step.id)
        if step in nowhere and not _tells_all(step, script):
            own = f", or its script: {_and(free[:_MOST_SCRIPTS], 'or')}" if free and script is None else ""
            _ask_about_job(asking, step, script, own)
        elif script is not None and script.guessed:
            _ask_about_script(asking, step, f"was not found{_guess(script)}", "Add the right one to the sources, or")
        if script is not None and (fault := script.reading.unreadable) is not None:
            why = f"cannot be read to its end, for {fault.reason}: only its arguments tell what it reads and writes"
            what = "Look through it, add what is missing to the graph, and"
            _ask_about_script(asking, step, why, what, (Where(script.path, fault.line),))
    _ask_for_missing(
        asking, [step for step in jobs if step.job is not None and scripts.get(step.id) is None], locations
    )


def _ask_for_missing(asking: Asking, steps: Sequence[Step], locations: Mapping[str, str]) -> None:
    """Ask for scripts that were not found: for one that several jobs share once."""
    by_place: defaultdict[str, list[Step]] = defaultdict(list)
    for step in steps:
        by_place[locations.get(step.id) or step.name].append(step)
    for place, of_place in by_place.items():
        if parameters_in(place.rpartition("/")[2]) and place != of_place[0].name:
            continue  # what it is called is asked for
        names = list(dict.fromkeys(step.name for step in of_place))
        one = len(names) == 1
        asking.ask(
            "unreadable-script",
            names[0] if one else place,
            f"The script of {_and(names)} was not found: only {'its' if one else 'their'} arguments tell what "
            f"{'it reads and writes' if one else 'they read and write'}. Add it to the sources, or answer {IGNORE!r}.",
            node=of_place[0].id,
            at=of_place[0].at,
        )


def _ask_about_job(asking: Asking, step: Step, script: Script | None, own: str) -> None:
    if script is not None and script.guessed:
        why, own = f"defined in none of the sources{_guess(script)}", ", or its script"
    else:
        why = "defined in none of the sources: what it reads and writes by default is not known"
    asking.ask(
        "unknown-job",
        step.name,
        f"The Glue job {step.name} is {why}. Which job is it (the name of one that is defined{own}), or add its "
        "definition to the sources.",
        node=step.id,
        at=step.at,
    )


def _ask_about_script(asking: Asking, step: Step, why: str, what: str, at: Sequence[Where] = ()) -> None:
    asking.ask(
        "unreadable-script",
        step.name,
        f"The script of {step.name} {why}. {what} answer {IGNORE!r}.",
        node=step.id,
        at=at or step.at,
    )


def _guess(script: Script) -> str:
    return f": {script.path} is taken for its script, since their names are alike"


def _tells_all(step: Step, script: Script | None) -> bool:
    """Tell whether a script was found for a job, and its run gives it all that it asks for."""
    if script is None or script.guessed or script.reading.unreadable is not None:
        return False
    given = {name.lstrip("-") for name in step.effective}
    return all(name in given or f"--{name}".lower() in GLUES_OWN for name in script.reading.declared)


def ask_about_names(asking: Asking, taken: Mapping[str, str], steps: Sequence[Step]) -> None:
    """Ask whether a job that is defined is the one that tasks call otherwise."""
    for called, name in sorted(taken.items()):
        step = next(step for step in steps if step.name == name)
        asking.ask(
            "unknown-job",
            called,
            f"The Glue job {called} is defined in none of the sources. {name} is taken for it, whose name has the "
            "same words, but for such as dev and job, or more before or after them. Which job is it (the name of one "
            "that is defined)?",
            node=step.id,
            at=step.at,
        )


def ask_about_writers(asking: Asking, datasets: Datasets, concern: Collection[str]) -> None:
    """Ask whose a dataset is that several nodes write, where one of them is of concern."""
    for uri, nodes in sorted(datasets.contested.items()):
        if not any(node in concern for node in nodes):
            continue
        several = sorted(set(nodes))
        asking.ask(
            "several-writers",
            uri,
            f"{uri} is written by {_and(several)}: which of them makes the dataset? {nodes[0]} is taken for it, and "
            "a branch that runs another of them is refused.",
            choices=several,
            node=nodes[0],
        )


def ask_about_uses(asking: Asking, steps: Sequence[Step], uses: Sequence[Use], pairs: Sequence[Pair]) -> None:
    """Ask for directions that no name and no call tells, and for locations of tables."""
    at = {step.id: step.at for step in steps}
    taken = {pair.read for pair in pairs}
    for use in uses:
        called, several = use.argument or use.at, " and " in use.at
        if use.direction == "unknown":
            guess = "; since another node writes there, it is taken for read" if use in taken else ""
            asking.ask(
                "direction",
                f"{use.node} {called}",
                f"Does {use.node} read or write {use.value}, which its argument"
                f"{'s' * several} {called} name{'s' * (not several)}? Neither its script nor the name tells{guess}.",
                node=use.node,
                at=at[use.node],
            )
    tables: defaultdict[str, set[str]] = defaultdict(set)
    for use in uses:
        if use.place.kind == "table" and not use.is_located and use.place.is_known:
            tables[use.place.text].add(use.node)
    _ask_about_tables(asking, tables)


def _ask_about_tables(asking: Asking, tables: Mapping[str, set[str]]) -> None:
    """Ask where tables lie, of a database with several of them only once."""
    databases: defaultdict[str, list[str]] = defaultdict(list)
    for table in sorted(tables):
        databases[table.partition(".")[0]].append(table)
    for database, its in sorted(databases.items()):
        if len(its) < _MANY_TABLES:
            for table in its:
                users = sorted(tables[table])
                asking.ask(
                    "unknown-table",
                    table,
                    f"Where does the table {table} lie (an S3 URI)? {_and(users)} use{'s' * (len(users) == 1)} it.",
                )
            continue
        names = [table.partition(".")[2] for table in its]
        asking.ask(
            "unknown-table",
            f"{database}.*",
            f"Where do the tables of {database} lie: {_and(names)}? Answer with the folder (an S3 URI) that holds a "
            f"folder of each one's name, or with a URI in which {_TABLE} stands for it; or for one by its own name, as "
            f"in 'unknown-table: {{\"{its[0]}\": …}}'.",
        )


def told_location(asking: Asking, table: str) -> str | None:
    """Return where a person said that a table lies, or all of its database's."""
    answer = asking.known("unknown-table", table)
    if answer is not None:
        return answer
    database, _, name = table.partition(".")
    folder = asking.known("unknown-table", f"{database}.*")
    if folder is None:
        return None
    return folder.replace(_TABLE, name) if _TABLE in folder else f"{folder.rstrip('/')}/{name}/"


def settled_writes(asking: Asking, steps: Sequence[Step], blind: Sequence[Blind]) -> tuple[Blind, ...]:
    """Ask for writes whose place cannot be told, and return those that stay unexplained."""
    at = {step.id: step.at for step in steps}
    return tuple(
        item
        for item in blind
        if asking.ask(
            "unexplained-write",
            f"{item.node} {item.at}",
            f"{item.node} writes to a place that cannot be told, at {item.at}"
            + (f": {item.what}" if item.what else "")
            + f". Add it to the node's output_data if it is a dataset, or answer {IGNORE!r} if it is none.",
            node=item.node,
            at=at[item.node],
        )
        is None
    )


def ask_about_homes(asking: Asking, datasets: Datasets) -> None:
    """Ask where branches may write what lies on main in a bucket of its own."""
    for output in datasets.outputs:
        fields = dataset_fields(output.uri)
        template = fields if isinstance(fields, str) else str(fields["uri"])
        for name in parameters_in(template):
            if name.startswith(BRANCHES):
                asking.ask(
                    "parameter",
                    name,
                    f"{output.node} writes to all of {output.uri}: in which other bucket may branches write it? A "
                    "branch in the same one would be in main's data.",
                    node=output.node,
                )


def ask_about_parameters(
    asking: Asking, steps: Sequence[Step], uses: Iterable[Use], script_locations: Mapping[str, str]
) -> None:
    """Ask for the values of unknown parts of places, job names, arguments, and where scripts lie."""
    users: defaultdict[str, dict[str, None]] = defaultdict(dict)
    jobs = {step.id for step in steps if step.is_job}
    for use in uses:
        # What a partition or a file is called says nothing of where the dataset lies.
        for text in (use.place.text, use.location.text if use.location else ""):
            for name in parameters_in(text):
                if use.node in jobs or not is_of_run(name):  # no branch runs what is no job
                    users[name][f"{use.node} ({use.at})"] = None
    for step in steps:
        for text, what in ((step.name, "the job's name"), *((value, key) for key, value in step.arguments.items())):
            for name in parameters_in(text):
                users[name][f"{step.id} ({what})"] = None
        for name in parameters_in(script_locations.get(step.id, "")):
            users[name][f"{step.id} (where its script lies)"] = None
    for name, where in sorted(users.items()):
        shown = list(where)[:_MOST_USERS]
        more = f" and {len(where) - _MOST_USERS} more" if len(where) > _MOST_USERS else ""
        asking.ask("parameter", name, f"What is the value of {name}? It is used by {', '.join(shown)}{more}.")


def _and(names: Sequence[str], last: str = "and") -> str:
    return ", ".join(names[:-1]) + f" {last} " + names[-1] if len(names) > 1 else "".join(names)
