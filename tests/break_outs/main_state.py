"""Main as the break-outs find it: what there is to reach, and all of it that a script could change."""

from __future__ import annotations

import json
from typing import Any

import boto3

from tests.defs.production import Project


def make_targets(project: Project) -> dict[str, str]:
    """Return what there is of main's to reach, made where production does not have it."""
    s3, glue, iam = boto3.client("s3"), boto3.client("glue"), boto3.client("iam")
    key = "main/data/bronze/part.parquet"
    upload = s3.create_multipart_upload(Bucket=project.bucket, Key="main/data/bronze/big")["UploadId"]
    part = s3.upload_part(
        Bucket=project.bucket, Key="main/data/bronze/big", UploadId=upload, PartNumber=1, Body=b"main's"
    )
    database = f"shop_{project.suffix}"
    glue.create_database(DatabaseInput={"Name": database})
    columns = [{"Name": "id", "Type": "bigint"}]
    described: dict[str, Any] = {"Location": f"s3://{project.bucket}/main/data/gold/", "Columns": columns}
    described |= {"SerdeInfo": {"SerializationLibrary": PARQUET}, "InputFormat": f"{PARQUET}Input"}
    keys = [{"Name": "p", "Type": "string"}]
    partition: Any = {"Values": ["1"], "StorageDescriptor": {**described, "Location": f"{described['Location']}p=1/"}}
    table: Any = {"Name": "gold", "PartitionKeys": keys, "StorageDescriptor": described}
    glue.create_table(DatabaseName=database, TableInput=table)
    glue.create_partition(DatabaseName=database, TableName="gold", PartitionInput=partition)
    other = iam.create_role(RoleName=f"open-{project.suffix}", AssumeRolePolicyDocument=json.dumps(OPEN))
    iam.put_role_policy(RoleName=f"open-{project.suffix}", PolicyName="all", PolicyDocument=json.dumps(ALL))
    iam.create_user(UserName=f"ann-{project.suffix}")
    iam.put_user_policy(UserName=f"ann-{project.suffix}", PolicyName="all", PolicyDocument=json.dumps(ALL))
    access = iam.create_access_key(UserName=f"ann-{project.suffix}")["AccessKey"]["AccessKeyId"]
    run = project.aws.glue.start_job_run(project.job("audit"), {"--SLEEP": "30"})
    return {
        "bucket": project.bucket,
        "key": key,
        "own": "test/data/",
        "upload": upload,
        "part_etag": part["ETag"],
        "database": database,
        "table": "gold",
        "own_database": f"pypedream_test_shop_{project.suffix}",
        "job": project.job("extract"),
        "own_job": project.job("transform", "test"),
        "run": run,
        "role": f"arn:aws:iam::123456789012:role/jobs-{project.suffix}",
        "other_role": other["Role"]["Arn"],
        "user": f"ann-{project.suffix}",
        "user_key": access,
    }


PARQUET = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
OPEN = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
}
ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def state_of_main(project: Project, targets: dict[str, str]) -> dict[str, Any]:
    """Return all of main that a script could change."""
    s3, glue = boto3.client("s3"), boto3.client("glue")
    bodies = {uri: project.aws.s3.read_bytes(uri) for uri in project.listing()}
    jobs = [glue.get_job(JobName=project.job(node.id))["Job"] for node in project.main_graph().nodes]
    uploads = s3.list_multipart_uploads(Bucket=project.bucket).get("Uploads", [])
    bucket: dict[str, Any] = {"versioning": s3.get_bucket_versioning(Bucket=project.bucket).get("Status")}
    bucket["acl"] = s3.get_bucket_acl(Bucket=project.bucket)["Grants"]
    return {
        "objects": bodies,
        "claim": s3.get_object_tagging(Bucket=project.bucket, Key="test_$pypedream$")["TagSet"],
        "script": s3.get_object(Bucket=project.bucket, Key="test/scripts/transform.py")["Body"].read(),
        "jobs": [{key: item for key, item in job.items() if key != "ResponseMetadata"} for job in jobs],
        "tables": glue.get_tables(DatabaseName=targets["database"])["TableList"],
        "partitions": glue.get_partitions(DatabaseName=targets["database"], TableName="gold")["Partitions"],
        "databases": [one["Name"] for one in glue.get_databases()["DatabaseList"]],
        "uploads": [(one["Key"], one["UploadId"]) for one in uploads],
        "bucket": bucket,
        "buckets": [one["Name"] for one in s3.list_buckets()["Buckets"]],
        "run": glue.get_job_run(JobName=project.job("audit"), RunId=targets["run"])["JobRun"]["StartedOn"],
        "users": [one["UserName"] for one in boto3.client("iam").list_users()["Users"]],
    }
