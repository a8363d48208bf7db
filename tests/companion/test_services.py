"""The other services behind the port: by whatever way their clients send requests."""

import json
import os
import subprocess
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.companion.conftest import Account, aws_client
from tests.lambent_server import REGION, LambentServer, create_function

AWS = Path(os.sys.executable).with_name("aws")  # type: ignore[attr-defined]

pytestmark = pytest.mark.root


def fetch(url: str, **headers: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


class TestS3:
    @pytest.fixture
    def bucket(self, aws: Account) -> str:
        return aws.bucket("things")

    def test_an_object_comes_back_as_it_was_put(self, aws: Account, bucket: str) -> None:
        s3 = aws.client("s3")
        s3.put_object(Bucket=bucket, Key="a b/ü+%.txt", Body=b"content", Metadata={"some_key": "v"}, ContentType="x/y")
        got = s3.get_object(Bucket=bucket, Key="a b/ü+%.txt")
        assert got["Body"].read() == b"content"
        assert (got["Metadata"], got["ContentType"]) == ({"some_key": "v"}, "x/y")
        assert s3.head_object(Bucket=bucket, Key="a b/ü+%.txt")["ContentLength"] == 7

    def test_a_large_object(self, aws: Account, bucket: str) -> None:
        s3 = aws.client("s3")
        content = os.urandom(1 << 20) * 100
        s3.put_object(Bucket=bucket, Key="large", Body=content)
        assert s3.get_object(Bucket=bucket, Key="large")["Body"].read() == content
        assert s3.get_object(Bucket=bucket, Key="large", Range="bytes=10-19")["Body"].read() == content[10:20]
        assert s3.head_object(Bucket=bucket, Key="large")["ContentLength"] == len(content)

    def test_an_object_in_parts(self, aws: Account, bucket: str, tmp_path: Path) -> None:
        file = tmp_path / "large"
        file.write_bytes(os.urandom(1 << 20) * 20)
        aws.client("s3").upload_file(str(file), bucket, "parts")
        aws.client("s3").download_file(bucket, "parts", str(tmp_path / "back"))
        assert (tmp_path / "back").read_bytes() == file.read_bytes()

    @pytest.mark.parametrize("version", ["s3", "s3v4"])
    def test_presigned_urls(self, version: str, aws: Account, bucket: str) -> None:
        s3 = aws.client("s3", signature_version=version)
        url = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "k"})
        with urllib.request.urlopen(urllib.request.Request(url, data=b"presigned", method="PUT")) as answer:
            assert answer.status == 200
        assert fetch(s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})) == (
            200,
            b"presigned",
        )

    def test_a_presigned_form(self, aws: Account, bucket: str) -> None:
        form = aws.client("s3", signature_version="s3v4").generate_presigned_post(bucket, "from-a-form")
        boundary = uuid.uuid4().hex
        fields = [*form["fields"].items(), ("file", "content")]
        parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in fields]
        body = ("".join(parts) + f"--{boundary}--\r\n").encode()
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        with urllib.request.urlopen(urllib.request.Request(form["url"], data=body, headers=headers)) as answer:
            assert answer.status in {200, 204}
        assert aws.client("s3").get_object(Bucket=bucket, Key="from-a-form")["Body"].read() == b"content"

    def test_a_bucket_in_the_host(self, aws: Account, bucket: str, lambent: LambentServer) -> None:
        aws.client("s3").put_object(Bucket=bucket, Key="k", Body=b"b", ACL="public-read")
        for host in (f"{bucket}.s3.localhost:{lambent.port}", f"{bucket}.s3.{REGION}.localhost"):
            assert fetch(f"{lambent.url}/k", Host=host) == (200, b"b")

    def test_only_what_is_public_is_read_without_a_signature(
        self, aws: Account, bucket: str, lambent: LambentServer
    ) -> None:
        s3 = aws.client("s3")
        s3.put_object(Bucket=bucket, Key="public", Body=b"b", ACL="public-read")
        s3.put_object(Bucket=bucket, Key="private", Body=b"b")
        assert fetch(f"{lambent.url}/{bucket}/public") == (200, b"b")
        assert fetch(f"{lambent.url}/{bucket}/private")[0] == 403

    def test_an_error_is_the_services(self, aws: Account) -> None:
        with pytest.raises(ClientError, match="NoSuchBucket"):
            aws.client("s3").get_object(Bucket=f"none-{aws.number}", Key="k")


class TestOthers:
    def test_a_queue(self, aws: Account, lambent: LambentServer) -> None:
        sqs = aws.client("sqs")
        url = sqs.create_queue(QueueName="q")["QueueUrl"]
        assert url == f"{lambent.url}/{aws.number}/q"
        sqs.send_message(QueueUrl=url, MessageBody="m")
        [message] = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"]
        assert message["Body"] == "m"

    def test_a_table(self, aws: Account) -> None:
        dynamodb = aws.client("dynamodb")
        dynamodb.create_table(
            TableName="table",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        )
        dynamodb.put_item(TableName="table", Item={"id": {"S": "1"}})
        assert dynamodb.get_item(TableName="table", Key={"id": {"S": "1"}})["Item"] == {"id": {"S": "1"}}
        [stream] = aws.client("dynamodbstreams").list_streams(TableName="table")["Streams"]
        assert stream["StreamArn"].startswith(f"arn:aws:dynamodb:{REGION}:{aws.number}:table/table/stream/")

    def test_a_role_with_a_policy_of_awss(self, aws: Account) -> None:
        iam = aws.client("iam")
        role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps({"Statement": []}))["Role"]
        assert role["Arn"] == f"arn:aws:iam::{aws.number}:role/r"
        policy = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
        iam.attach_role_policy(RoleName="r", PolicyArn=policy)
        [attached] = iam.list_attached_role_policies(RoleName="r")["AttachedPolicies"]
        assert attached["PolicyArn"] == policy

    def test_the_account_is_lambdas(self, aws: Account, lambent: LambentServer) -> None:
        """A 12-digit access key is the account, and every other key is of the default one (DESIGN section 1)."""
        assert aws.client("sts").get_caller_identity()["Account"] == aws.number
        assert aws_client(lambent, "sts", "AKIDEXAMPLE").get_caller_identity()["Account"] == "000000000000"
        queue = aws_client(lambent, "sqs", "test").create_queue(QueueName="q")["QueueUrl"]
        assert queue == f"{lambent.url}/000000000000/q"

    def test_an_assumed_role_acts_in_its_own_account(self, aws: Account, lambent: LambentServer) -> None:
        """So does a user's access key; Lambda and the others agree about whose they are."""
        other = str(int(aws.number) + 700_000)
        role = f"arn:aws:iam::{other}:role/cross-account"
        keys = aws.client("sts").assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
        key = keys["AccessKeyId"]
        assert aws_client(lambent, "sts", key).get_caller_identity()["Account"] == other
        queue = aws_client(lambent, "sqs", key).create_queue(QueueName="q")["QueueUrl"]
        assert queue == f"{lambent.url}/{other}/q"
        create_function(aws_client(lambent, "lambda", key), "f", "def handler(event, context): pass")
        made = aws_client(lambent, "lambda", other).get_function_configuration(FunctionName="f")
        assert made["FunctionArn"] == f"arn:aws:lambda:{REGION}:{other}:function:f"
        aws_client(lambent, "lambda", other).delete_function(FunctionName="f")

        iam = aws.client("iam")
        iam.create_user(UserName="u")
        key = iam.create_access_key(UserName="u")["AccessKey"]["AccessKeyId"]
        identity = aws_client(lambent, "sts", key).get_caller_identity()
        assert identity["Arn"] == f"arn:aws:iam::{aws.number}:user/u"

    def test_accounts_and_regions_are_apart(self, aws: Account, lambent: LambentServer) -> None:
        aws.client("sqs").create_queue(QueueName="q")
        assert "QueueUrls" not in aws.client("sqs", "us-west-2").list_queues()
        assert "QueueUrls" not in aws_client(lambent, "sqs", str(int(aws.number) + 500_000)).list_queues()

    def test_users_sign_in_without_a_signature(self, aws: Account) -> None:
        cognito = aws.client("cognito-idp")
        pool = cognito.create_user_pool(PoolName="p")["UserPool"]["Id"]
        app = cognito.create_user_pool_client(UserPoolId=pool, ClientName="c")["UserPoolClient"]["ClientId"]
        cognito.sign_up(ClientId=app, Username="u", Password="Secret-1234")
        cognito.admin_confirm_sign_up(UserPoolId=pool, Username="u")
        answer = cognito.initiate_auth(
            ClientId=app, AuthFlow="USER_PASSWORD_AUTH", AuthParameters={"USERNAME": "u", "PASSWORD": "Secret-1234"}
        )
        assert answer["AuthenticationResult"]["AccessToken"]
        assert fetch(f"{aws.server.url}/{pool}/.well-known/jwks.json")[0] == 200

    def test_a_web_identity_is_exchanged_without_a_signature(self, aws: Account) -> None:
        role = f"arn:aws:iam::{aws.number}:role/web"
        answer = aws.client("sts").assume_role_with_web_identity(
            RoleArn=role, RoleSessionName="session", WebIdentityToken="token"
        )
        assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{aws.number}:assumed-role/web/session"

    def test_a_service_that_there_is_not(self, aws: Account) -> None:
        with pytest.raises(ClientError, match="The companion has no such service") as raised:
            aws.client("mturk").get_account_balance()
        assert raised.value.response["Error"]["Code"] == "NotImplemented"
        assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501

    def test_an_operation_that_there_is_not(self, aws: Account) -> None:
        with pytest.raises(ClientError, match="The companion can't do this") as raised:
            aws.client("iam").get_organizations_access_report(JobId="0" * 36)
        assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501

    def test_motos_own_api_is_not_there(self, aws: Account) -> None:
        """By it Docker, and so the machine, could be had from inside a function."""
        with pytest.raises(ClientError, match="moto's own API can't be reached"):
            aws.client("s3").put_object(Bucket="moto-api", Key="config", Body=b'{"batch": {"use_docker": true}}')

    def test_the_aws_command_line(self, aws: Account, tmp_path: Path) -> None:
        environment = {
            "PATH": os.environ["PATH"],
            "AWS_ACCESS_KEY_ID": aws.number,
            "AWS_SECRET_ACCESS_KEY": "any",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": aws.server.url,
            "HOME": str(tmp_path),
        }

        def run(*arguments: str) -> str:
            command = [str(AWS), *arguments]
            return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout

        file = tmp_path / "file"
        file.write_text("content")
        run("s3", "mb", f"s3://cli-{aws.number}")
        run("s3", "cp", str(file), f"s3://cli-{aws.number}/file")
        assert run("s3", "cp", f"s3://cli-{aws.number}/file", "-") == "content"
        assert aws.number in run("sts", "get-caller-identity")


def test_a_functions_own_client_leads_back_here(aws: Account, client: Any) -> None:
    """AWS_ENDPOINT_URL, region and credentials inside a function: an unmodified handler's boto3 finds its account."""
    source = """
import boto3

def handler(event, context):
    s3 = boto3.client("s3")
    s3.put_object(Bucket=event["bucket"], Key="from-inside", Body=b"written")
    listed = boto3.client("lambda").list_functions()["Functions"]
    return {"account": boto3.client("sts").get_caller_identity()["Account"], "functions": len(listed)}
"""
    bucket = aws.bucket("inside")
    create_function(client, "writer", source, Timeout=20)
    answer = client.invoke(FunctionName="writer", Payload=json.dumps({"bucket": bucket}))
    assert json.load(answer["Payload"]) == {"account": aws.number, "functions": 1}
    assert aws.client("s3").get_object(Bucket=bucket, Key="from-inside")["Body"].read() == b"written"
