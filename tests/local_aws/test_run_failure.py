from __future__ import annotations

import pytest

from pypedream_dagster.local_aws.execution.failure import error_message

TRACEBACK = """\
26/01/01 WARN something
Traceback (most recent call last):
  File "/run/work/script.py", line 3, in <module>
    load()
  File "/run/work/script.py", line 12, in load
    table.read()
  File "/venv/pyarrow/table.py", line 99, in read
    raise error
{last}
"""
JAVA = """\
py4j.protocol.Py4JJavaError: An error occurred while calling o61.parquet.
: org.apache.spark.SparkException: Job aborted.
\tat org.apache.spark.Some.method(Some.java:1)
Caused by: java.io.IOException: first
Caused by: java.nio.file.AccessDeniedException: main/x: PUT: (Status Code: 403; Error Code: AccessDenied)
"""


def explained(stderr: str, *, is_spark: bool = True, returncode: int = 1) -> str:
    return error_message(stderr, returncode=returncode, script_name="script.py", is_spark=is_spark)


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        ("ValueError: why", "Error Category: UNCLASSIFIED_ERROR; Failed Line Number: 12; ValueError: why"),
        ("KeyError: 'k'", "Error Category: UNCLASSIFIED_ERROR; Failed Line Number: 12; KeyError: 'k'"),
        ("a.b.Denied: AccessDenied", "Error Category: PERMISSION_ERROR; Failed Line Number: 12; Denied: AccessDenied"),
        ("AssertionError", "Error Category: UNCLASSIFIED_ERROR; Failed Line Number: 12; AssertionError"),
        (
            "pyspark.errors.AnalysisException: no column\nsecond line",
            "Error Category: QUERY_ERROR; Failed Line Number: 12; AnalysisException: no column second line",
        ),
    ],
)
def test_the_last_exception_is_told_with_the_scripts_own_line(last: str, expected: str) -> None:
    assert explained(TRACEBACK.format(last=last)) == expected


def test_a_java_error_is_told_with_its_deepest_cause() -> None:
    assert explained(TRACEBACK.format(last=JAVA)) == (
        "Error Category: PERMISSION_ERROR; Failed Line Number: 12; An error occurred while calling o61.parquet. "
        "SparkException: Job aborted. "
        "Caused by: java.nio.file.AccessDeniedException: main/x: PUT: (Status Code: 403; Error Code: AccessDenied)"
    )


def test_a_chain_of_exceptions_is_told_by_its_last() -> None:
    stderr = TRACEBACK.format(last="KeyError: 1") + "\nDuring handling …\n\n" + TRACEBACK.format(last="TypeError: 2")

    assert explained(stderr, is_spark=False) == "TypeError: 2"


def test_a_script_that_does_not_compile() -> None:
    stderr = '  File "/run/work/script.py", line 4\n    def f(:\n          ^\nSyntaxError: invalid syntax\n'

    assert explained(stderr, is_spark=False) == "SyntaxError: invalid syntax"
    assert explained(stderr).startswith("Error Category: SYNTAX_ERROR; Failed Line Number: 4; ")


def test_without_a_traceback_the_exit_code_is_all_there_is() -> None:
    assert explained("usage: …", returncode=2) == "Command failed with exit code 2"
    assert explained("", returncode=-9).startswith("Command failed with signal 9")


def test_no_message_is_endless() -> None:
    assert len(explained(TRACEBACK.format(last="ValueError: " + "x" * 100_000))) == 4000
