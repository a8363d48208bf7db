import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CompletionException;
import java.util.function.Supplier;
import software.amazon.awssdk.protocols.jsoncore.JsonNode;
import software.amazon.awssdk.protocols.jsoncore.JsonWriter;
import software.amazon.awssdk.services.lambda.model.LambdaException;
import software.amazon.awssdk.services.lambda.model.TooManyRequestsException;

/**
 * Drives a Lambent through the AWS SDK for Java and prints what it saw: a JSON document per line.
 *
 * <p>The argument names what to do; endpoint, region and credentials come from the environment, where every SDK looks.
 */
public final class Scenarios {
    private static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);

    private Scenarios() {}

    public static void main(String[] arguments) throws Exception {
        tell(switch (arguments[0]) {
            case "life" -> Functions.life();
            case "invoke" -> Functions.invoke();
            case "errors" -> Functions.errors();
            case "chain" -> Functions.chain();
            case "pages" -> Functions.pages();
            case "stream" -> Streams.stream();
            case "settings" -> Resources.settings();
            case "aliases" -> Resources.aliases();
            case "url" -> Urls.url();
            case "mapping" -> Resources.mapping();
            default -> throw new IllegalArgumentException(arguments[0]);
        });
        System.exit(0); // without waiting for the pools of the clients
    }

    static void tell(Object what) {
        try (JsonWriter writer = JsonWriter.create()) {
            write(writer, what);
            OUT.println(new String(writer.getBytes(), StandardCharsets.UTF_8));
        }
    }

    /** A JSON object: names and values in turn. */
    static Map<String, Object> seen(Object... namesAndValues) {
        Map<String, Object> map = new LinkedHashMap<>();
        for (int at = 0; at < namesAndValues.length; at += 2) {
            map.put((String) namesAndValues[at], namesAndValues[at + 1]);
        }
        return map;
    }

    /** The error of a call: null if it had none. */
    static Map<String, Object> refusal(Supplier<?> call) {
        LambdaException error;
        try {
            call.get();
            return null;
        } catch (LambdaException caught) {
            error = caught;
        } catch (CompletionException caught) {
            error = (LambdaException) caught.getCause();
        }
        boolean hasType = error.getClass() != LambdaException.class;
        Map<String, Object> told = seen(
                "type", hasType ? error.getClass().getSimpleName() : null,
                "code", error.awsErrorDetails().errorCode(),
                "message", error.awsErrorDetails().errorMessage(),
                "status", error.statusCode());
        if (error instanceof TooManyRequestsException throttled) {
            told.put("reason", throttled.reason());
            told.put("retryAfterSeconds", throttled.retryAfterSeconds());
        }
        return told;
    }

    static JsonNode document(String text) {
        return JsonNode.parser().parse(text);
    }

    static String environment(String name) {
        return System.getenv(name);
    }

    private static void write(JsonWriter writer, Object value) {
        if (value == null) {
            writer.writeNull();
        } else if (value instanceof Map<?, ?> map) {
            writer.writeStartObject();
            map.forEach((name, inside) -> {
                writer.writeFieldName((String) name);
                write(writer, inside);
            });
            writer.writeEndObject();
        } else if (value instanceof Collection<?> list) {
            writer.writeStartArray();
            list.forEach(inside -> write(writer, inside));
            writer.writeEndArray();
        } else if (value instanceof JsonNode node) {
            write(writer, plain(node));
        } else if (value instanceof Boolean flag) {
            writer.writeValue(flag);
        } else if (value instanceof Number number) {
            writer.writeNumber(number.toString());
        } else {
            writer.writeValue(value.toString());
        }
    }

    private static Object plain(JsonNode node) {
        if (node.isNull()) {
            return null;
        }
        if (node.isBoolean()) {
            return node.asBoolean();
        }
        if (node.isNumber()) {
            return new java.math.BigDecimal(node.asNumber());
        }
        if (node.isObject()) {
            return node.asObject();
        }
        return node.isArray() ? node.asArray() : node.asString();
    }
}
