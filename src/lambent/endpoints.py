"""Where the other AWS services are: what the environment says, but for what leads back to this server.

The variables are those of the AWS SDKs: `AWS_ENDPOINT_URL_<SERVICE>` before `AWS_ENDPOINT_URL`, unless
`AWS_IGNORE_CONFIGURED_ENDPOINT_URLS` is true. People have them exported for their clients, with our own address in
them; to follow such a one would be a loop, so that it is ignored with a warning (DESIGN section 1).
Source: AWS SDKs and Tools reference, "Service-specific endpoints".
"""

import ipaddress
import logging
import socket
from collections.abc import Mapping
from urllib.parse import urlsplit

GENERAL_VARIABLE = "AWS_ENDPOINT_URL"
_SPECIFIC = GENERAL_VARIABLE + "_"
_IGNORE_VARIABLE = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"

# The variable ends in the service's id; where that isn't the name that requests are signed for, it stands here.
_IDS: dict[str, tuple[str, ...]] = {
    "apigateway": ("API_GATEWAY", "APIGATEWAYV2"),
    "application-autoscaling": ("APPLICATION_AUTO_SCALING",),
    "autoscaling": ("AUTO_SCALING",),
    "cognito-idp": ("COGNITO_IDENTITY_PROVIDER",),
    "config": ("CONFIG_SERVICE",),
    "dynamodbstreams": ("DYNAMODB_STREAMS",),
    "elasticfilesystem": ("EFS",),
    "elasticloadbalancing": ("ELASTIC_LOAD_BALANCING_V2", "ELASTIC_LOAD_BALANCING"),
    "es": ("OPENSEARCH", "ELASTICSEARCH_SERVICE"),
    "events": ("EVENTBRIDGE", "CLOUDWATCH_EVENTS"),
    "execute-api": ("APIGATEWAYMANAGEMENTAPI",),
    "logs": ("CLOUDWATCH_LOGS",),
    "monitoring": ("CLOUDWATCH",),
    "route53": ("ROUTE_53",),
    "secretsmanager": ("SECRETS_MANAGER",),
    "servicediscovery": ("SERVICEDISCOVERY",),
    "ses": ("SES", "SESV2"),
    "states": ("SFN",),
    "stepfunctions": ("SFN",),
}

logger = logging.getLogger(__name__)


class Endpoints:
    """The endpoints of other services.

    Args:
        environment: of this process.
        own_port: where this server listens.
        companion_url: how the rest of AWS is reached that this server brings along; None where it brings none.
    """

    def __init__(self, environment: Mapping[str, str], *, own_port: int, companion_url: str | None) -> None:
        self._companion_url = companion_url
        self._configured: dict[str, str] = {}
        if environment.get(_IGNORE_VARIABLE, "").lower() == "true":
            return
        for name in sorted(environment):
            url = environment[name]
            if not url or not (name == GENERAL_VARIABLE or name.startswith(_SPECIFIC)):
                continue
            if _is_here(url, own_port):
                logger.warning("%s=%s is this server itself; the variable is ignored here.", name, url)
            else:
                self._configured[name] = url.rstrip("/")

    def configured(self, service: str) -> str | None:
        """The endpoint that the environment names for a service, without a slash at its end.

        Args:
            service: the name that its requests are signed for (`events`), or its client's in boto3.
        """
        for suffix in (*_IDS.get(service, ()), service.upper().replace("-", "_").replace(".", "_")):
            url = self._configured.get(_SPECIFIC + suffix)
            if url is not None:
                return url
        return self._configured.get(GENERAL_VARIABLE)

    async def endpoint_for(self, service: str) -> str | None:
        """The URL for a client of a service: the environment's, else the companion's, else None for AWS's own.

        The companion's URL is this server's: the request that comes there starts it, and is of the account and region
        that it is signed for, a 12-digit access key being the account.
        """
        return self.configured(service) or self._companion_url


def own_url(host: str, port: int) -> str:
    """The URL by which a program on this machine reaches a server that listens there."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # compared, not listened on
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


def _is_here(url: str, own_port: int) -> bool:
    """Whether a URL's address is this server. Resolves its name, which may block, only where the port is ours."""
    try:
        parts = urlsplit(url)
        if parts.hostname is None or parts.port != own_port:
            return False
        found = socket.getaddrinfo(parts.hostname, own_port, type=socket.SOCK_STREAM)
    except (ValueError, OSError):  # no URL, or a name that means nothing: who uses it will say so
        return False
    addresses = (ipaddress.ip_address(str(address[0]).partition("%")[0]) for *_, address in found)
    return any(address.is_loopback or address.is_unspecified for address in addresses)
