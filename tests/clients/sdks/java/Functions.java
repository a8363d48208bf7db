import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import software.amazon.awssdk.auth.credentials.AnonymousCredentialsProvider;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.retries.DefaultRetryStrategy;
import software.amazon.awssdk.retries.api.BackoffStrategy;
import software.amazon.awssdk.services.lambda.LambdaClient;
import software.amazon.awssdk.services.lambda.model.AliasConfiguration;
import software.amazon.awssdk.services.lambda.model.CreateFunctionRequest;
import software.amazon.awssdk.services.lambda.model.CreateFunctionResponse;
import software.amazon.awssdk.services.lambda.model.FunctionConfiguration;
import software.amazon.awssdk.services.lambda.model.GetFunctionConfigurationResponse;
import software.amazon.awssdk.services.lambda.model.GetFunctionResponse;
import software.amazon.awssdk.services.lambda.model.InvocationType;
import software.amazon.awssdk.services.lambda.model.InvokeRequest;
import software.amazon.awssdk.services.lambda.model.InvokeResponse;
import software.amazon.awssdk.services.lambda.model.LogType;
import software.amazon.awssdk.services.lambda.model.PublishVersionResponse;
import software.amazon.awssdk.services.lambda.model.Runtime;
import software.amazon.awssdk.services.lambda.model.UpdateFunctionConfigurationResponse;
import software.amazon.awssdk.services.lambda.waiters.LambdaWaiter;

final class Functions {
    static final String NAME = "fn";
    static final Duration PATIENCE = Duration.ofMinutes(2);
    static final String NO_REVISION = "00000000-0000-4000-8000-000000000000";
    static final LambdaClient CLIENT = LambdaClient.builder()
            .overrideConfiguration(o -> o.retryStrategy(DefaultRetryStrategy.doNotRetry()))
            .build();
    private static final LambdaWaiter WAITER = LambdaWaiter.builder()
            .client(CLIENT)
            .overrideConfiguration(o -> o
                    .maxAttempts(10_000)
                    .waitTimeout(PATIENCE)
                    .backoffStrategyV2(BackoffStrategy.fixedDelay(Duration.ofMillis(50))))
            .build();

    private Functions() {}

    static Object life() throws Exception {
        byte[] code = Files.readAllBytes(Path.of(Scenarios.environment("PACKAGE")));
        CreateFunctionRequest request = CreateFunctionRequest.builder()
                .functionName(NAME)
                .runtime(Runtime.PYTHON3_13)
                .handler("app.handler")
                .role("arn:aws:iam::000000000000:role/any")
                .code(c -> c.zipFile(SdkBytes.fromByteArray(code)))
                .environment(e -> e.variables(Map.of("GREETING", "Grüezi")))
                .timeout(5)
                .build();
        CreateFunctionResponse created = CLIENT.createFunction(request);
        GetFunctionResponse found = WAITER.waitUntilFunctionActiveV2(g -> g.functionName(NAME)).matched().response().get();
        FunctionConfiguration function = found.configuration();
        Object again = Scenarios.refusal(() -> CLIENT.createFunction(request));
        UpdateFunctionConfigurationResponse configured = CLIENT.updateFunctionConfiguration(
                u -> u.functionName(NAME).timeout(7).revisionId(function.revisionId()));
        WAITER.waitUntilFunctionUpdatedV2(g -> g.functionName(NAME));
        CLIENT.updateFunctionCode(u -> u.functionName(NAME).zipFile(SdkBytes.fromByteArray(code)));
        WAITER.waitUntilFunctionUpdatedV2(g -> g.functionName(NAME));
        PublishVersionResponse published = CLIENT.publishVersion(p -> p.functionName(NAME).description("première"));
        GetFunctionConfigurationResponse first = WAITER
                .waitUntilPublishedVersionActive(g -> g.functionName(NAME).qualifier("1")).matched().response().get();
        CLIENT.deleteFunction(d -> d.functionName(NAME));
        byte[] sum = MessageDigest.getInstance("SHA-256").digest(code);
        return Scenarios.seen(
                "created", Scenarios.seen(
                        "state", created.state(), "reason", created.stateReasonCode(), "arn", created.functionArn()),
                "function", described(function),
                "sameSum", function.codeSha256().equals(Base64.getEncoder().encodeToString(sum)),
                "sameCode", Arrays.equals(fetched(found.code().location()), code),
                "again", again,
                "configured", Scenarios.seen("timeout", configured.timeout(), "update", configured.lastUpdateStatus()),
                "published", Scenarios.seen(
                        "version", published.version(),
                        "description", published.description(),
                        "state", first.state()),
                "missing", Scenarios.refusal(() -> CLIENT.getFunction(g -> g.functionName(NAME))));
    }

    private static Object described(FunctionConfiguration function) {
        return Scenarios.seen(
                "state", function.state(),
                "update", function.lastUpdateStatus(),
                "runtime", function.runtime(),
                "handler", function.handler(),
                "memorySize", function.memorySize(),
                "timeout", function.timeout(),
                "storage", function.ephemeralStorage().size(),
                "architecture", function.architectures(),
                "packageType", function.packageType(),
                "codeSize", function.codeSize(),
                "variables", function.environment().variables(),
                "tracing", function.tracingConfig().mode(),
                "logFormat", function.loggingConfig().logFormat(),
                "logGroup", function.loggingConfig().logGroup(),
                "snapStart", function.snapStart().applyOn(),
                "version", function.version());
    }

    private static byte[] fetched(String address) throws IOException {
        try (InputStream stream = URI.create(address).toURL().openStream()) {
            return stream.readAllBytes();
        }
    }

    static InvokeResponse call(String payload, Consumer<InvokeRequest.Builder> change) {
        return CLIENT.invoke(request -> {
            request.functionName(NAME).payload(SdkBytes.fromUtf8String(payload));
            change.accept(request);
        });
    }

    static Object invoke() {
        InvokeResponse answer = call("{\"name\": \"Zoë\"}", r -> r.logType(LogType.TAIL));
        InvokeResponse failed = call("{}", r -> {});
        InvokeResponse event = call("{\"name\": \"x\"}", r -> r.invocationType(InvocationType.EVENT));
        InvokeResponse dry = call("", r -> r.invocationType(InvocationType.DRY_RUN));
        byte[] context = "{\"custom\": {\"shop\": \"thé\"}}".getBytes(StandardCharsets.UTF_8);
        InvokeResponse known = call("{\"name\": \"x\"}", r -> r
                .clientContext(Base64.getEncoder().encodeToString(context))
                .qualifier("1"));
        InvokeResponse byArn = call("{\"name\": \"x\"}", r -> r.functionName(Scenarios.environment("ARN") + ":1"));
        String text = "é".repeat(2_500_000);
        InvokeResponse large = call("{\"name\": \"" + text + "\"}", r -> {});
        return Scenarios.seen(
                "answer", Scenarios.document(answer.payload().asUtf8String()),
                "status", answer.statusCode(),
                "executedVersion", answer.executedVersion(),
                "noError", answer.functionError(),
                "log", decoded(answer.logResult()),
                "functionError", failed.functionError(),
                "error", Scenarios.document(failed.payload().asUtf8String()),
                "event", Scenarios.seen("status", event.statusCode(), "bytes", length(event)),
                "dryRun", Scenarios.seen("status", dry.statusCode(), "bytes", length(dry)),
                "context", Scenarios.document(known.payload().asUtf8String()),
                "qualified", known.executedVersion(),
                "byArn", byArn.executedVersion(),
                "large", Scenarios.document(large.payload().asUtf8String()).field("hello").get().asString().equals(text));
    }

    private static int length(InvokeResponse answer) {
        return answer.payload() == null ? 0 : answer.payload().asByteArrayUnsafe().length;
    }

    static String decoded(String base64) {
        return new String(Base64.getDecoder().decode(base64), StandardCharsets.UTF_8);
    }

    static Object errors() {
        LambdaClient unsigned = LambdaClient.builder().credentialsProvider(AnonymousCredentialsProvider.create()).build();
        String large = '"' + "x".repeat(6_300_000) + '"';
        return Scenarios.seen(
                "missing", Scenarios.refusal(() -> call("{}", r -> r.functionName("nobody"))),
                "notJson", Scenarios.refusal(() -> call("{", r -> {})),
                "tooLarge", Scenarios.refusal(() -> call(large, r -> {})),
                "throttled", Scenarios.refusal(() -> call("{}", r -> r.functionName("throttled"))),
                "invalid", Scenarios.refusal(() -> call("{}", r -> r.functionName("not a name"))),
                "stream", Scenarios.refusal(() -> Streams.collected("throttled", "{}", text -> {})),
                "changed", Scenarios.refusal(() -> CLIENT.updateFunctionConfiguration(
                        u -> u.functionName(NAME).revisionId(NO_REVISION).timeout(9))),
                "parameter", Scenarios.refusal(() -> CLIENT.publishLayerVersion(
                        p -> p.layerName("layer").content(c -> c.zipFile(SdkBytes.fromUtf8String("no zip file"))))),
                "provisioned", Scenarios.refusal(() -> CLIENT.getProvisionedConcurrencyConfig(
                        g -> g.functionName(NAME).qualifier("1"))),
                "unsigned", Scenarios.refusal(unsigned::listFunctions));
    }

    /** Played as if in a function, with what the SDK reads there. */
    static Object chain() {
        return Scenarios.seen(
                "invoke", Scenarios.refusal(() -> call("{}", r -> {})),
                "stream", Scenarios.refusal(() -> Streams.collected(NAME, "{}", text -> {})));
    }

    static Object pages() {
        List<String> functions = new ArrayList<>();
        int most = 0;
        for (var page : CLIENT.listFunctionsPaginator(r -> r.maxItems(2))) {
            page.functions().forEach(function -> functions.add(function.functionName()));
            most = Math.max(most, page.functions().size());
        }
        Collections.sort(functions);
        List<String> versions = CLIENT.listVersionsByFunctionPaginator(r -> r.functionName(NAME).maxItems(2))
                .versions().stream().map(FunctionConfiguration::version).sorted().toList();
        List<String> aliases = CLIENT.listAliasesPaginator(r -> r.functionName(NAME).maxItems(1))
                .aliases().stream().map(AliasConfiguration::name).sorted().toList();
        return Scenarios.seen("functions", functions, "versions", versions, "aliases", aliases, "most", most);
    }
}
