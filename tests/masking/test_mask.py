"""What is a secret and what is not, and that no masked text shows one."""

from __future__ import annotations

import json
import re
import string
from urllib.parse import quote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pypedream_dagster.errors import GraphError, PypedreamError, RunError
from pypedream_dagster.masking.mask import (
    KnownSecrets,
    is_secret,
    mask_arguments,
    mask_document,
    mask_exception,
    mask_text,
)
from pypedream_dagster.masking.names import names_a_secret
from pypedream_dagster.masking.patterns import MASK


def _words(text: str) -> list[str]:
    return text.split()


SECRET_NAMES = _words("""
    password DB_PASSWORD dbPassword --db-passwd pwd DBPwd PASS smtp_pass passphrase dbpassword passwordHash
    secret client_secret clientSecret --CLIENT-SECRET mysecret secret_key_base
    token auth_token authToken session-token refreshToken sas_token --sas sig X-Amz-Signature
    api_key apikey --ApiKey x-api-key access_key accessKey AWS_ACCESS_KEY_ID aws_secret_access_key account_key
    private_key privateKey encryption_key signingKey ssh-key credentials credentials_json creds auth Authorization
    conn_string connectionString connection_str dsn jdbc_password fs.s3a.access.key spark.hadoop.fs.s3a.secret.key
""")
PLAIN_NAMES = _words("""
    key_columns --key-columns primary_key partition_key sort_key keyspace monkey key
    token_count max_tokens tokenizer --tokenize token_url token_type auth_type auth_mode auth_host
    secret_name --secret-name secret_arn SECRET_ID secretId secret_region secretary credentials_provider password_file
    author authority --authors compass bypass passenger_count surpass --passes
    kms_key_id --kms-key --job-bookmark-option --TempDir --extra-py-files --conf --SOURCE_S3_PATH jdbc_url region class
""")


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_names_of_secrets(name: str) -> None:
    assert names_a_secret(name)


@pytest.mark.parametrize("name", PLAIN_NAMES)
def test_names_of_other_things(name: str) -> None:
    assert not names_a_secret(name)


@pytest.mark.parametrize(
    "value", ["true", "", "arn:aws:secretsmanager:us-east-1:1:secret:x", "s3://keys/x.pem", "{{resolve:ssm:x}}", "None"]
)
def test_switches_and_references_are_no_secrets(value: str) -> None:
    assert not is_secret("--password", value)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("postgresql://app:s3cr3t-pw@db:5432/x", "postgresql://app:***@db:5432/x"),
        ("https://ghp_0123456789abcdefghij@github.com/x", "https://***@github.com/x"),
        ("jdbc:postgresql://h/db?user=a&password=hunter2&ssl=true", "jdbc:postgresql://h/db?user=a&password=***&ssl=true"),
        ("jdbc:sqlserver://h;user=a;password=hunter2;x=1", "jdbc:sqlserver://h;user=a;password=***;x=1"),
        ("jdbc:oracle:thin:scott/tiger@//h:1521/x", "jdbc:oracle:thin:scott/***@//h:1521/x"),
        ("no login with password='hunter2'.", "no login with password='***'."),
        ('{"apiKey": "abc123", "n": 3}', '{"apiKey": "***", "n": 3}'),
        (r'"{\"password\": \"hunter2\", \"n\": 1}"', r'"{\"password\": \"***\", \"n\": 1}"'),
        ('cut off: "password": "hunt', 'cut off: "password": "***'),
        ("['--db_password', 'hunter2', '--x', '1']", "['--db_password', '***', '--x', '1']"),
        ("--db_password hunter2 --x 1", "--db_password *** --x 1"),
        ("--conf fs.s3a.secret.key=abcdef --conf a.b=c", "--conf fs.s3a.secret.key=*** --conf a.b=c"),
        ("Authorization: Basic dXNlcjpwdw==\nHost: x", "Authorization: ***\nHost: x"),
        ("{'Authorization': 'Bearer abc.def'}", "{'Authorization': '***'}"),
        ("sent bearer abcdefghijklmnop1234", "sent bearer ***"),
        ("https://b/k?X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F1&X-Amz-Signature=dead&x=1", "https://b/k?X-Amz-Credential=***&X-Amz-Signature=***&x=1"),
        ("key wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY here", "key *** here"),
        ("id AKIAIOSFODNN7EXAMPLE.", "id ***."),
        ("a -----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY----- b", "a *** b"),
        ("a -----BEGIN PRIVATE KEY-----\nabc cut", "a ***"),
        ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-_x!", "jwt ***!"),
        ("https://hooks.slack.com/services/T0/B0/xyz", "https://hooks.slack.com/services/***"),
        ("password: swordfish", "password: ***"),
        ("<config><password>hunter2</password><n>1</n></config>", "<config><password>***</password><n>1</n></config>"),
        ("create user x identified by 'hunter2'", "create user x identified by '***'"),
        ("ACCESS_KEY_ID 'A1' SECRET_ACCESS_KEY 'x/y' X 'z'", "ACCESS_KEY_ID '***' SECRET_ACCESS_KEY '***' X 'z'"),
        ("AccountName=x;AccountKey=ab+c/d==;EndpointSuffix=y", "AccountName=x;AccountKey=***;EndpointSuffix=y"),
        ("redis://:p@ss/w0rd@cache:6379/0", "redis://:***@cache:6379/0"),
        ("a mongodb+srv://u:pw-1@h/?w=1, b", "a mongodb+srv://u:***@h/?w=1, b"),
        ("token: a1b2c3, next", "token: ***, next"),
    ],
)  # fmt: skip
def test_secrets_that_show_themselves(text: str, masked: str) -> None:
    assert mask_text(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "http://host:8080/path/@scope/pkg",
        "User: arn:aws:sts::123456789012:assumed-role/x/y is not authorized to perform: s3:PutObject on s3://b/k",
        "Access denied for user 'app'@'host' (using password: YES)",
        "jr_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "   0:04  load_tokens: started",
        "  3:31  api_tokens: checked: tokens: 5 changed of 6 rows",
        "Glue job refresh_credentials: run jr_1 ended FAILED: no such flight",
        "s3://pypedream-demo-lake/on-time-rule/data/flights_valid/part-00000-0a1b2c3d.snappy.parquet",
        "'--DB_PASSWORD' looks like a secret",
        "--db-password --rows 5",
        "secret=arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/db-AbCdEf and more",
        "primary_key: ['id'], token_count=3, --secret-name prod/db",
        "Deployed branch 'token-fix': 4 changes.",
    ],
)
def test_what_is_no_secret_stays_readable(text: str) -> None:
    assert mask_text(text) == text


_VALUES = st.text(
    st.sampled_from(string.ascii_letters + string.digits + "!#$%^*_+=./-"), min_size=8, max_size=40
).filter(lambda value: "*" not in value and not re.match(r"(?i)arn:|s3[an]?://", value))
_TEMPLATES = st.sampled_from(
    [
        "before password='{}' after",
        '{{"db": {{"clientSecret": "{}"}}, "rows": 5}}',
        "--api-key '{}' --rows 5",
        "https://user:{}@host/path",
        "x?token='{}'",
        "said {} and went",
    ]
)


@given(_VALUES, _TEMPLATES, st.booleans())
def test_a_secret_is_never_in_what_is_shown(secret: str, template: str, as_json: bool) -> None:
    known = KnownSecrets()
    known.add([secret])
    text = template.format(secret)
    shown = mask_text(json.dumps(text) if as_json else text, known)
    assert secret not in shown
    assert mask_text(shown, known) == shown


@given(
    _VALUES.filter(lambda value: not re.search(r"[%@/#]", value)), _TEMPLATES.filter(lambda text: "said" not in text)
)
def test_a_secret_need_not_be_known_where_its_place_says_so(secret: str, template: str) -> None:
    assert secret not in mask_text(template.format(secret))


@given(st.text(min_size=8, max_size=30).filter(lambda text: text.strip() and "***" not in text))
@example('a"b\\c\n{d}é')
def test_known_secrets_are_found_in_every_spelling(secret: str) -> None:
    known = KnownSecrets()
    known.add([secret])
    for spelling in (secret, json.dumps(secret)[1:-1], repr(secret)[1:-1], quote(secret, safe="")):
        shown = known.mask(f"<{spelling}>")
        assert shown == f"<{MASK}>" or len(spelling.strip()) < 8


@given(st.text(max_size=200))
@settings(max_examples=300)
def test_masking_is_idempotent(text: str) -> None:
    masked = mask_text(text)
    assert mask_text(masked) == masked


@given(
    st.lists(st.sampled_from([*SECRET_NAMES[:6], "=", ": ", "'", '"', "\\", "x1", " ", "\n", "&", "://u:p@h", "***"]))
)
@settings(max_examples=300)
def test_masking_is_idempotent_on_what_looks_like_secrets(parts: list[str]) -> None:
    masked = mask_text("".join(parts))
    assert mask_text(masked) == masked


def test_short_and_plain_values_do_not_black_out_everything() -> None:
    known = KnownSecrets()
    known.add(["main", "abc", "pin7", ""])
    assert known.mask("main abc pin7 pin77") == "main abc *** pin77"


def test_arguments_and_documents() -> None:
    given_arguments = {"--DB_PASSWORD": "x", "--PORT": "5432", "--token": 4711, "--use_password": "true"}
    assert mask_arguments(given_arguments) == {**given_arguments, "--DB_PASSWORD": MASK, "--token": MASK}
    document = {"a": [{"api_key": "k", "uri": "s3://b/password=x/"}], "n": 1, "password": None, "secret": {"x": "y"}}
    assert mask_document(document) == {**document, "a": [{"api_key": MASK, "uri": "s3://b/password=x/"}]}


def test_errors_show_no_secret() -> None:
    error = RunError("ended: password=hunter2", hint="try token=abc123")
    assert (error.message, error.hint, error.args) == ("ended: password=***", "try token=***", ("ended: password=***",))
    assert GraphError("faulty", faults=["x: password=hunter2"]).faults == ("x: password=***",)


def test_exceptions_are_masked_with_all_that_led_to_them() -> None:
    try:
        try:
            raise KeyError("password=hunter2")
        except KeyError as cause:
            cause.add_note("token=abc123")
            raise PypedreamError("outer") from cause
    except PypedreamError as error:
        found = mask_exception(ExceptionGroup("many", [error]))
    inner = found.exceptions[0].__cause__
    assert inner is not None
    assert (inner.args, inner.__notes__) == (("password=***",), ["token=***"])
