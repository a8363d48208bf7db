from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

app = APIGatewayHttpResolver()
router = APIGatewayHttpRouter()


@router.get("/<number>")
def order(number):
    return {"number": number, "by": router.current_event.get_header_value("x-customer")}


app.include_router(router, prefix="/orders")


def handler(event, context):
    return app.resolve(event, context)
