from typing import Annotated

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import CORSConfig, LambdaFunctionUrlResolver, Response, content_types
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.shared.cookies import Cookie
from aws_lambda_powertools.utilities.data_classes import LambdaFunctionUrlEvent, event_source
from pydantic import BaseModel

logger = Logger(service="shop")
app = LambdaFunctionUrlResolver(
    enable_validation=True, cors=CORSConfig(allow_origin="https://shop.example", max_age=60, allow_credentials=True)
)


class Order(BaseModel):
    item: str
    count: int = 1


@app.get("/")
def home():
    return Response(
        200,
        content_types.TEXT_HTML,
        "<h1>Tee für alle</h1>",
        headers={"x-agent": app.current_event.request_context.http.user_agent},
        cookies=[Cookie("session", "zoë", http_only=True), Cookie("theme", "dark")],
    )


@app.get("/items/<name>")
def item(name: str, count: Annotated[int, Query(ge=1)] = 1):
    if name == "coffee":
        raise NotFoundError("no coffee here")
    return {"name": name, "count": count}


@app.post("/orders")
def order(order: Order) -> Order:
    return Response(201, content_types.APPLICATION_JSON, order, headers={"location": "/orders/1"})


@app.get("/picture", compress=True)
def picture():
    return Response(200, "image/x-own", bytes(range(256)))


@app.exception_handler(ZeroDivisionError)
def divided(error):
    return Response(418, content_types.TEXT_PLAIN, "divided")


@app.get("/divide")
def divide():
    return 1 / 0


@logger.inject_lambda_context(correlation_id_path=correlation_paths.LAMBDA_FUNCTION_URL)
@event_source(data_class=LambdaFunctionUrlEvent)
def handler(event, context):
    return app.resolve(event.raw_event, context)
