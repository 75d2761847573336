"""What an argument's name says of the direction of its data."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pypedream_dagster.importers.inference.directions import direction_of, directions_of

_READ = st.sampled_from(["input", "source", "src", "origen", "entrada", "quelle", "soruce", "inp", "read"])
_WRITTEN = st.sampled_from(
    ["output", "target", "tgt", "dst", "dest", "sink", "ziel", "salida", "ouput", "destionation"]
)
_NEUTRAL = st.sampled_from(
    ["orders", "bucket", "path", "raw", "silver", "gold", "s3", "table", "eu", "database", "data"]
)


@pytest.mark.parametrize(
    "name",
    [
        "--BRONZE_DATA_SOURCE",
        "input_path",
        "in_path",
        "InputPath",
        "inputPath",
        "S3InputPath",
        "input-path",
        "INPUT1",
        "source2_bucket",
        "src_dir",
        "inp",
        "path_in",
        "from_table",
        "s3_read_path",
        "soruce_path",
        "sorce",
        "imput_file",
        "inptu",
        "ruta_origen",
        "bucket_origem",
        "entrada",
        "QuellPfad_quelle",
        "eingang",
        "entree",
        "inputpath",
        "s3input",
        "sourcebucket",
        "datain",
        "SRC",
        "path_to_source",
        "incoming_prefix",
        "sourceDatabase",
    ],
)
def test_inputs(name: str) -> None:
    assert direction_of(name) == "input"


@pytest.mark.parametrize(
    "name",
    [
        "--SILVER_DATA_SINK",
        "output_path",
        "out_dir",
        "OutputLocation",
        "targetTable",
        "tgt",
        "dst_bucket",
        "outp",
        "destination-prefix",
        "dest",
        "to_bucket",
        "write_path",
        "result_location",
        "results",
        "save_path",
        "export_dir",
        "publish_bucket",
        "ouput_path",
        "outpt",
        "otuput",
        "tagret",
        "taget_bucket",
        "destionation",
        "destnation_path",
        "bucket_destino",
        "saida",
        "salida",
        "ziel",
        "ausgang",
        "sortie",
        "outputpath",
        "outdir",
        "DESTBUCKET",
        "output_s3_path_2",
        "path_to_output",
        "curated_target_database",
    ],
)
def test_outputs(name: str) -> None:
    assert direction_of(name) == "output"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "--",
        "database",
        "data",
        "DATABASE_NAME",
        "information",
        "start",
        "start_date",
        "from_date",
        "to_date",
        "date_to",
        "source_target_map",
        "from_x_to_y",
        "raw_to_silver_path",
        "input_output_path",
        "inputOutput",
        "bucket",
        "raw_bucket",
        "landing_path",
        "bronze",
        "gold",
        "resource",
        "resource_arn",
        "course",
        "expert",
        "score",
        "secure_path",
        "region",
        "table",
        "instance",
        "info",
        "tags",
        "days_in_month",
        "path_to_file",
        "read_write",
        "export_from_source",
        "TempDir",
        "to_process_bucket",
        "intput_output",
        "__",
        "日本",
        "budget",
        "impute",
        "destiny",
        "outlier_path",
    ],
)
def test_names_that_say_nothing(name: str) -> None:
    assert direction_of(name) == "unknown"


@given(st.text())
def test_any_text_has_an_answer(name: str) -> None:
    assert direction_of(name) in {"input", "output", "unknown"}


def _spellings(words: list[str]) -> set[str]:
    camel = words[0] + "".join(word.title() for word in words[1:])
    return {"_".join(words), "--" + "-".join(words), "_".join(words).upper(), camel, "".join(w.title() for w in words)}


@given(st.one_of(_READ, _WRITTEN), st.lists(_NEUTRAL, max_size=3), st.lists(_NEUTRAL, max_size=3))
def test_the_spelling_of_a_name_and_its_other_words_say_nothing(word: str, before: list[str], after: list[str]) -> None:
    said = {direction_of(name) for name in _spellings([*before, word, *after])}
    assert said == {direction_of(word)}
    assert said != {"unknown"}


@given(_READ, _WRITTEN, st.lists(_NEUTRAL.filter(lambda word: word != "data"), max_size=2))
def test_a_name_of_both_directions_is_unknown(read: str, written: str, others: list[str]) -> None:
    assert direction_of("_".join([read, *others, written])) == "unknown"
    assert direction_of("_".join([written, *others, read])) == "unknown"


@pytest.mark.parametrize(
    ("names", "directions"),
    [
        ("raw_path clean_path", "input output"),
        ("s3_bronze s3_silver quarantine_path", "input output output"),
        ("landing_bucket trusted_bucket refined_bucket", "input unknown output"),  # it may go through the middle
        ("silver_path", "unknown"),
        ("silver_path silver_bucket", "unknown unknown"),
        ("source_path raw_path gold_path", "input unknown unknown"),  # what is raw here is not told by gold
        ("raw_to_silver_path x", "unknown unknown"),
        ("config_path output_path", "input output"),
        ("output_config archive_dir", "output output"),
        ("target_path lookup_table", "output input"),
    ],
)
def test_the_arguments_of_a_job_together(names: str, directions: str) -> None:
    found = directions_of(f"--{name}" for name in names.split())
    assert [found[f"--{name}"] for name in names.split()] == directions.split()
