"""What every operation gets beside its request."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lambent.core.arn import FunctionReference, parse_function_reference
from lambent.core.scope import Scope
from lambent.gateway.code_links import CodeLinks
from lambent.services.account import Account
from lambent.services.aliases import Aliases
from lambent.services.code_signing import CodeSigning
from lambent.services.concurrency import Concurrency
from lambent.services.event_invoke_configs import EventInvokeConfigs
from lambent.services.event_source_mappings import EventSourceMappings
from lambent.services.function_urls import FunctionUrls
from lambent.services.functions import Functions
from lambent.services.layers import Layers
from lambent.services.policies import Policies
from lambent.services.provisioned_concurrency import ProvisionedConcurrency
from lambent.services.recursion import Recursion
from lambent.services.runtime_management import RuntimeManagements
from lambent.services.tags import ResourceTags
from lambent.services.versions import Versions


@dataclass(frozen=True, slots=True)
class Services:
    """The use cases that operations call."""

    functions: Functions
    versions: Versions
    aliases: Aliases
    layers: Layers
    concurrency: Concurrency
    code_signing: CodeSigning
    provisioned_concurrency: ProvisionedConcurrency
    account: Account
    policies: Policies
    function_urls: FunctionUrls
    event_invoke_configs: EventInvokeConfigs
    event_source_mappings: EventSourceMappings
    runtime_management: RuntimeManagements
    recursion: Recursion
    tags: ResourceTags
    code_links: CodeLinks


@dataclass(frozen=True, slots=True)
class OperationContext:
    """Who calls, and what an operation works with.

    Attributes:
        scope: account and region of the caller.
        base_url: how the caller reached this server, e.g. `http://127.0.0.1:4566`; links in answers begin with it.
        url_domain: below which function URLs are, with a scheme; empty for localhost.
    """

    scope: Scope
    base_url: str
    services: Services
    url_domain: str = ""

    def reference(self, request: Mapping[str, Any], *, with_qualifier: bool = True) -> FunctionReference:
        """The function that a request is about.

        Raises:
            InvalidParameterValue: FunctionName and Qualifier contradict each other.
            ResourceNotFound: the ARN is of another region.
        """
        qualifier = request.get("qualifier") if with_qualifier else None
        return parse_function_reference(request["function_name"], scope=self.scope, qualifier=qualifier)


Operation = Callable[[OperationContext, dict[str, Any]], Awaitable[dict[str, Any]]]
"""Decoded request to decoded response; what can't be done is an ApiError."""
