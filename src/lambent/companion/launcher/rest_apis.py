"""REST APIs in stacks: described by an OpenAPI document, as the Serverless Application Model has them.

moto wants a name and leaves the document out; a deployment of an API without methods is then refused.
Source: CloudFormation user guide, AWS::ApiGateway::RestApi ("Name: required if you don't use an OpenAPI definition").
"""

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from lambent.companion.launcher.patching import replace

_VERSION_OF_DOCUMENT = "swagger"  # moto reads the same members of both versions, and refuses the one that says so


def bodies(module: ModuleType) -> None:
    """Change `moto.apigateway.models`."""

    def make(original: Callable[..., Any]) -> Any:
        def create(
            _: Any,  # the original is bound
            /,
            resource_name: str,
            cloudformation_json: Mapping[str, Any],
            account_id: str,
            region_name: str,
            **named: Any,
        ) -> Any:
            properties = dict(cloudformation_json.get("Properties") or {})
            body = properties.get("Body")
            document = dict(body) if isinstance(body, Mapping) else {}
            title = (document.get("info") or {}).get("title")
            properties["Name"] = properties.get("Name") or title or resource_name
            json = {**cloudformation_json, "Properties": properties}
            api = original(resource_name, json, account_id, region_name, **named)
            if document.get("paths"):
                document.pop(_VERSION_OF_DOCUMENT, None)
                backend = module.apigateway_backends[account_id][region_name]
                backend.put_rest_api(api.id, document, fail_on_warnings=False)
            return api

        return classmethod(create)

    replace(module.RestAPI, "create_from_cloudformation_json", make)
