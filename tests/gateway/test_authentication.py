"""Who a request comes from, under dev and under serve, and the root key."""

import json
import stat
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from lambent.clock import Clock
from lambent.core.errors import IncompleteSignature, InvalidSignature, MissingAuthenticationToken, UnrecognizedClient
from lambent.core.scope import Scope
from lambent.gateway.authentication import AnyCredentials, Caller, VerifiedCredentials, account_of
from lambent.gateway.credentials import RootKey, RootKeyUnusableError
from lambent.wire.http import Headers, Request

ROOT = RootKey("AKIAROOT", "root-secret", "123456789012")


def signed(
    access_key: str = "test", secret: str = "any", region: str = "eu-west-1", *, presigned: bool = False
) -> Request:
    sent = AWSRequest("GET", "http://localhost:4566/2015-03-31/functions", data=b"")
    signer = SigV4QueryAuth if presigned else SigV4Auth
    signer(Credentials(access_key, secret), "lambda", region).add_auth(sent)
    headers = Headers()
    headers.add("host", "localhost:4566")
    for name, value in sent.headers.items():
        headers.add(name.lower(), value)
    url = urlsplit(sent.url)
    return Request("GET", url.path, url.query, headers)


def without_credentials() -> Request:
    headers = Headers()
    headers.add("host", "localhost:4566")
    return Request("GET", "/", "", headers)


class TestDev:
    def test_any_credentials_are_of_the_default_account(self) -> None:
        assert AnyCredentials().authenticate(signed()) == Caller(Scope("000000000000", "eu-west-1"), "test", "lambda")

    @pytest.mark.parametrize("presigned", [False, True])
    def test_twelve_digits_are_the_account(self, presigned: bool) -> None:
        request = signed("210987654321", region="us-east-2", presigned=presigned)
        assert AnyCredentials().authenticate(request).scope == Scope("210987654321", "us-east-2")

    @pytest.mark.parametrize("access_key", ["12345678901", "1234567890123", "12345678901x"])
    def test_other_access_keys_are_no_account(self, access_key: str) -> None:
        authenticator = AnyCredentials(default_account="999999999999")
        assert authenticator.authenticate(signed(access_key)).scope.account == "999999999999"

    def test_there_must_be_some(self) -> None:
        with pytest.raises(MissingAuthenticationToken):
            AnyCredentials().authenticate(without_credentials())

    def test_they_must_be_readable(self) -> None:
        request = without_credentials()
        request.headers.add("authorization", "Bearer token")
        with pytest.raises(IncompleteSignature):
            AnyCredentials().authenticate(request)

    def test_access_key_has_at_most_128_characters(self) -> None:
        assert AnyCredentials().authenticate(signed("k" * 128)).access_key == "k" * 128
        with pytest.raises(UnrecognizedClient):
            AnyCredentials().authenticate(signed("k" * 129))

    @pytest.mark.parametrize("region", ["..", "EU", "a/b", ""])
    def test_region_is_safe_to_use_in_names(self, region: str) -> None:
        with pytest.raises((InvalidSignature, IncompleteSignature)):
            AnyCredentials().authenticate(signed(region=region))


class TestServe:
    @pytest.fixture
    def authenticator(self) -> VerifiedCredentials:
        return VerifiedCredentials(ROOT, clock=Clock())

    def test_claimed_caller_is_named_without_the_body(self, authenticator: VerifiedCredentials) -> None:
        caller = authenticator.identify(signed("AKIAROOT", "another secret"))
        assert caller == Caller(Scope("123456789012", "eu-west-1"), "AKIAROOT", "lambda")
        with pytest.raises(UnrecognizedClient):
            authenticator.identify(signed("AKIAOTHER"))

    @pytest.mark.parametrize("presigned", [False, True])
    def test_caller_has_the_account_of_the_key(self, authenticator: VerifiedCredentials, presigned: bool) -> None:
        request = signed("AKIAROOT", "root-secret", presigned=presigned)
        expected = Caller(Scope("123456789012", "eu-west-1"), "AKIAROOT", "lambda")
        assert authenticator.authenticate(request) == authenticator.authenticate(request) == expected

    def test_unknown_key_is_not_recognised(self, authenticator: VerifiedCredentials) -> None:
        with pytest.raises(UnrecognizedClient, match=r"^The security token included in the request is invalid\.$"):
            authenticator.authenticate(signed("123456789012", "root-secret"))

    def test_wrong_secret_is_refused(self, authenticator: VerifiedCredentials) -> None:
        with pytest.raises(InvalidSignature):
            authenticator.authenticate(signed("AKIAROOT", "another"))

    def test_credentials_are_required(self, authenticator: VerifiedCredentials) -> None:
        with pytest.raises(MissingAuthenticationToken):
            authenticator.authenticate(without_credentials())


class TestRootKey:
    def test_it_is_made_once(self, tmp_path: Path) -> None:
        key, created = RootKey.load_or_create(tmp_path, account="123456789012")
        assert created
        assert (len(key.access_key_id), len(key.secret_access_key), key.account) == (20, 40, "123456789012")
        assert RootKey.load_or_create(tmp_path) == (key, False)

    def test_only_its_owner_can_read_it(self, tmp_path: Path) -> None:
        RootKey.load_or_create(tmp_path)
        (file,) = tmp_path.iterdir()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600

    def test_key_that_others_can_read_is_refused(self, tmp_path: Path) -> None:
        RootKey.load_or_create(tmp_path)
        (file,) = tmp_path.iterdir()
        file.chmod(0o640)
        with pytest.raises(RootKeyUnusableError, match="chmod 600"):
            RootKey.load_or_create(tmp_path)

    @pytest.mark.parametrize("text", ["", "{}", "[]", "\xff"])
    def test_damaged_key_is_refused(self, tmp_path: Path, text: str) -> None:
        RootKey.load_or_create(tmp_path)
        (file,) = tmp_path.iterdir()
        file.write_text(text, encoding="latin-1")
        with pytest.raises(RootKeyUnusableError, match="not a root key"):
            RootKey.load_or_create(tmp_path)

    def test_of_two_servers_the_second_takes_the_firsts(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        first, _ = RootKey.load_or_create(tmp_path)
        with monkeypatch.context() as patch:
            patch.setattr(Path, "exists", lambda _: False)
            assert RootKey.load_or_create(tmp_path) == (first, False)
        assert len(list(tmp_path.iterdir())) == 1

    def test_secret_is_not_in_its_representation(self, tmp_path: Path) -> None:
        key, _ = RootKey.load_or_create(tmp_path)
        assert key.secret_access_key not in repr(key)
        (file,) = tmp_path.iterdir()
        assert json.loads(file.read_text())["secret_access_key"] == key.secret_access_key


@pytest.mark.parametrize(
    ("access_key", "account"),
    [
        ("123456789012", "123456789012"),
        ("LSIAAAAAAAAAABABCDEFGHIJ", "000000000000"),  # too long
        ("LSIADSVLLQ5TABCDEFGH", "123123123123"),
        ("LKIAAAAAAAAAABCDEFGH", "000000000000"),
        ("LSIA1111111111111111", "000000000000"),  # not base 32
        ("LSIA7777777777777777", "000000000000"),  # more than twelve digits
        ("AKIAIOSFODNN7EXAMPLE", "000000000000"),  # AWS's own
        ("test", "000000000000"),
        ("", "000000000000"),
    ],
)
def test_the_account_of_an_access_key_under_dev(access_key: str, account: str) -> None:
    assert account_of(access_key) == account
