import pytest

from lambent.core.errors import InvalidParameterValue
from lambent.core.principals import is_identity, is_service, is_whole_account, principal_document


@pytest.mark.parametrize(
    ("principal", "document"),
    [
        ("*", "*"),
        ("123456789012", {"AWS": "arn:aws:iam::123456789012:root"}),
        ("arn:aws:iam::123456789012:root", {"AWS": "arn:aws:iam::123456789012:root"}),
        ("arn:aws:iam::123456789012:role/path/a-role", {"AWS": "arn:aws:iam::123456789012:role/path/a-role"}),
        ("arn:aws-cn:iam::123456789012:user/a.user", {"AWS": "arn:aws-cn:iam::123456789012:user/a.user"}),
        (
            "arn:aws:sts::123456789012:assumed-role/a-role/a-session",
            {"AWS": "arn:aws:sts::123456789012:assumed-role/a-role/a-session"},
        ),
        ("s3.amazonaws.com", {"Service": "s3.amazonaws.com"}),
        ("delivery.logs.amazonaws.com", {"Service": "delivery.logs.amazonaws.com"}),
        ("alexa-appkit.amazon.com", {"Service": "alexa-appkit.amazon.com"}),
        ("ec2.amazonaws.com.cn", {"Service": "ec2.amazonaws.com.cn"}),
    ],
)
def test_a_principal_is_written_as_iam_does(principal: str, document: object) -> None:
    """Source: api-errors.md §9 (recorded for `*`, services, accounts and ARNs)."""
    assert principal_document(principal) == document


@pytest.mark.parametrize(
    "principal",
    [
        "invalid.nonaws.com",
        "amazonaws.com",
        ".amazonaws.com",
        "s3.amazonaws.com.example.org",
        "S3.AMAZONAWS.COM",
        "12345678901",
        "1234567890123",
        "١٢٣٤٥٦٧٨٩٠١٢",
        "arn:aws:iam::123456789012:group/g",
        "arn:aws:iam::123456789012:role/*",
        "arn:aws:iam::*:root",
        "arn:aws:iam:us-east-1:123456789012:root",
        "arn:aws:s3:::bucket",
        "**",
        "nobody",
    ],
)
def test_what_can_be_no_principal_is_refused(principal: str) -> None:
    """Source: permissions.json, "principal that is no AWS service" (recorded); the other forms are unverified."""
    with pytest.raises(InvalidParameterValue) as caught:
        principal_document(principal)
    assert caught.value.message == "The provided principal was invalid. Please check the principal and try again."


def test_the_forms_of_documents() -> None:
    assert is_identity("AROAEXAMPLEEXAMPLE12")
    assert not is_identity("AKIAEXAMPLEEXAMPLE12")
    assert not is_identity("s3.amazonaws.com")
    assert not is_service("*")


@pytest.mark.parametrize(
    ("principal", "whole"),
    [
        ("123456789012", True),
        ("arn:aws:iam::123456789012:root", True),
        ("210987654321", False),
        ("arn:aws:iam::210987654321:root", False),
        ("arn:aws:iam::123456789012:role/root", False),
    ],
)
def test_an_account_is_meant_by_its_number_or_its_root(principal: str, whole: bool) -> None:
    assert is_whole_account(principal, "123456789012") is whole
