import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.huaweicloud.sdk.core.ClientBuilder;
import com.huaweicloud.sdk.core.HcClient;
import com.huaweicloud.sdk.core.auth.ICredential;
import com.huaweicloud.sdk.core.exception.ServiceResponseException;
import com.huaweicloud.sdk.core.http.HttpClient;
import com.huaweicloud.sdk.core.http.HttpRequest;
import com.huaweicloud.sdk.core.region.Region;
import com.huaweicloud.sdk.core.utils.JsonUtils;
import com.huaweicloud.sdk.csms.v1.CsmsClient;
import com.huaweicloud.sdk.csms.v1.model.ListSecretsRequest;
import com.huaweicloud.sdk.kms.v2.KmsClient;
import java.io.File;
import java.io.InputStream;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.net.URI;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;

/**
 * Runs the scenario with the official Java SDK against a running server and prints what happened.
 *
 * <p>The server is named by CSMS_CREDENTIALS (the path of its credentials.json), the steps by CSMS_SCENARIO, and the way to sign
 * in by CSMS_AUTHENTICATION ("signature" or "token"). Operations are found by reflection, so that a newer SDK's are too.
 */
public final class Conformance {
    private static final ObjectMapper JSON = new ObjectMapper();

    /** Sends X-Auth-Token instead of a signature. The client builder knows credentials by the name of their class. */
    public static final class BasicCredentials extends com.huaweicloud.sdk.core.auth.BasicCredentials {
        private final String token;
        private final String project;

        BasicCredentials(String token, String project) {
            this.token = token;
            this.project = project;
        }

        @Override
        public CompletableFuture<ICredential> processAuthParams(HcClient client, String region) {
            return CompletableFuture.completedFuture(this);
        }

        @Override
        public CompletableFuture<HttpRequest> processAuthRequest(HttpRequest request, HttpClient client) {
            return CompletableFuture.completedFuture(syncProcessAuthRequest(request, client));
        }

        @Override
        public HttpRequest syncProcessAuthRequest(HttpRequest request, HttpClient client) {
            HttpRequest.HttpRequestBuilder builder = request.builder().addAutoFilledPathParam("project_id", project);
            return builder.addHeader("X-Auth-Token", token).addHeader("X-Project-Id", project).build();
        }

        @Override
        public BasicCredentials deepClone() {
            return this;
        }
    }

    private static ICredential signing(JsonNode server, boolean named) {
        com.huaweicloud.sdk.core.auth.BasicCredentials keys =
                new com.huaweicloud.sdk.core.auth.BasicCredentials().withAk(text(server, "access_key")).withSk(text(server, "secret_key"));
        return named ? keys.withProjectId(text(server, "project_id")) : keys.withIamEndpoint(text(server, "endpoint"));
    }

    /** A project token. The IAM SDK for Java does not hand out the header that carries it. */
    private static String token(JsonNode server) throws Exception {
        ObjectNode body = JSON.createObjectNode();
        ObjectNode auth = body.putObject("auth");
        ObjectNode identity = auth.putObject("identity");
        identity.putArray("methods").add("password");
        ObjectNode user = identity.putObject("password").putObject("user");
        user.put("name", text(server, "user_name")).put("password", text(server, "password"));
        user.putObject("domain").put("name", text(server, "domain_name"));
        auth.putObject("scope").putObject("project").put("id", text(server, "project_id"));
        var request = java.net.http.HttpRequest.newBuilder(URI.create(text(server, "endpoint") + "/v3/auth/tokens"))
                .header("Content-Type", "application/json").POST(BodyPublishers.ofString(body.toString())).build();
        var response = java.net.http.HttpClient.newHttpClient().send(request, BodyHandlers.discarding());
        return response.headers().firstValue("X-Subject-Token").orElseThrow();
    }

    private static String text(JsonNode object, String name) {
        return object.get(name).asText();
    }

    private static <T> T client(ClientBuilder<T> builder, JsonNode server, boolean byToken) throws Exception {
        ICredential credential =
                byToken ? new BasicCredentials(token(server), text(server, "project_id")) : signing(server, true);
        return builder.withCredential(credential).withEndpoint(text(server, "endpoint")).build();
    }

    /** The methods of a client that take a request, by the names of their operations. */
    private static Map<String, Method> operations(Class<?> client) {
        Map<String, Method> found = new TreeMap<>();
        for (Method method : client.getMethods()) {
            boolean takesRequest = method.getParameterCount() == 1 && method.getParameterTypes()[0].getSimpleName().endsWith("Request");
            if (takesRequest && method.getReturnType().getSimpleName().endsWith("Response")) {
                found.put(method.getName().substring(0, 1).toUpperCase() + method.getName().substring(1), method);
            }
        }
        return found;
    }

    private static String filled(String text, Map<String, String> saved) {
        for (Map.Entry<String, String> entry : saved.entrySet()) {
            text = text.replace("{{" + entry.getKey() + "}}", entry.getValue());
        }
        return text;
    }

    /** Makes the call of a step; a text says what is wrong with what came of it. */
    private static String run(JsonNode step, Object client, Method method, Map<String, String> saved) throws Exception {
        Object request = JsonUtils.toObject(filled(step.get("request").toString(), saved), method.getParameterTypes()[0]);
        JsonNode refused = step.get("refused");
        Object response;
        try {
            response = method.invoke(client, request);
        } catch (InvocationTargetException failure) {
            if (refused == null || !(failure.getCause() instanceof ServiceResponseException refusal)) {
                return String.valueOf(failure.getCause().getMessage());
            }
            boolean isMeant = refusal.getHttpStatusCode() == refused.get("status").asInt()
                    && refusal.getErrorCode().equals(text(refused, "code")) && refusal.getRequestId() != null;
            return isMeant ? "" : "refused with " + refusal.getHttpStatusCode() + " " + refusal.getErrorCode();
        }
        if (refused != null) {
            return "accepted";
        }
        JsonNode read = JSON.readTree(JsonUtils.toJSON(response));
        for (var fields = step.path("save").fields(); fields.hasNext(); ) {
            var field = fields.next();
            saved.put(field.getKey(), read.at(field.getValue().asText()).asText());
        }
        for (JsonNode pointer : step.path("has")) {
            if (read.at(pointer.asText()).isMissingNode()) {
                return "no " + pointer.asText();
            }
        }
        for (var fields = step.path("equals").fields(); fields.hasNext(); ) {
            var field = fields.next();
            String wanted = filled(field.getValue().asText(), saved);
            if (!read.at(field.getKey()).asText().equals(wanted)) {
                return field.getKey() + " is " + read.at(field.getKey()) + " instead of " + wanted;
            }
        }
        return "";
    }

    private static String version() throws Exception {
        Properties properties = new Properties();
        String path = "/META-INF/maven/com.huaweicloud.sdk/huaweicloud-sdk-csms/pom.properties";
        try (InputStream stream = CsmsClient.class.getResourceAsStream(path)) {
            if (stream != null) {
                properties.load(stream);
            }
        }
        return properties.getProperty("version", "unknown");
    }

    public static void main(String[] arguments) throws Exception {
        JsonNode server = JSON.readTree(new File(System.getenv("CSMS_CREDENTIALS")));
        JsonNode steps = JSON.readTree(new File(System.getenv("CSMS_SCENARIO")));
        String authentication = System.getenv("CSMS_AUTHENTICATION");
        boolean byToken = authentication.equals("token");
        // Without a project the SDK asks IAM for the one that is named like the region.
        Region region = new Region(text(server, "region"), text(server, "endpoint"));
        CsmsClient.newBuilder().withCredential(signing(server, false)).withRegion(region).build()
                .listSecrets(new ListSecretsRequest());
        Map<String, Object> clients = Map.of(
                "csms", client(CsmsClient.newBuilder(), server, byToken),
                "kms", client(KmsClient.newBuilder(), server, byToken));
        Map<String, Map<String, Method>> known = Map.of(
                "csms", operations(CsmsClient.class), "kms", operations(KmsClient.class));
        Map<String, String> saved = new HashMap<>(Map.of("prefix", "java-" + authentication + "-",
                "project", text(server, "project_id"), "user", text(server, "user_name"),
                "digest", "9f64a747e1b97f131fabb6b447296c9b6f0201e79fb3c5356e6c77e89b6a806a"));
        Map<String, Map<String, String>> outcomes = new TreeMap<>(Map.of("csms", new TreeMap<>(), "kms", new TreeMap<>()));
        for (JsonNode step : steps) {
            String service = text(step, "service");
            String operation = text(step, "operation");
            Method method = known.get(service).get(operation);
            String reason = method == null ? "" : run(step, clients.get(service), method, saved);
            String outcome = method == null ? "not in this SDK" : reason.isEmpty() ? "works" : "fails: " + reason;
            outcomes.get(service).merge(operation, outcome, (before, now) -> before.startsWith("fails") ? before : now);
        }
        known.forEach((service, methods) -> methods.keySet().forEach(name -> outcomes.get(service).putIfAbsent(name, "not tried")));
        System.out.println(JSON.writeValueAsString(
                Map.of("client", "Java SDK", "version", version(), "operations", outcomes)));
        System.exit(0);
    }
}
