import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import software.amazon.awssdk.services.lambda.LambdaClient;
import software.amazon.awssdk.services.lambda.model.CreateAliasResponse;
import software.amazon.awssdk.services.lambda.model.CreateEventSourceMappingResponse;
import software.amazon.awssdk.services.lambda.model.CreateFunctionUrlConfigResponse;
import software.amazon.awssdk.services.lambda.model.DeleteEventSourceMappingResponse;
import software.amazon.awssdk.services.lambda.model.Filter;
import software.amazon.awssdk.services.lambda.model.FunctionResponseType;
import software.amazon.awssdk.services.lambda.model.FunctionUrlAuthType;
import software.amazon.awssdk.services.lambda.model.GetAliasResponse;
import software.amazon.awssdk.services.lambda.model.GetEventSourceMappingResponse;
import software.amazon.awssdk.services.lambda.model.GetFunctionEventInvokeConfigResponse;
import software.amazon.awssdk.services.lambda.model.GetFunctionResponse;
import software.amazon.awssdk.services.lambda.model.GetFunctionUrlConfigResponse;
import software.amazon.awssdk.services.lambda.model.InvokeMode;
import software.amazon.awssdk.services.lambda.model.PutFunctionEventInvokeConfigResponse;
import software.amazon.awssdk.services.lambda.model.UpdateEventSourceMappingResponse;

final class Resources {
    private static final LambdaClient CLIENT = Functions.CLIENT;
    private static final String NAME = Functions.NAME;

    private Resources() {}

    private static boolean isRecent(Instant moment) {
        return Duration.between(moment, Instant.now()).abs().toHours() < 1;
    }

    static Object settings() {
        PutFunctionEventInvokeConfigResponse put = CLIENT.putFunctionEventInvokeConfig(p -> p
                .functionName(NAME)
                .maximumRetryAttempts(1)
                .destinationConfig(d -> d.onFailure(f -> f.destination(Scenarios.environment("OTHER")))));
        CLIENT.updateFunctionEventInvokeConfig(u -> u.functionName(NAME).maximumEventAgeInSeconds(60));
        GetFunctionEventInvokeConfigResponse got = CLIENT.getFunctionEventInvokeConfig(g -> g.functionName(NAME));
        int listed = CLIENT.listFunctionEventInvokeConfigs(l -> l.functionName(NAME)).functionEventInvokeConfigs().size();
        CLIENT.deleteFunctionEventInvokeConfig(d -> d.functionName(NAME));
        Object gone = Scenarios.refusal(() -> CLIENT.getFunctionEventInvokeConfig(g -> g.functionName(NAME)));

        CLIENT.putFunctionConcurrency(p -> p.functionName(NAME).reservedConcurrentExecutions(3));
        GetFunctionResponse function = CLIENT.getFunction(g -> g.functionName(NAME));
        String arn = function.configuration().functionArn();
        CLIENT.tagResource(t -> t.resource(arn).tags(Map.of("équipe", "thé")));
        Map<String, String> tags = CLIENT.listTags(l -> l.resource(arn)).tags();
        CLIENT.untagResource(u -> u.resource(arn).tagKeys("équipe"));
        int left = CLIENT.listTags(l -> l.resource(arn)).tags().size();
        String statement = CLIENT.addPermission(a -> a
                .functionName(NAME)
                .statementId("events")
                .action("lambda:InvokeFunction")
                .principal("events.amazonaws.com")).statement();
        String policy = CLIENT.getPolicy(g -> g.functionName(NAME)).policy();
        var limits = CLIENT.getAccountSettings().accountLimit();
        return Scenarios.seen(
                "put", Scenarios.seen(
                        "retries", put.maximumRetryAttempts(),
                        "age", put.maximumEventAgeInSeconds(),
                        "recent", isRecent(put.lastModified())),
                "got", Scenarios.seen(
                        "retries", got.maximumRetryAttempts(),
                        "age", got.maximumEventAgeInSeconds(),
                        "failure", got.destinationConfig().onFailure().destination()),
                "listed", listed,
                "gone", gone,
                "reserved", function.concurrency().reservedConcurrentExecutions(),
                "tags", List.of(tags, left),
                "statement", List.of(
                        Scenarios.document(statement).field("Sid").get(),
                        Scenarios.document(policy).field("Statement").get().asArray().size()),
                "account", Scenarios.seen(
                        "concurrency", limits.concurrentExecutions(),
                        "unreserved", limits.unreservedConcurrentExecutions(),
                        "storage", limits.totalCodeSize()),
                "url", address());
    }

    private static Object address() {
        CreateFunctionUrlConfigResponse created = CLIENT.createFunctionUrlConfig(c -> c
                .functionName(NAME)
                .authType(FunctionUrlAuthType.AWS_IAM)
                .invokeMode(InvokeMode.RESPONSE_STREAM)
                .cors(x -> x.allowOrigins("https://shop.example").maxAge(300)));
        CLIENT.updateFunctionUrlConfig(u -> u.functionName(NAME).authType(FunctionUrlAuthType.NONE));
        GetFunctionUrlConfigResponse found = CLIENT.getFunctionUrlConfig(g -> g.functionName(NAME));
        CLIENT.deleteFunctionUrlConfig(d -> d.functionName(NAME));
        return Scenarios.seen(
                "sameAddress", created.functionUrl().equals(found.functionUrl()),
                "before", created.authType(),
                "after", found.authType(),
                "mode", found.invokeMode(),
                "origins", found.cors().allowOrigins(),
                "maxAge", found.cors().maxAge());
    }

    static Object aliases() {
        CreateAliasResponse created = CLIENT.createAlias(c -> c
                .functionName(NAME)
                .name("live")
                .functionVersion("1")
                .description("en ligne")
                .routingConfig(r -> r.additionalVersionWeights(Map.of("2", 0.5))));
        TreeSet<String> versions = new TreeSet<>();
        for (int times = 0; times < 60; times++) {
            versions.add(Functions.call("{}", r -> r.qualifier("live")).executedVersion());
        }
        Object stale = Scenarios.refusal(() -> CLIENT.updateAlias(
                u -> u.functionName(NAME).name("live").revisionId(Functions.NO_REVISION)));
        CLIENT.updateAlias(u -> u
                .functionName(NAME)
                .name("live")
                .functionVersion("2")
                .revisionId(created.revisionId())
                .routingConfig(r -> r.additionalVersionWeights(Map.of())));
        GetAliasResponse moved = CLIENT.getAlias(g -> g.functionName(NAME).name("live"));
        String executed = Functions.call("{}", r -> r.qualifier("live")).executedVersion();
        CLIENT.deleteAlias(d -> d.functionName(NAME).name("live"));
        return Scenarios.seen(
                "weights", created.routingConfig().additionalVersionWeights(),
                "description", created.description(),
                "versions", versions,
                "stale", stale,
                "moved", Scenarios.seen(
                        "version", moved.functionVersion(),
                        "hasRouting", moved.routingConfig() != null,
                        "executed", executed),
                "gone", Scenarios.refusal(() -> CLIENT.getAlias(g -> g.functionName(NAME).name("live"))));
    }

    static Object mapping() throws InterruptedException {
        CreateEventSourceMappingResponse created = CLIENT.createEventSourceMapping(c -> c
                .functionName(NAME)
                .eventSourceArn(Scenarios.environment("SOURCE"))
                .batchSize(5)
                .maximumBatchingWindowInSeconds(1)
                .functionResponseTypes(FunctionResponseType.REPORT_BATCH_ITEM_FAILURES)
                .scalingConfig(s -> s.maximumConcurrency(2))
                .filterCriteria(f -> f.filters(
                        Filter.builder().pattern("{\"body\": {\"tea\": [\"green\"]}}").build())));
        GetEventSourceMappingResponse enabled = settled(created.uuid(), "Enabled");
        List<Boolean> listed = CLIENT.listEventSourceMappingsPaginator(l -> l.functionName(NAME).maxItems(1))
                .eventSourceMappings().stream().map(one -> one.uuid().equals(created.uuid())).toList();
        UpdateEventSourceMappingResponse updated =
                CLIENT.updateEventSourceMapping(u -> u.uuid(created.uuid()).batchSize(7).enabled(false));
        GetEventSourceMappingResponse disabled = settled(created.uuid(), "Disabled");
        DeleteEventSourceMappingResponse deleted = CLIENT.deleteEventSourceMapping(d -> d.uuid(created.uuid()));
        Map<String, Object> gone = null;
        for (Instant end = Instant.now().plus(Functions.PATIENCE); gone == null && Instant.now().isBefore(end);) {
            Thread.sleep(50);
            gone = Scenarios.refusal(() -> CLIENT.getEventSourceMapping(g -> g.uuid(created.uuid())));
        }
        return Scenarios.seen(
                "created", Scenarios.seen(
                        "state", created.state(),
                        "batchSize", created.batchSize(),
                        "window", created.maximumBatchingWindowInSeconds(),
                        "responses", created.functionResponseTypes(),
                        "concurrency", created.scalingConfig().maximumConcurrency(),
                        "pattern", created.filterCriteria().filters().get(0).pattern(),
                        "recent", isRecent(created.lastModified()),
                        "source", created.eventSourceArn(),
                        "function", created.functionArn()),
                "enabled", enabled.batchSize(),
                "listed", listed,
                "updated", updated.batchSize(),
                "disabled", disabled.batchSize(),
                "deleted", deleted.state(),
                "gone", gone == null ? null : gone.get("code"));
    }

    private static GetEventSourceMappingResponse settled(String uuid, String state) throws InterruptedException {
        for (Instant end = Instant.now().plus(Functions.PATIENCE); Instant.now().isBefore(end);) {
            GetEventSourceMappingResponse found = CLIENT.getEventSourceMapping(g -> g.uuid(uuid));
            if (found.state().equals(state)) {
                return found;
            }
            Thread.sleep(50);
        }
        throw new IllegalStateException("the mapping is not " + state);
    }
}
