"""Which operations there are: AWS's name to the function that does it."""

from collections.abc import Mapping

from lambent.gateway.operations import account, concurrency, functions, tags, versions
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
    "PutFunctionConcurrency": concurrency.put_function_concurrency,
    "GetFunctionConcurrency": concurrency.get_function_concurrency,
    "DeleteFunctionConcurrency": concurrency.delete_function_concurrency,
    "ListTags": tags.list_tags,
    "GetAccountSettings": account.get_account_settings,
}
