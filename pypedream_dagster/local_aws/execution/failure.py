"""From the errors that a failed script printed to the ErrorMessage that Glue would show. Pure."""

from __future__ import annotations

import re

_LIMIT = 4000
_SYNTAX_ERROR = re.compile(r"^(?:Syntax|Indentation|Tab)Error\b")
_FRAME = re.compile(r'^\s+File "(?P<file>[^"]+)", line (?P<line>\d+)')
_JAVA_ERROR = re.compile(r"^: (?P<name>[\w.$]+)(?:: (?P<message>.*))?$", re.MULTILINE)
_CAUSE = re.compile(r"^Caused by: (.*)$", re.MULTILINE)

_CATEGORIES = (
    (("AccessDenied", "Access Denied", "not authorized", "PermissionError"), "PERMISSION_ERROR"),
    (("ModuleNotFoundError", "ImportError"), "IMPORT_ERROR"),
    (("SyntaxError", "IndentationError"), "SYNTAX_ERROR"),
    (("NoSuchKey", "NoSuchBucket", "Path does not exist", "FileNotFound"), "RESOURCE_NOT_FOUND_ERROR"),
    (("AnalysisException", "ParseException"), "QUERY_ERROR"),
    (("OutOfMemoryError", "MemoryError"), "OUT_OF_MEMORY_ERROR"),
    (("IllegalArgumentException", "GlueArgumentError"), "INVALID_ARGUMENT_ERROR"),
)


def error_message(stderr: str, *, returncode: int, script_name: str, is_spark: bool) -> str:
    """Why a script failed, in Glue's form.

    Args:
        stderr: what the script printed.
        returncode: of its process; negative for a signal.
        script_name: the file name of the script, to find its line in the traceback.
        is_spark: a Spark job's message starts with a category and the failed line.
    """
    found = _last_exception(stderr)
    if found is None:
        if returncode < 0:
            return f"Command failed with signal {-returncode} (was it killed, or out of memory?)"
        return f"Command failed with exit code {returncode}"
    index, text = found
    lines = stderr.splitlines()
    if "Py4JJavaError" in text:
        text = _java_message(text, "\n".join(lines[index:]))
    if not is_spark:
        return text[:_LIMIT]
    line = _failed_line(lines[:index], script_name)
    where = f"Failed Line Number: {line}; " if line else ""
    return f"Error Category: {_category(text)}; {where}{text}"[:_LIMIT]


def _last_exception(stderr: str) -> tuple[int, str] | None:
    """Line number and text of the last exception, with the lines of its message that follow."""
    lines = stderr.splitlines()
    number = _exception_line(lines)
    if number is None:
        return None
    name, colon, message = lines[number].partition(": ")
    name = name.rpartition(".")[2]
    if "Py4JJavaError" not in name:
        following = [line.strip() for line in lines[number + 1 : number + 6] if line.strip()]
        message = " ".join([message, *following])
    return number, f"{name}: {message}" if colon else name


def _exception_line(lines: list[str]) -> int | None:
    """The line that names the exception: the first that is not indented below the last traceback's head."""
    heads = [number for number, line in enumerate(lines) if line.startswith("Traceback (most recent")]
    for number in range(heads[-1] + 1, len(lines)) if heads else ():
        if lines[number] and not lines[number][0].isspace():
            return number
    # A script that does not compile has no traceback.
    named = [number for number, line in enumerate(lines) if _SYNTAX_ERROR.match(line)]
    return named[-1] if named else None


def _java_message(text: str, trace: str) -> str:
    call = text.partition(": ")[2].strip() or "An error occurred in the JVM"
    error = _JAVA_ERROR.search(trace)
    first = f"{error['name'].rpartition('.')[2]}: {error['message'] or ''}".rstrip(": ") if error else ""
    causes = _CAUSE.findall(trace)
    parts = [call.rstrip("."), first.rstrip("."), f"Caused by: {causes[-1]}" if causes else ""]
    return ". ".join(part for part in parts if part)


def _failed_line(lines: list[str], script_name: str) -> str | None:
    frames = [match for line in lines if (match := _FRAME.match(line))]
    own = [frame["line"] for frame in frames if frame["file"].rpartition("/")[2] == script_name]
    return own[-1] if own else None


def _category(text: str) -> str:
    for needles, category in _CATEGORIES:
        if any(needle in text for needle in needles):
            return category
    return "UNCLASSIFIED_ERROR"
