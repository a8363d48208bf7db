package app;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

public final class App implements RequestHandler<Map<String, Object>, Object> {
    private int counter;

    public App() throws InterruptedException {
        switch (System.getenv().getOrDefault("SCENARIO_INIT", "")) {
            case "fail" -> throw new IllegalStateException("init failed");
            case "exit" -> Runtime.getRuntime().halt(3);
            case "sleep" -> Thread.sleep(20_000);
            case "say" -> System.out.println("said in init");
            default -> { }
        }
    }

    @Override
    public Object handleRequest(Map<String, Object> event, Context context) {
        try {
            return act(event, context);
        } catch (IOException | InterruptedException error) {
            throw new IllegalStateException(error);
        }
    }

    private Object act(Map<String, Object> event, Context context) throws IOException, InterruptedException {
        switch ((String) event.get("do")) {
            case "echo":
                return event.get("value");
            case "context":
                return describe(context);
            case "environment":
                return System.getenv();
            case "process":
                Path self = Path.of("/proc/self");
                return Map.of(
                        "directory", Path.of("").toAbsolutePath().toString(),
                        "uid", Files.getAttribute(self, "unix:uid"),
                        "gid", Files.getAttribute(self, "unix:gid"),
                        "pid", ProcessHandle.current().pid());
            case "write":
                return write(Path.of((String) event.get("path")), number(event, "megabytes"));
            case "exists":
                return Files.exists(Path.of((String) event.get("path")));
            case "remove":
                Files.delete(Path.of((String) event.get("path")));
                return null;
            case "count":
                return ++counter;
            case "say":
                System.out.println("out: " + event.get("text"));
                System.err.println("err: " + event.get("text"));
                return null;
            case "fail":
                throw new IllegalArgumentException((String) event.get("message"));
            case "exit":
                Runtime.getRuntime().halt(number(event, "status"));
                return null;
            case "signal":
                new ProcessBuilder("/bin/sh", "-c", "kill -9 " + ProcessHandle.current().pid()).start().waitFor();
                return null;
            case "sleep":
                Thread.sleep(number(event, "ms"));
                return context.getLogStreamName();
            case "large":
                char[] text = new char[number(event, "bytes")];
                Arrays.fill(text, 'x');
                return new String(text);
            default:
                throw new IllegalArgumentException("unknown event");
        }
    }

    private static int number(Map<String, Object> event, String name) {
        return ((Number) event.get(name)).intValue();
    }

    private static boolean write(Path path, int megabytes) {
        try (var file = Files.newOutputStream(path)) {
            for (int times = 0; times < megabytes; times++) {
                file.write(new byte[1024 * 1024]);
            }
            return true;
        } catch (IOException error) {
            return false;
        }
    }

    private static Map<String, Object> describe(Context context) {
        Map<String, Object> described = new LinkedHashMap<>();
        described.put("requestId", context.getAwsRequestId());
        described.put("functionArn", context.getInvokedFunctionArn());
        described.put("remainingMs", context.getRemainingTimeInMillis());
        described.put("functionName", context.getFunctionName());
        described.put("functionVersion", context.getFunctionVersion());
        described.put("memoryMb", context.getMemoryLimitInMB());
        described.put("logGroup", context.getLogGroupName());
        described.put("logStream", context.getLogStreamName());
        var client = context.getClientContext();
        described.put("clientContext", client == null ? null : Map.of("custom", client.getCustom()));
        var identity = context.getIdentity();
        boolean known = identity != null && !identity.getIdentityId().isEmpty();
        described.put("identity", !known ? null : Map.of(
                "cognitoIdentityId", identity.getIdentityId(), "cognitoIdentityPoolId", identity.getIdentityPoolId()));
        described.put("traceId", System.getProperty("com.amazonaws.xray.traceHeader"));
        return described;
    }
}
