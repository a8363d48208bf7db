"""Which operations there are: AWS's name to the function that does it."""

from collections.abc import Mapping

from lambent.gateway.operations import account, aliases, code_signing, concurrency, functions, layers, tags, versions
from lambent.gateway.operations.context import Operation

OPERATIONS: Mapping[str, Operation] = {
    "CreateFunction": functions.create_function,
    "GetFunction": functions.get_function,
    "GetFunctionConfiguration": functions.get_function_configuration,
    "UpdateFunctionCode": functions.update_function_code,
    "UpdateFunctionConfiguration": functions.update_function_configuration,
    "ListFunctions": functions.list_functions,
    "DeleteFunction": functions.delete_function,
    "PublishVersion": versions.publish_version,
    "ListVersionsByFunction": versions.list_versions_by_function,
    "CreateAlias": aliases.create_alias,
    "GetAlias": aliases.get_alias,
    "UpdateAlias": aliases.update_alias,
    "DeleteAlias": aliases.delete_alias,
    "ListAliases": aliases.list_aliases,
    "PutFunctionConcurrency": concurrency.put_function_concurrency,
    "GetFunctionConcurrency": concurrency.get_function_concurrency,
    "DeleteFunctionConcurrency": concurrency.delete_function_concurrency,
    "CreateCodeSigningConfig": code_signing.create_code_signing_config,
    "GetCodeSigningConfig": code_signing.get_code_signing_config,
    "UpdateCodeSigningConfig": code_signing.update_code_signing_config,
    "DeleteCodeSigningConfig": code_signing.delete_code_signing_config,
    "ListCodeSigningConfigs": code_signing.list_code_signing_configs,
    "ListFunctionsByCodeSigningConfig": code_signing.list_functions_by_code_signing_config,
    "PutFunctionCodeSigningConfig": code_signing.put_function_code_signing_config,
    "GetFunctionCodeSigningConfig": code_signing.get_function_code_signing_config,
    "DeleteFunctionCodeSigningConfig": code_signing.delete_function_code_signing_config,
    "PublishLayerVersion": layers.publish_layer_version,
    "GetLayerVersion": layers.get_layer_version,
    "GetLayerVersionByArn": layers.get_layer_version_by_arn,
    "ListLayers": layers.list_layers,
    "ListLayerVersions": layers.list_layer_versions,
    "DeleteLayerVersion": layers.delete_layer_version,
    "AddLayerVersionPermission": layers.add_layer_version_permission,
    "GetLayerVersionPolicy": layers.get_layer_version_policy,
    "RemoveLayerVersionPermission": layers.remove_layer_version_permission,
    "ListTags": tags.list_tags,
    "GetAccountSettings": account.get_account_settings,
}
