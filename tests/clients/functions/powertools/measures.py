from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit, single_metric

metrics = Metrics(namespace="Shop", service="till")


@metrics.log_metrics(capture_cold_start_metric=True, raise_on_empty_metrics=True)
def handler(event, context):
    metrics.add_dimension("environment", "test")
    metrics.add_metadata("order", event["order"])
    for amount in event["amounts"]:
        metrics.add_metric("Amount", MetricUnit.Count, amount)
    with single_metric("Orders", MetricUnit.Count, 1, namespace="Shop") as metric:
        metric.add_dimension("kind", "single")
