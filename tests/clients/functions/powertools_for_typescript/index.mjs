import { BatchProcessor, EventType, processPartialResponse } from "@aws-lambda-powertools/batch";
import { Router } from "@aws-lambda-powertools/event-handler/http";
import { makeIdempotent } from "@aws-lambda-powertools/idempotency";
import { DynamoDBPersistenceLayer } from "@aws-lambda-powertools/idempotency/dynamodb";
import { Logger } from "@aws-lambda-powertools/logger";
import { Metrics, MetricUnit } from "@aws-lambda-powertools/metrics";
import { getSecret } from "@aws-lambda-powertools/parameters/secrets";
import { getParameter } from "@aws-lambda-powertools/parameters/ssm";
import { Tracer } from "@aws-lambda-powertools/tracer";

const logger = new Logger({ serviceName: "till" });
const tracer = new Tracer({ serviceName: "till" });
const metrics = new Metrics({ namespace: "Shop", serviceName: "till" });

export const observed = async (event, context) => {
  logger.addContext(context);
  logger.appendKeys({ customer: event.customer });
  logger.info("charging", { amount: event.amount });
  metrics.captureColdStartMetric();
  metrics.addMetric("Amount", MetricUnit.Count, event.amount);
  metrics.publishStoredMetrics();
  const segment = tracer.getSegment();
  const charging = segment.addNewSubsegment("## charging");
  tracer.setSegment(charging);
  tracer.putAnnotation("customer", event.customer);
  charging.close();
  tracer.setSegment(segment);
  return { root: tracer.getRootXrayTraceId(), sampled: tracer.isTraceSampled() };
};

const persistenceStore = new DynamoDBPersistenceLayer({ tableName: "powertools" });
export const once = makeIdempotent(async (event) => ({ payment: crypto.randomUUID(), order: event.order }), {
  persistenceStore,
});

const processor = new BatchProcessor(EventType.SQS);
const takeRecord = async (record) => JSON.parse(record.body);
export const batch = async (event, context) => processPartialResponse(event, takeRecord, processor, { context });

export const settings = async () => [await getParameter("/shop/name"), await getSecret("shop/database")];

const app = new Router();
app.get("/items/:name", async ({ params }) => ({ name: params.name }));
app.post("/orders", async ({ req }) => new Response(JSON.stringify(await req.json()), { status: 201 }));
export const routes = async (event, context) => app.resolve(event, context);
