"""Where a request says that an archive is, of a function or of a layer."""

from collections.abc import Mapping
from typing import Any

from lambent.services.packages import PackageRequest


def package_request(members: Mapping[str, Any]) -> PackageRequest:
    """The members that name an archive; CreateFunction has them in Code, PublishLayerVersion in Content."""
    return PackageRequest(
        zip_file=members.get("zip_file"),
        s3_bucket=members.get("s3_bucket"),
        s3_key=members.get("s3_key"),
        s3_object_version=members.get("s3_object_version"),
    )
