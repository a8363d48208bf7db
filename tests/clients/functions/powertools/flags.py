import json
import os

import boto3
from aws_lambda_powertools.utilities.feature_flags import FeatureFlags, StoreProvider


class InBucket(StoreProvider):
    def get_configuration(self):
        return self.get_raw_configuration

    @property
    def get_raw_configuration(self):
        found = boto3.client("s3").get_object(Bucket=os.environ["BUCKET"], Key="flags.json")
        return json.load(found["Body"])


flags = FeatureFlags(store=InBucket())


def handler(event, context):
    return {
        "premium": flags.evaluate(name="premium", context={"tier": event["tier"]}, default=False),
        "enabled": flags.get_enabled_features(context={"tier": event["tier"]}),
        "unknown": flags.evaluate(name="unknown", default="no"),
    }
