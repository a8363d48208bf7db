import os

from aws_lambda_powertools.utilities import parameters

table = parameters.DynamoDBProvider(table_name=os.environ["TABLE"])


def handler(event, context):
    return {
        "one": parameters.get_parameter("/shop/name"),
        "below": parameters.get_parameters("/shop/limits", max_age=60),
        "decrypted": parameters.get_parameter("/shop/pin", decrypt=True),
        "json": parameters.get_parameter("/shop/colours", transform="json", force_fetch=True),
        "secret": parameters.get_secret("shop/database", transform="json"),
        "row": table.get("greeting"),
    }
