"""What a script on a branch may try to reach main: run inside of a job, each attempt by itself, outcomes by name.

Not imported by the tests: its text is the job's script, after ``TARGETS = {…}``: names of what is main's.
"""

import base64
import http.client
import json
import os
import pathlib
import urllib.parse
import urllib.request

import boto3
from botocore import UNSIGNED
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

TARGETS: dict = globals()["TARGETS"]
BUCKET, KEY, OWN = TARGETS["bucket"], TARGETS["key"], TARGETS["own"]
UPLOAD, DATABASE, TABLE, JOB = TARGETS["upload"], TARGETS["database"], TARGETS["table"], TARGETS["job"]
ROLE, OTHER_ROLE = TARGETS["role"], TARGETS["other_role"]
ENDPOINT = os.environ["AWS_ENDPOINT_URL"]
HOST = urllib.parse.urlsplit(ENDPOINT).netloc
ONCE = Config(retries={"total_max_attempts": 1})
OUTCOMES: dict[str, str] = {}


def client(service, **extra):
    return boto3.client(service, config=extra.pop("config", ONCE), **extra)


def attempt(name, act):
    """Note how an attempt ends: an error's code, or what it gave."""
    try:
        answer = act()
    except Exception as error:
        response = getattr(error, "response", None)
        told = response.get("Error") if isinstance(response, dict) else None
        code = told["Code"] if told else type(error).__name__
        OUTCOMES[name] = f"{code}: {error}"[:300]
    else:
        OUTCOMES[name] = answer if isinstance(answer, str) and answer.startswith("refused") else f"DONE: {answer}"[:300]


def deny_errors(answer):
    errors = answer.get("Errors") or []
    denied = bool(errors) and all(error["Code"] == "AccessDenied" for error in errors) and not answer.get("Deleted")
    return "refused: AccessDenied" if denied else answer


def raw(method, path, *, service="s3", body=b"", headers=None, sign=True, host=HOST):
    """Send a request as it is, signed for a service of the script's choice."""
    request = AWSRequest(method, f"http://{HOST}{path}", data=body, headers={"Host": host, **(headers or {})})
    if sign:
        session = boto3.Session().get_credentials().get_frozen_credentials()
        request.headers["X-Amz-Content-SHA256"] = "UNSIGNED-PAYLOAD"
        SigV4Auth(Credentials(*session), service, "us-east-1").add_auth(request)
    connection = http.client.HTTPConnection(HOST, timeout=30)
    connection.request(method, path, body=body, headers=dict(request.headers))
    answer = connection.getresponse()
    text = answer.read().decode("utf-8", "replace")
    return f"refused: {answer.status}" if answer.status >= 400 else f"{answer.status} {text[:200]}"


def s3_attempts():
    s3, source = client("s3"), {"Bucket": BUCKET, "Key": KEY}
    at, stray = dict(Bucket=BUCKET, Key=KEY), dict(Bucket=BUCKET, Key=f"{KEY}.stray")
    s3.put_object(Bucket=BUCKET, Key=f"{OWN}mine", Body=b"x")
    attempt("put", lambda: s3.put_object(**at, Body=b"broken"))
    attempt("put beside", lambda: s3.put_object(**stray, Body=b"broken"))
    attempt("delete", lambda: s3.delete_object(**at))
    attempt("delete version", lambda: s3.delete_object(**at, VersionId="null"))
    keys = [{"Key": KEY}, {"Key": f"{KEY}.2"}]
    attempt("multi-delete", lambda: deny_errors(s3.delete_objects(Bucket=BUCKET, Delete={"Objects": keys})))
    attempt("copy onto", lambda: s3.copy_object(**at, CopySource={"Bucket": BUCKET, "Key": f"{OWN}mine"}))
    attempt("copy onto itself", lambda: s3.copy_object(**at, CopySource=source, MetadataDirective="REPLACE"))
    attempt("multipart: create", lambda: s3.create_multipart_upload(**at))
    attempt("multipart: part", lambda: s3.upload_part(**at, UploadId=UPLOAD, PartNumber=1, Body=b"x"))
    attempt("multipart: part copy", lambda: s3.upload_part_copy(**at, UploadId=UPLOAD, PartNumber=1, CopySource=source))
    parts = {"Parts": [{"PartNumber": 1, "ETag": TARGETS["part_etag"]}]}
    attempt("multipart: complete", lambda: s3.complete_multipart_upload(**at, UploadId=UPLOAD, MultipartUpload=parts))
    attempt("multipart: abort", lambda: s3.abort_multipart_upload(**at, UploadId=UPLOAD))
    mine = dict(Bucket=BUCKET, Key=f"{OWN}mine", UploadId=UPLOAD)
    attempt("main's upload by an own key: part", lambda: s3.upload_part(**mine, PartNumber=2, Body=b"x"))
    attempt(
        "main's upload by an own key: complete", lambda: s3.complete_multipart_upload(**mine, MultipartUpload=parts)
    )
    attempt("main's upload by an own key: abort", lambda: s3.abort_multipart_upload(**mine))
    attempt("tags", lambda: s3.put_object_tagging(**at, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]}))
    attempt("delete tags", lambda: s3.delete_object_tagging(**at))
    attempt("acl", lambda: s3.put_object_acl(**at, ACL="public-read"))
    attempt("retention", lambda: s3.put_object_retention(**at, Retention={"Mode": "GOVERNANCE"}))
    attempt("legal hold", lambda: s3.put_object_legal_hold(**at, LegalHold={"Status": "ON"}))
    attempt("own retention", lambda: s3.put_object_retention(**{**at, "Key": f"{OWN}mine"}, Retention={}))
    attempt("restore", lambda: s3.restore_object(**at, RestoreRequest={"Days": 1}))
    attempt("another branch", lambda: s3.put_object(Bucket=BUCKET, Key="other/data/x", Body=b"x"))
    attempt("a branch of a like name", lambda: s3.put_object(Bucket=BUCKET, Key="test2/data/x", Body=b"x"))
    attempt("the branch's claim", lambda: s3.put_object(Bucket=BUCKET, Key="test_$pypedream$", Body=b"x"))
    attempt("the deployed script", lambda: s3.put_object(Bucket=BUCKET, Key="test/scripts/transform.py", Body=b"x"))
    presigned = s3.generate_presigned_url("put_object", at)
    call = urllib.request.Request(presigned, data=b"x", method="PUT")
    attempt("presigned put", lambda: urllib.request.urlopen(call).status)
    presigned = s3.generate_presigned_url("delete_object", at)
    call_delete = urllib.request.Request(presigned, method="DELETE")
    attempt("presigned delete", lambda: urllib.request.urlopen(call_delete).status)
    post = s3.generate_presigned_post(BUCKET, KEY)
    form = urllib.parse.urlencode({**post["fields"], "file": "x"}).encode()
    attempt("form upload", lambda: urllib.request.urlopen(post["url"], data=form).status)


def bucket_attempts():
    s3, bucket = client("s3"), dict(Bucket=BUCKET)
    allow = {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{BUCKET}/*"}
    attempt("bucket policy", lambda: s3.put_bucket_policy(**bucket, Policy=json.dumps({"Statement": [allow]})))
    attempt("delete bucket policy", lambda: s3.delete_bucket_policy(**bucket))
    expire = {"Rules": [{"ID": "x", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}]}
    attempt("lifecycle", lambda: s3.put_bucket_lifecycle_configuration(**bucket, LifecycleConfiguration=expire))
    attempt("delete lifecycle", lambda: s3.delete_bucket_lifecycle(**bucket))
    attempt("bucket acl", lambda: s3.put_bucket_acl(**bucket, ACL="public-read-write"))
    suspended = {"Status": "Suspended"}
    attempt("versioning", lambda: s3.put_bucket_versioning(**bucket, VersioningConfiguration=suspended))
    attempt("delete encryption", lambda: s3.delete_bucket_encryption(**bucket))
    attempt("bucket tags", lambda: s3.put_bucket_tagging(**bucket, Tagging={"TagSet": []}))
    attempt("notification", lambda: s3.put_bucket_notification_configuration(**bucket, NotificationConfiguration={}))
    attempt("cors", lambda: s3.delete_bucket_cors(**bucket))
    attempt("website", lambda: s3.delete_bucket_website(**bucket))
    attempt("public access block", lambda: s3.delete_public_access_block(**bucket))
    ownership = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    attempt("ownership", lambda: s3.put_bucket_ownership_controls(**bucket, OwnershipControls=ownership))
    attempt("delete bucket", lambda: s3.delete_bucket(**bucket))
    attempt("create bucket", lambda: s3.create_bucket(Bucket=f"{BUCKET}-stray"))


def credential_attempts():
    write = dict(Bucket=BUCKET, Key=KEY, Body=b"broken")
    held = boto3.Session().get_credentials().get_frozen_credentials()
    own = dict(aws_access_key_id=held.access_key, aws_secret_access_key=held.secret_key)
    bare = client("s3", config=Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1}))
    attempt("unsigned put", lambda: bare.put_object(**write))
    without_token = boto3.Session(**own).client("s3", config=ONCE)
    without_token._request_signer._credentials.token = None
    attempt("no session token", lambda: without_token.put_object(**write))
    attempt("a wrong token", lambda: client("s3", **own, aws_session_token="wrong").put_object(**write))
    sts = client("sts")
    for name, role in (("another role", OTHER_ROLE), ("the own role", ROLE)):
        attempt(f"assume {name}", lambda role=role: sts.assume_role(RoleArn=role, RoleSessionName="up"))
    attempt("session token", lambda: sts.get_session_token())
    attempt("federation token", lambda: sts.get_federation_token(Name="up"))
    token = dict(RoleArn=OTHER_ROLE, RoleSessionName="up", WebIdentityToken="x" * 20)
    attempt("web identity", lambda: sts.assume_role_with_web_identity(**token))
    saml = dict(RoleArn=OTHER_ROLE, PrincipalArn=f"{OTHER_ROLE}x", SAMLAssertion=base64.b64encode(b"<a/>").decode())
    attempt("saml", lambda: sts.assume_role_with_saml(**saml))
    iam, name = client("iam"), ROLE.rpartition("/")[2]
    attempt("list roles", lambda: iam.list_roles())
    attempt("role policy", lambda: iam.put_role_policy(RoleName=name, PolicyName="x", PolicyDocument="{}"))
    attempt("trust policy", lambda: iam.update_assume_role_policy(RoleName=name, PolicyDocument="{}"))
    admin = "arn:aws:iam::aws:policy/AdministratorAccess"
    attempt("attach policy", lambda: iam.attach_role_policy(RoleName=name, PolicyArn=admin))
    attempt("create user", lambda: iam.create_user(UserName="stray"))
    attempt("create access key", lambda: iam.create_access_key(UserName=TARGETS["user"]))


def catalog_attempts():
    glue, table = client("glue"), dict(DatabaseName=DATABASE, TableName=TABLE)
    attempt("create table", lambda: glue.create_table(DatabaseName=DATABASE, TableInput={"Name": "stray"}))
    attempt("update table", lambda: glue.update_table(DatabaseName=DATABASE, TableInput={"Name": TABLE}))
    attempt("delete table", lambda: glue.delete_table(DatabaseName=DATABASE, Name=TABLE))
    attempt("delete tables", lambda: glue.batch_delete_table(DatabaseName=DATABASE, TablesToDelete=[TABLE]))
    attempt("delete version", lambda: glue.delete_table_version(**table, VersionId="1"))
    attempt("create partition", lambda: glue.create_partition(**table, PartitionInput={"Values": ["9"]}))
    attempt("create partitions", lambda: glue.batch_create_partition(**table, PartitionInputList=[{"Values": ["9"]}]))
    changed = dict(PartitionValueList=["1"], PartitionInput={"Values": ["1"]})
    attempt("update partition", lambda: glue.update_partition(**table, **changed))
    attempt("update partitions", lambda: glue.batch_update_partition(**table, Entries=[changed]))
    attempt("delete partition", lambda: glue.delete_partition(**table, PartitionValues=["1"]))
    gone = [{"Values": ["1"]}]
    attempt("delete partitions", lambda: glue.batch_delete_partition(**table, PartitionsToDelete=gone))
    index = {"Keys": ["p"], "IndexName": "i"}
    attempt("partition index", lambda: glue.create_partition_index(**table, PartitionIndex=index))
    attempt("create database", lambda: glue.create_database(DatabaseInput={"Name": "stray"}))
    attempt("update database", lambda: glue.update_database(Name=DATABASE, DatabaseInput={"Name": DATABASE}))
    attempt("delete database", lambda: glue.delete_database(Name=DATABASE))
    attempt("column statistics", lambda: glue.update_column_statistics_for_table(**table, ColumnStatisticsList=[]))
    attempt("delete statistics", lambda: glue.delete_column_statistics_for_table(**table, ColumnName="a"))
    attempt("catalog policy", lambda: glue.put_resource_policy(PolicyInJson="{}"))
    attempt("catalog settings", lambda: glue.put_data_catalog_encryption_settings(DataCatalogEncryptionSettings={}))
    function = {"FunctionName": "f"}
    attempt("function", lambda: glue.create_user_defined_function(DatabaseName=DATABASE, FunctionInput=function))
    arn = f"arn:aws:glue:us-east-1:123456789012:database/{TARGETS['own_database']}"
    attempt("own database's tags", lambda: glue.tag_resource(ResourceArn=arn, TagsToAdd={"a": "b"}))


def job_attempts():
    glue = client("glue")
    command = {"Name": "pythonshell", "ScriptLocation": f"s3://{BUCKET}/{OWN}mine"}
    update = {"Role": ROLE, "Command": command}
    for job in (JOB, TARGETS["own_job"]):
        attempt(f"start {job}", lambda job=job: glue.start_job_run(JobName=job))
        attempt(f"update {job}", lambda job=job: glue.update_job(JobName=job, JobUpdate=update))
        attempt(f"delete {job}", lambda job=job: glue.delete_job(JobName=job))
        arn = f"arn:aws:glue:us-east-1:123456789012:job/{job}"
        attempt(f"tag {job}", lambda arn=arn: glue.tag_resource(ResourceArn=arn, TagsToAdd={"a": "b"}))
    attempt("create job", lambda: glue.create_job(Name="stray", Role=ROLE, Command=command))
    attempt("bookmark", lambda: glue.reset_job_bookmark(JobName=JOB))
    attempt("stop run", lambda: glue.batch_stop_job_run(JobName=JOB, JobRunIds=[TARGETS["run"]]))
    actions = [{"JobName": JOB}]
    attempt("trigger", lambda: glue.create_trigger(Name="stray", Type="ON_DEMAND", Actions=actions))
    attempt("start trigger", lambda: glue.start_trigger(Name="stray"))
    attempt("workflow", lambda: glue.create_workflow(Name="stray"))
    attempt("start workflow", lambda: glue.start_workflow_run(Name="stray"))
    targets = {"S3Targets": [{"Path": f"s3://{BUCKET}/main/"}]}
    attempt("crawler", lambda: glue.create_crawler(Name="stray", Role=ROLE, DatabaseName=DATABASE, Targets=targets))
    attempt("start crawler", lambda: glue.start_crawler(Name="stray"))
    attempt("session", lambda: glue.create_session(Id="stray", Role=ROLE, Command={"Name": "glueetl"}))


def other_service_attempts():
    attempt("logs", lambda: client("logs").delete_log_group(logGroupName="/aws-glue/python-jobs/output"))
    machine = "arn:aws:states:us-east-1:123456789012:stateMachine:x"
    attempt("states", lambda: client("stepfunctions").start_execution(stateMachineArn=machine))
    queue = f"{ENDPOINT}/123456789012/x"
    attempt("sqs", lambda: client("sqs").send_message(QueueUrl=queue, MessageBody="x"))
    attempt("sns", lambda: client("sns").create_topic(Name="stray"))
    attempt("dynamodb", lambda: client("dynamodb").put_item(TableName="x", Item={"a": {"S": "b"}}))
    attempt("lambda", lambda: client("lambda").invoke(FunctionName="x"))
    attempt("secrets", lambda: client("secretsmanager").create_secret(Name="stray", SecretString="x"))
    attempt("kms", lambda: client("kms").create_key())
    attempt("events", lambda: client("events").put_rule(Name="stray", ScheduleExpression="rate(1 minute)"))


def raw_attempts():
    main, own, body = f"/{BUCKET}/{KEY}", f"/{BUCKET}/{OWN}mine", b"broken"
    attempt("a second slash", lambda: raw("PUT", f"/{main}", body=body))
    attempt("an encoded slash", lambda: raw("PUT", f"/%2F{BUCKET}/{KEY}", body=body))
    attempt("an encoded key", lambda: raw("PUT", main.replace("/main/", "/%6dain/"), body=body))
    attempt("a key encoded twice", lambda: raw("PUT", main.replace("/main/", "/%256dain/"), body=body))
    attempt("dots", lambda: raw("PUT", f"/{BUCKET}/other/../{KEY}", body=body))
    attempt("encoded dots", lambda: raw("PUT", f"/{BUCKET}/other/%2e%2e/{KEY}", body=body))
    # A key of its own, however it reads: the state of main says whether it was one.
    twice = f"/{BUCKET}/test/scripts/%2574ransform.py"
    attempt("the script encoded twice", lambda: "refused" if raw("PUT", twice, body=body) else "")
    virtual = f"{BUCKET}.localhost:{HOST.rpartition(':')[2]}"
    attempt("a virtual host", lambda: raw("PUT", f"/{KEY}", body=body, host=virtual))
    attempt("a whole URL", lambda: raw("PUT", f"http://{BUCKET}.s3.amazonaws.com/{KEY}", body=body))
    attempt("as if for another service", lambda: raw("PUT", main, service="s3express", body=body))
    attempt("as if for kinesis", lambda: raw("PUT", main, service="kinesis", body=body))
    attempt("moto's own API", lambda: raw("POST", "/moto-api/reset"))
    attempt("moto's own API unsigned", lambda: raw("POST", "/moto-api/reset", sign=False))
    attempt("moto's own API for sts", lambda: raw("POST", "//moto-api/reset", service="sts"))
    header = {"uploadId": UPLOAD, "partNumber": "2"}
    attempt("an upload in the headers", lambda: "refused" if raw("PUT", own, headers=header, body=b"") else "")
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    fields = f"key={KEY}&file=x&uploadId={UPLOAD}".encode()
    attempt("a form in a put", lambda: "refused" if raw("PUT", own, headers=form, body=fields) else "")
    attempt("a form in a post", lambda: raw("POST", f"/{BUCKET}", headers=form, body=fields))
    attempt(
        "a method in a header",
        lambda: raw("GET", main, headers={"X-HTTP-Method-Override": "DELETE"})[:3] == "200" and "refused",
    )
    read = {"X-Amz-Target": "AWSGlue.GetTable", "Content-Type": "application/x-amz-json-1.1"}
    asked = {"DatabaseName": DATABASE, "Name": TABLE}
    text = json.dumps(asked).encode()
    gone = lambda answer: "refused: a read" if answer.startswith("200") and '"Table"' in answer else answer  # noqa: E731
    as_delete = "/?Action=DeleteTable"
    attempt(
        "another action in the query", lambda: gone(raw("POST", as_delete, service="glue", headers=read, body=text))
    )
    sly = json.dumps({**asked, "Zzz": "&Action=DeleteTable&"}).encode()
    attempt("another action in the body", lambda: gone(raw("POST", "/", service="glue", headers=read, body=sly)))
    heads = {**read, "Action": "DeleteTable"}
    attempt("another action in a header", lambda: gone(raw("POST", "/", service="glue", headers=heads, body=text)))
    as_form = {**read, **form}
    attempt("another action in a form", lambda: gone(raw("POST", "/", service="glue", headers=as_form, body=sly)))
    stray = {"Name": TARGETS["own_database"], "DatabaseInput": {"Name": "stray"}}
    create = {**read, "X-Amz-Target": "AWSGlue.CreateDatabase"}
    attempt("two names", lambda: raw("POST", "/", service="glue", headers=create, body=json.dumps(stray).encode()))
    who = {"X-Amz-Target": "AWSSecurityTokenServiceV20110615.GetCallerIdentity", **form}
    up = f"Action=AssumeRole&Version=2011-06-15&RoleSessionName=up&RoleArn={OTHER_ROLE}"
    attempt("assume by header", lambda: no_keys(raw("POST", "/", service="sts", headers=who, body=up.encode())))
    both = b"Action=GetCallerIdentity&Version=2011-06-15"
    attempt("assume by query", lambda: no_keys(raw("POST", f"/?{up}", service="sts", headers=form, body=both)))
    twice = f"{up}&Action=GetCallerIdentity".encode()
    attempt("assume by two actions", lambda: no_keys(raw("POST", "/", service="sts", headers=form, body=twice)))
    attempt("assume by get", lambda: no_keys(raw("GET", f"/?{up}", service="sts")))
    attempt("assume by body of a get", lambda: no_keys(raw("GET", "/", service="sts", headers=form, body=up.encode())))


def no_keys(answer):
    return answer if "SecretAccessKey" in answer or "ASIA" in answer else f"refused: {answer[:60]}"


def machine_attempts():
    """What no job on AWS can do, for the embedded AWS is a process beside it: find its key, or its files."""

    def own_files():
        found = []
        for folder in [pathlib.Path.cwd(), *pathlib.Path.cwd().parents]:
            for name in ("credentials.json", "endpoint.json", "objects", "moto"):
                try:
                    (folder / name).read_bytes() if (folder / name).is_file() else os.listdir(folder / name)
                except (PermissionError, FileNotFoundError):
                    continue
                found.append(name)
        return found or "refused: nothing found"

    def processes():
        found = []
        for entry in pathlib.Path("/proc").glob("[0-9]*"):
            if entry.name == str(os.getpid()):
                continue
            try:
                text = (entry / "environ").read_bytes()
            except OSError:
                continue
            if any(name in text for name in (b"AWS_SESSION_TOKEN=", b"PYSPARK_GATEWAY_SECRET=", b"AWS_SECRET_ACCESS")):
                found.append(entry.name)
        return found or "refused: nothing found"

    def folder_of_the_server():
        words = pathlib.Path(f"/proc/{os.getppid()}/cmdline").read_bytes().split(b"\0")
        folder = pathlib.Path(os.fsdecode(words[words.index(b"--state-dir") + 1]))
        return (folder / "credentials.json").read_text()

    attempt("root key beside the run", own_files)
    attempt("root key by the server's command line", folder_of_the_server)
    attempt("other processes' environments", processes)
    attempt("the server's memory", lambda: open(f"/proc/{os.getppid()}/mem", "rb").close())


for group in (
    s3_attempts,
    bucket_attempts,
    credential_attempts,
    catalog_attempts,
    job_attempts,
    other_service_attempts,
    raw_attempts,
    machine_attempts,
):
    group()
client("s3").put_object(Bucket=BUCKET, Key=f"{OWN}outcomes.json", Body=json.dumps(OUTCOMES).encode())
