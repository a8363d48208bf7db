"""The companion's program: `python -m lambent.companion.launcher LISTENER URL`.

LISTENER is the number of a listening socket that was inherited, URL where Lambent is. A line on standard output says
that requests are answered; standard error is the log, each line with its level before it. The process ends when its
standard input does: that is a pipe, whose other end the server has until it ends, however that is. A byte there says
that the server is about to: nobody waits for messages any longer.
"""

import functools
import importlib
import logging
import os
import sys
import threading
from collections.abc import Mapping
from types import ModuleType
from urllib.parse import urlsplit

from lambent.companion.launcher import (
    accounts,
    caches,
    change_sets,
    custom_resources,
    deliveries,
    functions,
    identities,
    nested_stacks,
    other_resources,
    queue_resources,
    queues,
    resource_names,
    rest_apis,
    serverless,
    stacks,
    step_functions,
    templates,
    updates,
)
from lambent.companion.launcher.application import application
from lambent.companion.launcher.confinement import confine
from lambent.companion.launcher.functions import Lambent
from lambent.companion.launcher.patching import Change, install

READY = b"ready\n"
_NEVER_SECONDS = 86_400.0


def changes(lambent: Lambent) -> Mapping[str, Change]:
    """What is changed of moto, by module."""

    def ours(change: functions.ChangeWith) -> Change:
        return functools.partial(change, lambent)

    return {
        "moto.backends": caches.services,
        "moto.core.utils": caches.names,
        "moto.core.models": accounts.default_account,
        "moto.core.config": accounts.configuration,
        "moto.iam.models": accounts.access_keys,
        "moto.settings": accounts.addresses,
        "moto.awslambda.utils": ours(functions.take_the_place_of_backends),
        "moto.awslambda.models": ours(functions.take_the_place_of_models),
        "moto.sns.models": ours(deliveries.sns),
        "moto.s3.notifications": ours(deliveries.s3),
        "moto.events.models": ours(deliveries.events),
        "moto.sqs.models": _each(queues.queues, ours(queue_resources.resources)),
        "moto.sqs.responses": queues.answers,
        "moto.events.notifications": ours(deliveries.service_events),
        "moto.cloudformation.parsing": _each(
            ours(stacks.stacks),
            other_resources.others,
            custom_resources.types,
            updates.updates,
            resource_names.names,
        ),
        "moto.cloudformation.models": _each(change_sets.stacks, serverless.transforms, nested_stacks.nested),
        "moto.cloudformation.responses": _each(change_sets.requests, custom_resources.answers),
        "moto.cloudformation.custom_model": custom_resources.models,
        "moto.cloudformation.utils": templates.template_urls,
        "moto.s3.models": ours(other_resources.buckets),
        "moto.apigateway.models": rest_apis.bodies,
        "yaml.loader": templates.yaml_loaders,
        "moto.cognitoidentity.models": identities.pools,
        "moto.stepfunctions.parser.asl.utils.boto_client": ours(step_functions.clients),
    }


def _each(*made: Change) -> Change:
    def change(module: ModuleType) -> None:
        for one in made:
            one(module)

    return change


def main(listener: int, url: str) -> None:
    """Serve until the server that started this process is gone."""
    threading.Thread(target=_end_with_the_server, daemon=True).start()
    logging.basicConfig(stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    logging.getLogger("lambent").setLevel(logging.INFO)
    for missing in confine():
        logging.getLogger(__name__).info("not confined by %s", missing)
    accounts.surroundings(urlsplit(url).port or 80)
    install(changes(Lambent(url)))
    serving = importlib.import_module("werkzeug.serving")
    handler = importlib.import_module("moto.moto_server.werkzeug_app").MotoRequestHandler
    handler.log_request = lambda *_: None  # the gateway knows what it has sent
    server = serving.make_server(
        "unix://companion", 0, application(), threaded=True, request_handler=handler, fd=listener
    )
    os.close(listener)  # it has its own copy
    said = os.dup(1)
    os.dup2(2, 1)  # what moto prints is for the log
    os.write(said, READY)
    os.close(said)
    server.serve_forever(poll_interval=_NEVER_SECONDS)


def _end_with_the_server() -> None:
    while os.read(0, 1):
        queues.hurry()
    os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
