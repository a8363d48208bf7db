import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.http.ContentStreamProvider;
import software.amazon.awssdk.http.HttpExecuteRequest;
import software.amazon.awssdk.http.HttpExecuteResponse;
import software.amazon.awssdk.http.SdkHttpClient;
import software.amazon.awssdk.http.SdkHttpMethod;
import software.amazon.awssdk.http.SdkHttpRequest;
import software.amazon.awssdk.http.apache5.Apache5HttpClient;
import software.amazon.awssdk.http.auth.aws.signer.AwsV4HttpSigner;

final class Urls {
    private static final ContentStreamProvider BODY =
            ContentStreamProvider.fromUtf8String("{\"tea\": \"thé\"}");
    private static final SdkHttpClient HTTP = Apache5HttpClient.create();

    private Urls() {}

    /** Sends a request to the function's URL, with the host's name or below a path, signed with the given secret. */
    private static Object answer(String address, String host, String secret) throws IOException {
        SdkHttpRequest.Builder builder = SdkHttpRequest.builder()
                .method(SdkHttpMethod.POST)
                .uri(URI.create(address + "teas/gr%C3%BCn%20a?size=2&kind=%2B%20x"))
                .putHeader("Content-Type", "application/json");
        if (host != null) {
            builder.putHeader("Host", host);
        }
        SdkHttpRequest request = builder.build();
        if (secret != null) {
            request = AwsV4HttpSigner.create().sign(r -> r
                    .identity(AwsBasicCredentials.create(Scenarios.environment("AWS_ACCESS_KEY_ID"), secret))
                    .request(builder.build())
                    .payload(BODY)
                    .putProperty(AwsV4HttpSigner.SERVICE_SIGNING_NAME, "lambda")
                    .putProperty(AwsV4HttpSigner.REGION_NAME, Scenarios.environment("AWS_REGION"))).request();
        }
        HttpExecuteResponse response = HTTP.prepareRequest(
                HttpExecuteRequest.builder().request(request).contentStreamProvider(BODY).build()).call();
        String body = new String(response.responseBody().get().readAllBytes(), StandardCharsets.UTF_8);
        return Scenarios.seen("status", response.httpResponse().statusCode(), "body", Scenarios.document(body));
    }

    static Object url() throws IOException {
        String server = Scenarios.environment("SERVER");
        String host = Scenarios.environment("URL_HOST");
        String secret = Scenarios.environment("AWS_SECRET_ACCESS_KEY");
        return Scenarios.seen(
                "byHost", answer(server, host, secret),
                "byPath", answer(Scenarios.environment("TWIN"), null, secret),
                "forged", answer(server, host, "another"),
                "unsigned", answer(server, host, null));
    }
}
