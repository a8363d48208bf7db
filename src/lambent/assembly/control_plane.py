"""The control plane: the use cases behind the API's operations, made of what they share.

A resource's use cases are one object, made here from the same few collaborators; the server and the tests' control
plane, which runs nothing, both call `control_plane`.
"""

from dataclasses import dataclass

from lambent.clock import Clock
from lambent.core.concurrency import AccountLimits
from lambent.core.tags import ResourceKind
from lambent.gateway.code_links import CodeLinks
from lambent.gateway.operations.context import Services
from lambent.ids import IdMaker
from lambent.services.account import Account
from lambent.services.activation import Activation
from lambent.services.aliases import Aliases
from lambent.services.code_signing import CodeSigning
from lambent.services.concurrency import Concurrency, OnReserved
from lambent.services.deployments import Deployments
from lambent.services.event_invoke_configs import EventInvokeConfigs
from lambent.services.event_source_mappings import EventSourceMappings, SourceProbe, Sources
from lambent.services.function_urls import FunctionUrls
from lambent.services.functions import Functions
from lambent.services.layers import Layers
from lambent.services.packages import Packages
from lambent.services.policies import Policies
from lambent.services.provisioned_concurrency import ProvisionedConcurrency
from lambent.services.provisioning import Provisioning
from lambent.services.recursion import Recursion
from lambent.services.runtime_management import RuntimeManagements
from lambent.services.runtime_rules import RuntimeRules
from lambent.services.tags import ResourceTags, TagTable
from lambent.services.versions import Versions
from lambent.store import code_signing as code_signing_table
from lambent.store import event_source_mappings as mappings_table
from lambent.store.database import Database

_TAG_TABLES = {
    ResourceKind.CODE_SIGNING_CONFIG: TagTable(code_signing_table.find_tags, code_signing_table.replace_tags),
    ResourceKind.EVENT_SOURCE_MAPPING: TagTable(mappings_table.find_tags, mappings_table.replace_tags),
}


@dataclass(frozen=True, slots=True)
class Collaborators:
    """What use cases are made of.

    Attributes:
        host_architecture: `x86_64` or `arm64`; functions declare the same one.
        on_reserved: told of each reservation of concurrency.
        provisioning: carries out what is provisioned.
        link_secret: signs links to code.
        source_probe: looks whether event sources are there.
        sources: reads them.
        block_public_policies: refuse policies of functions that let everybody in.
    """

    database: Database
    deployments: Deployments
    activation: Activation
    packages: Packages
    runtimes: RuntimeRules
    limits: AccountLimits
    clock: Clock
    ids: IdMaker
    host_architecture: str
    on_reserved: OnReserved
    provisioning: Provisioning
    link_secret: bytes
    source_probe: SourceProbe
    sources: Sources
    block_public_policies: bool = False


def control_plane(shared: Collaborators) -> Services:
    """Every use case of the API but invocations."""
    database, packages, clock, ids, limits = (
        shared.database,
        shared.packages,
        shared.clock,
        shared.ids,
        shared.limits,
    )
    layers = Layers(database=database, packages=packages, clock=clock, ids=ids, limits=limits)
    code_signing = CodeSigning(database=database, clock=clock)
    return Services(
        functions=Functions(
            database=database,
            packages=packages,
            layers=layers,
            activation=shared.activation,
            clock=clock,
            ids=ids,
            limits=limits,
            runtimes=shared.runtimes,
            host_architecture=shared.host_architecture,
            deployments=shared.deployments,
            code_signing=code_signing,
            on_reserved=shared.on_reserved,
        ),
        versions=Versions(
            database=database,
            packages=packages,
            activation=shared.activation,
            ids=ids,
            limits=limits,
            deployments=shared.deployments,
        ),
        aliases=Aliases(database=database, ids=ids, deployments=shared.deployments),
        layers=layers,
        concurrency=Concurrency(database=database, limits=limits, on_reserved=shared.on_reserved),
        code_signing=code_signing,
        provisioned_concurrency=ProvisionedConcurrency(
            database=database,
            deployments=shared.deployments,
            provisioning=shared.provisioning,
            limits=limits,
            clock=clock,
        ),
        account=Account(database=database, limits=limits),
        policies=Policies(database=database, ids=ids, block_public=shared.block_public_policies),
        function_urls=FunctionUrls(database=database, clock=clock, ids=ids, deployments=shared.deployments),
        event_invoke_configs=EventInvokeConfigs(database=database, clock=clock, deployments=shared.deployments),
        event_source_mappings=EventSourceMappings(
            database=database, probe=shared.source_probe, sources=shared.sources, clock=clock, ids=ids
        ),
        runtime_management=RuntimeManagements(database=database),
        recursion=Recursion(database=database, deployments=shared.deployments),
        tags=ResourceTags(database=database, ids=ids, tables=_TAG_TABLES),
        code_links=CodeLinks(secret=shared.link_secret, clock=clock),
    )
