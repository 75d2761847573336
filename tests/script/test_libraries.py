"""boto3, awswrangler, pandas, drivers, HTTP, mail: by what they are, not by a method's name."""

from __future__ import annotations

import pytest

from tests.script.facts import facts


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (
            'import boto3\nboto3.client("s3").put_object(Bucket="b", Key="x/y.csv", Body=b"")',
            ["write s3 s3://b/x/y.csv"],
        ),
        (
            'import boto3\ns3 = boto3.resource("s3")\ns3.Bucket("b").objects.filter(Prefix="x/").delete()',
            ["read s3 s3://b/x/", "delete s3 s3://b/x/"],
        ),
        ('import boto3\ns3 = boto3.resource("s3")\ns3.Object("b", "k").put(Body="")', ["write s3 s3://b/k"]),
        ('import boto3\nboto3.Session().client("s3").upload_file("/tmp/f", "b", "k")', ["write s3 s3://b/k"]),
        (
            'import boto3\nboto3.client("s3").copy_object(Bucket="b", Key="k", CopySource={"Bucket": "a", "Key": "j"})',
            ["read s3 s3://a/j", "write s3 s3://b/k"],
        ),
        (
            'import boto3\ns3 = boto3.client("s3")\nbody = s3.get_object(Bucket="b", Key="k")["Body"].read()',
            ["read s3 s3://b/k"],
        ),
        (
            'import boto3\ns3 = boto3.client("s3")\n'
            'for page in s3.get_paginator("list_objects_v2").paginate(Bucket="b", Prefix="p/"):\n    print(page)',
            ["read s3 s3://b/p/"],
        ),
        ("def put(s3, data):\n    s3.put_object(Bucket='b', Key='k', Body=data)", ["write s3 s3://b/k"]),
        (
            "import boto3\nclass A:\n    def __init__(self):\n        self.s3 = boto3.client('s3')\n"
            "    def go(self):\n        self.s3.delete_object(Bucket='b', Key='k')",
            ["delete s3 s3://b/k"],
        ),
        ('import boto3\nboto3.client("sns").publish(TopicArn="arn:x", Message="m")', ["write aws arn:x [sns]"]),
        ('import boto3\nboto3.resource("dynamodb").Table("t").put_item(Item={})', ["write dynamodb t"]),
        ('import boto3\nboto3.client("glue").start_crawler(Name="c")', ["write aws c [glue]"]),
        (
            'import boto3\nboto3.client("glue").update_table(DatabaseName="db", TableInput={"Name": "t"})',
            ["write catalog db.t"],
        ),
        ('import boto3\nboto3.client("glue").get_table(DatabaseName="db", Name="t")', ["read catalog db.t"]),
        (
            'import boto3\nboto3.client("athena").start_query_execution(QueryString=q)',
            ["write aws start_query_execution [athena]"],
        ),
        (
            'import boto3\nboto3.client("secretsmanager").get_secret_value(SecretId="x")',
            ["read aws x [secretsmanager]"],
        ),
        (
            'import boto3\nboto3.client("s3", aws_access_key_id="AKIA", aws_secret_access_key="x")',
            ["identity access keys of its own"],
        ),
        ('import boto3\nboto3.Session(profile_name="prod")', ["identity the profile prod"]),
        (
            'import boto3\nboto3.client("sts").assume_role(RoleArn="arn:r", RoleSessionName="s")',
            ["identity the role arn:r"],
        ),
        ("import os\nos.environ['AWS_PROFILE'] = 'prod'", ["identity the environment variable AWS_PROFILE"]),
        ("import os\nos.environ['STAGE'] = 'prod'", []),
        ("connect('AKIAABCDEFGHIJKLMNOP', s)", ["identity an access key that stands in it"]),
        (
            'import boto3\nboto3.client("s3").delete_objects(Bucket="b", Delete={"Objects": keys})',
            ["delete s3 s3://b/{…}"],
        ),
        ('import boto3\nboto3.client("s3", region_name="eu-west-1")', []),
        (
            'import awswrangler as wr\nwr.s3.to_parquet(df, path="s3://b/x/", dataset=True, mode="append")',
            ["write s3 s3://b/x/ append"],
        ),
        (
            'import awswrangler as wr\nwr.s3.to_parquet(df=df, path="s3://b/x.parquet")',
            ["write s3 s3://b/x.parquet overwrite"],
        ),
        (
            "import awswrangler as wr\n"
            'wr.s3.to_parquet(df, "s3://b/x/", dataset=True, mode="overwrite_partitions", database="db", table="t")',
            ["write s3 s3://b/x/ partitions", "write catalog db.t partitions"],
        ),
        ('import awswrangler as wr\nwr.s3.delete_objects("s3://b/x/")', ["delete s3 s3://b/x/"]),
        (
            'import awswrangler as wr\nwr.redshift.to_sql(df=df, con=c, table="t", schema="s")',
            ["write redshift t append"],
        ),
        ('import awswrangler as wr\nwr.s3.read_parquet("s3://b/x/")', ["read s3 s3://b/x/"]),
        (
            'import pandas as pd\npd.read_csv("s3://b/x.csv").to_parquet("s3://b/y.parquet")',
            ["read s3 s3://b/x.csv", "write s3 s3://b/y.parquet overwrite"],
        ),
        ("import io\nimport pandas as pd\nb = io.BytesIO()\npd.DataFrame().to_parquet(b)", []),
        (
            'import psycopg2\nc = psycopg2.connect(host="dw", password=p)\n'
            'cur = c.cursor()\ncur.execute("INSERT INTO t VALUES (1)")\nc.commit()',
            ["read database psycopg2.connect dw", "write database t"],
        ),
        (
            'import pymysql\nwith pymysql.connect(host="h").cursor() as cur:\n    cur.execute("SELECT 1 FROM t")',
            ["read database pymysql.connect h"],
        ),
        (
            'import redshift_connector\nredshift_connector.connect(host="h")',
            ["write redshift redshift_connector.connect h"],
        ),
        (
            'import snowflake.connector\nsnowflake.connector.connect(account="a").cursor().execute(sql)',
            ["read snowflake snowflake.connector.connect a", "write database {…}"],
        ),
        (
            "from sqlalchemy import create_engine\nimport pandas as pd\n"
            'e = create_engine("postgresql://u:p@h/db")\npd.DataFrame().to_sql("t", e)',
            ["write database sqlalchemy.create_engine postgresql://h/db", "write database t append"],
        ),
        ('import requests\nrequests.post("https://hooks.x/y?token=1", json={})', ["write http https://hooks.x/y"]),
        ('import requests\nrequests.get("https://api.x/y")', ["read http https://api.x/y"]),
        ("import requests\ns = requests.Session()\ns.put(u, data=b)", ["write http {…}"]),
        ("import urllib.request\nurllib.request.urlopen(url, data=body)", ["write http {…}"]),
        ('import smtplib\nsmtplib.SMTP("mail").sendmail(a, b, c)', ["write mail smtplib.SMTP mail"]),
        ("import paramiko\nparamiko.SSHClient().connect('h')", ["write transfer paramiko.SSHClient"]),
        (
            "from kafka import KafkaProducer\nKafkaProducer(bootstrap_servers='k:9092').send('t', b'')",
            ["write kafka kafka.KafkaProducer k:9092"],
        ),
        ("import subprocess\nsubprocess.run(['aws', 's3', 'cp', 'a', 'b'])", ["process subprocess.run"]),
        ("import os\nos.system('x')", ["process os.system"]),
        ("import os\nprint(os.path.join('s3://b', 'x'))", []),
        ("d = {}\nd.get('x')\nd.update(y=1)\n[].append(1)\nopen('/tmp/x', 'w').write('y')", []),
        (
            'import boto3\nboto3.client("redshift-data").batch_execute_statement(Sqls=["TRUNCATE t", '
            "\"COPY t FROM 's3://b/x/' IAM_ROLE 'r'\"])",
            ["read s3 s3://b/x/", "write aws batch_execute_statement [redshift-data]"],
        ),
        (
            'import awswrangler as wr\nwr.athena.unload(sql="select * from o", path="s3://b/x/", database="db")',
            ["read catalog db.o", "write s3 s3://b/x/ append", "write aws a query of Athena [athena]"],
        ),
        (
            'import awswrangler as wr\nwr.athena.create_ctas_table("select * from o", "db", "t", s3_output="s3://b/t/")',
            ["read catalog db.o", "write catalog db.t once", "write aws a query of Athena [athena]"],
        ),
        (
            'import awswrangler as wr\nwr.redshift.copy_from_files(path="s3://b/x/", con=c, table="t", schema="s")\n'
            'wr.redshift.unload_to_files(sql="select 1", path="s3://b/y/", con=c)',
            ["read s3 s3://b/x/", "write redshift t append", "write s3 s3://b/y/ append"],
        ),
        (
            'import awswrangler as wr\nwr.s3.copy_objects(paths, "s3://b/x/", "s3://b/y/")\n'
            'wr.s3.read_csv(wr.s3.list_objects("s3://b/z/"))',
            ["read s3 s3://b/x/", "write s3 s3://b/y/ append", "read s3 s3://b/z/", "read s3 s3://b/z/{key}"],
        ),
        (
            'import psycopg2\nc = psycopg2.connect(host="h").cursor()\n'
            "c.execute(\"COPY t FROM 's3://b/x/' IAM_ROLE 'r'\")\nc.execute(\"UNLOAD ('select 1') TO 's3://b/y/'\")",
            [
                "read database psycopg2.connect h",
                "write database t",
                "read s3 s3://b/x/",
                "write database UNLOAD ('select 1') TO 's3://b/y/'",
                "write s3 s3://b/y/",
            ],
        ),
        (
            'import boto3\nboto3.client("athena").start_query_execution('
            'QueryString="select * from o join x.p on 1 = 1", QueryExecutionContext={"Database": sys.argv[1]})',
            ["read catalog {--*}.o", "read catalog x.p", "write aws start_query_execution [athena]"],
        ),
        (
            "import duckdb\nduckdb.connect().execute(\"SELECT * FROM read_csv_auto('s3://b/x.csv')\")",
            ["read s3 s3://b/x.csv"],
        ),
        (
            'import s3fs, pyarrow.parquet as pq\nfs = s3fs.S3FileSystem()\nt = pq.read_table("b/x/", filesystem=fs)\n'
            'pq.write_table(t, "b/y.parquet", filesystem=fs)',
            ["read s3 s3://b/x/", "write s3 s3://b/y.parquet overwrite"],
        ),
        (
            'import fsspec\nfs = fsspec.filesystem("s3")\nwith fs.open("b/x.json", "w") as f:\n    f.write("")',
            ["write s3 s3://b/x.json overwrite"],
        ),
        ('import fsspec\nfsspec.filesystem("file").open("b/x.json")', []),
        (
            "import duckdb\nduckdb.sql(\"COPY (SELECT * FROM read_parquet('s3://b/x/*.parquet')) TO 's3://b/y/'\")",
            ["read s3 s3://b/x/*.parquet", "write s3 s3://b/y/"],
        ),
        (
            'import pandas as pd\npd.ExcelFile("s3://b/x.xlsx")\npd.ExcelWriter("s3://b/y.xlsx")',
            ["read s3 s3://b/x.xlsx", "write s3 s3://b/y.xlsx overwrite"],
        ),
        (
            'from pyiceberg.catalog import load_catalog\nc = load_catalog("glue")\n'
            'c.load_table("db.o").scan().to_pandas()\nc.load_table(("db", "t")).append(d)',
            ["read catalog db.o", "write catalog db.t append"],
        ),
        (
            'import subprocess\nsubprocess.run(["aws", "s3", "cp", "--acl", "private", "s3://b/x/", "/tmp/x"])',
            ["process subprocess.run", "read s3 s3://b/x/"],
        ),
        (
            'import os\nos.system("/usr/bin/aws s3 sync /tmp/x s3://b/y/ --delete")\nos.system("ls s3 cp x")',
            ["process os.system", "write s3 s3://b/y/", "process os.system"],
        ),
    ],
)
def test_one_library(code: str, expected: list[str]) -> None:
    assert facts(code) == expected


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (
            """con.query("UNLOAD ('select \\\\'1\\\\'') TO '%sdaily/day=%s/' x" % (args["place"], day))""",
            ["write s3 {--place}daily/day={…}/"],
        ),
        ("""run_sql(con, f"copy sales.t from '{args['place']}' iam_role 'r' csv")""", ["read s3 {--place}"]),
        (
            """cur.execute(f"copy sales.t (a, b) from 's3://b/{args['place']}/x' iam_role 'r'")""",
            ["read s3 s3://b/{--place}/x", "write database sales.t"],
        ),
        ("""log(f"unload ('select 1') to '{args['place']}'")""", []),
        ("""cur.execute(f"select a from t where b = 'from {args['place']}'")""", []),
    ],
)
def test_files_that_a_warehouse_copies_and_unloads(call: str, expected: list[str]) -> None:
    head = "import pg, sys\nargs = getResolvedOptions(sys.argv, ['place'])\n"
    assert sorted(facts(head + call)) == expected


@pytest.mark.parametrize(
    ("code", "uri"),
    [
        ('import os\np = os.path.join("s3://b/", "x", "y")', "s3://b/x/y"),
        ('from urllib.parse import urljoin\np = urljoin("s3://b/x/", "y/")', "s3://b/x/y/"),
        ('import re\np = "s3://b/" + re.sub(r"[^a-z_]", "_", "a.b") + "/"', "s3://b/a_b/"),
        ('import re\np = "s3://b/" + re.sub(r"(a+)+$", "_", "aaa") + "/"', "s3://b/{…}/"),
        ('import re\np = "s3://b/" + re.sub("[", "_", "a") + "/"', "s3://b/{…}/"),
        ('B = "b"\np = f"s3://{B}/x"', "s3://b/x"),
        ('p = "s3://%s/%s/" % ("b", "x")', "s3://b/x/"),
        ('p = "s3://{0}/{name}/".format("b", name="x")', "s3://b/x/"),
        ('c = {"prod": {"out": "s3://b/x"}}\np = c["prod"]["out"]', "s3://b/x"),
        ('p = "/".join(["s3:/", "b", "x"])', "s3://b/x"),
        ('p = "s3://b/"\np += "x"', "s3://b/x"),
        ('p = "s3://b/x///".rstrip("/")', "s3://b/x"),
        (
            "import argparse\nq = argparse.ArgumentParser()\n"
            'q.add_argument("--out-path", dest="out")\np = q.parse_args().out',
            "{--out-path}",
        ),
        (
            "import argparse\nq = argparse.ArgumentParser()\n"
            'q.add_argument("--out-path")\na, _ = q.parse_known_args()\np = a.out_path',
            "{--out-path}",
        ),
        ("import sys\np = sys.argv[1]", "{--*}"),
        ("import sys\na = dict(zip(sys.argv[1::2], sys.argv[2::2]))\np = a['--OUT']", "{--OUT}"),
        ('def f(day):\n    return "s3://b/" + day\np = f("x")', "s3://b/x"),
        ('import datetime\np = f"s3://b/d={datetime.date.today()}/"', "s3://b/d={…}/"),
        ('class C:\n    ROOT = "s3://b"\np = C.ROOT + "/x"', "s3://b/x"),
    ],
)
def test_constants_are_folded(code: str, uri: str) -> None:
    found = [text for text in facts(f"{code}\ndf.write.mode('overwrite').parquet(p)") if text.startswith("write")]
    assert found == [f"write s3 {uri} overwrite"]
