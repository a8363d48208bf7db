import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.function.Consumer;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.retries.DefaultRetryStrategy;
import software.amazon.awssdk.services.lambda.LambdaAsyncClient;
import software.amazon.awssdk.services.lambda.model.InvokeWithResponseStreamCompleteEvent;
import software.amazon.awssdk.services.lambda.model.InvokeWithResponseStreamRequest;
import software.amazon.awssdk.services.lambda.model.InvokeWithResponseStreamResponseHandler;
import software.amazon.awssdk.services.lambda.model.LogType;
import software.amazon.awssdk.services.lambda.model.ResponseStreamingInvocationType;

final class Streams {
    private static final LambdaAsyncClient CLIENT = LambdaAsyncClient.builder()
            .overrideConfiguration(o -> o.retryStrategy(DefaultRetryStrategy.doNotRetry()))
            .build();

    private Streams() {}

    /** Reads a response stream to its end; told hears of its first piece as soon as it is there. */
    static Map<String, Object> collected(String name, String payload, Consumer<String> told) {
        return collected(InvokeWithResponseStreamRequest.builder()
                .functionName(name)
                .payload(SdkBytes.fromUtf8String(payload))
                .logType(LogType.TAIL)
                .build(), told);
    }

    private static Map<String, Object> collected(InvokeWithResponseStreamRequest request, Consumer<String> told) {
        Map<String, Object> result = Scenarios.seen();
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        var visitor = InvokeWithResponseStreamResponseHandler.Visitor.builder()
                .onPayloadChunk(chunk -> {
                    if (text.size() == 0) {
                        told.accept(chunk.payload().asUtf8String());
                    }
                    text.writeBytes(chunk.payload().asByteArray());
                })
                .onInvokeComplete(end -> ended(end, result))
                .onDefault(event -> {
                    throw new IllegalStateException("an event that the SDK doesn't know: " + event);
                })
                .build();
        var handler = InvokeWithResponseStreamResponseHandler.builder()
                .onResponse(answer -> {
                    result.put("status", answer.statusCode());
                    result.put("version", answer.executedVersion());
                    result.put("contentType", answer.responseStreamContentType());
                })
                .subscriber(visitor)
                .build();
        CLIENT.invokeWithResponseStream(request, handler).join();
        result.put("text", text.toString(StandardCharsets.UTF_8));
        return result;
    }

    private static void ended(InvokeWithResponseStreamCompleteEvent end, Map<String, Object> result) {
        result.put("errorCode", end.errorCode());
        if (end.errorDetails() != null) {
            result.put("errorDetails", Scenarios.document(end.errorDetails()));
        }
        result.put("log", Functions.decoded(end.logResult()));
    }

    static Object stream() {
        String gate = Scenarios.environment("GATE");
        Consumer<String> quietly = text -> {};
        Map<String, Object> slow = collected(
                Functions.NAME,
                "{\"steps\": [{\"text\": \"one\"}, {\"gate\": " + gate + "}, {\"text\": \"two\"}]}",
                first -> Scenarios.tell(Scenarios.seen("first", first)));
        Map<String, Object> failed =
                collected(Functions.NAME, "{\"steps\": [{\"text\": \"one\"}, {\"fail\": \"RangeError\"}]}", quietly);
        Map<String, Object> lengthy =
                collected(Functions.NAME, "{\"steps\": [{\"text\": \"0123456789\", \"times\": 800000}]}", quietly);
        lengthy.put("text", ((String) lengthy.get("text")).length());
        String whole = Functions.call("{\"steps\": [{\"text\": \"one\"}, {\"text\": \"two\"}]}", r -> {})
                .payload().asUtf8String();
        Map<String, Object> dry = collected(
                InvokeWithResponseStreamRequest.builder()
                        .functionName(Functions.NAME)
                        .invocationType(ResponseStreamingInvocationType.DRY_RUN)
                        .build(),
                quietly);
        return Scenarios.seen(
                "slow", slow,
                "failed", failed,
                "long", lengthy,
                "whole", whole,
                "dryRun", dry.get("status"),
                "missing", Scenarios.refusal(() -> collected("nobody", "{}", quietly)));
    }
}
