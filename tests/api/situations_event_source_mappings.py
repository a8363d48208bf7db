"""What the samples of event-source-mappings.json need."""

from tests.api.golden_world import NOT_YET, Reasons, Situations

FILE = "event-source-mappings"

SITUATIONS: Situations = {}

SKIPPED: Reasons = {
    ("CreateEventSourceMapping", "SQS, only required parameters"): NOT_YET + "CreateEventSourceMapping",
    ("CreateEventSourceMapping", "SQS, name with $LATEST: kept in FunctionArn"): NOT_YET + "CreateEventSourceMapping",
    ("CreateEventSourceMapping", "SQS, name with alias"): NOT_YET + "CreateEventSourceMapping",
    ("CreateEventSourceMapping", "SQS, ARN of a version"): NOT_YET + "CreateEventSourceMapping",
    ("CreateEventSourceMapping", "SQS FIFO (queue name ends in .fifo), disabled from the start"): NOT_YET
    + "CreateEventSourceMapping",
    ("UpdateEventSourceMapping", "disabled one switched on"): NOT_YET + "UpdateEventSourceMapping",
    ("GetEventSourceMapping", "SQS, enabled"): NOT_YET + "GetEventSourceMapping",
    ("CreateEventSourceMapping", "SQS, window, big batches and maximum concurrency"): NOT_YET
    + "CreateEventSourceMapping",
    ("UpdateEventSourceMapping", "SQS, pointed at another version"): NOT_YET + "UpdateEventSourceMapping",
    ("GetEventSourceMapping", "SQS, that update finished"): NOT_YET + "GetEventSourceMapping",
    ("CreateEventSourceMapping", "Kinesis, only required parameters"): NOT_YET + "CreateEventSourceMapping",
    ("CreateEventSourceMapping", "Kinesis with retries, window and failure destination"): NOT_YET
    + "CreateEventSourceMapping",
    ("GetEventSourceMapping", "Kinesis, after a batch was processed"): NOT_YET + "GetEventSourceMapping",
    ("CreateEventSourceMapping", "DynamoDB stream with retries, window and failure destination"): NOT_YET
    + "CreateEventSourceMapping",
    ("GetEventSourceMapping", "DynamoDB stream, enabled"): NOT_YET + "GetEventSourceMapping",
    ("DeleteEventSourceMapping", "DynamoDB stream"): NOT_YET + "DeleteEventSourceMapping",
    ("CreateEventSourceMapping", "DynamoDB stream, empty filter list: not echoed"): NOT_YET
    + "CreateEventSourceMapping",
    ("UpdateEventSourceMapping", "DynamoDB stream switched off"): NOT_YET + "UpdateEventSourceMapping",
    ("ListEventSourceMappings", "by source; the table behind it was just deleted"): NOT_YET + "ListEventSourceMappings",
    ("GetEventSourceMapping", "unknown"): NOT_YET + "GetEventSourceMapping",
    ("DeleteEventSourceMapping", "unknown"): NOT_YET + "DeleteEventSourceMapping",
    ("UpdateEventSourceMapping", "unknown"): NOT_YET + "UpdateEventSourceMapping",
    ("CreateEventSourceMapping", "no source given"): NOT_YET + "CreateEventSourceMapping",
    ("CreateEventSourceMapping", "function does not exist: 400, not 404"): NOT_YET + "CreateEventSourceMapping",
    ("CreateEventSourceMapping", "OnSuccess destination"): NOT_YET + "CreateEventSourceMapping",
    ("CreateEventSourceMapping", "Kinesis without starting position"): NOT_YET + "CreateEventSourceMapping",
    ("CreateEventSourceMapping", "Kinesis, unknown starting position"): NOT_YET + "CreateEventSourceMapping",
    ("CreateEventSourceMapping", "SQS queue does not exist"): NOT_YET + "CreateEventSourceMapping",
    ("CreateEventSourceMapping", "Kinesis stream does not exist"): NOT_YET + "CreateEventSourceMapping",
    ("CreateEventSourceMapping", "DynamoDB stream does not exist"): NOT_YET + "CreateEventSourceMapping",
    ("CreateEventSourceMapping", "Kinesis: same stream and function again"): NOT_YET + "CreateEventSourceMapping",
    ("CreateEventSourceMapping", "SQS, batch of 11 without window"): NOT_YET + "CreateEventSourceMapping",
    ("UpdateEventSourceMapping", "SQS, batch of 11 without window"): NOT_YET + "UpdateEventSourceMapping",
    ("CreateEventSourceMapping", "filter pattern that is no event pattern"): NOT_YET + "CreateEventSourceMapping",
}
