package madang;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.OutputStream;
import java.net.Authenticator;
import java.net.HttpURLConnection;
import java.net.PasswordAuthentication;
import java.net.URI;
import java.net.http.HttpClient;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.UUID;
import org.apache.hc.client5.http.auth.AuthScope;
import org.apache.hc.client5.http.auth.UsernamePasswordCredentials;
import org.apache.hc.client5.http.impl.auth.BasicCredentialsProvider;
import org.apache.hc.client5.http.impl.classic.HttpClients;
import org.junit.jupiter.api.Test;
import org.springframework.http.client.ClientHttpRequestFactory;
import org.springframework.http.client.HttpComponentsClientHttpRequestFactory;
import org.springframework.http.client.JdkClientHttpRequestFactory;
import org.springframework.http.client.SimpleClientHttpRequestFactory;
import org.springframework.http.client.support.BasicAuthenticationInterceptor;
import org.springframework.web.client.HttpClientErrorException;
import org.springframework.web.client.RestClient;
import org.springframework.web.client.RestTemplate;
import org.springframework.web.reactive.function.client.WebClient;

/** Spring applications without openvidu-java-client: what they use for REST, and the two ways of Basic authentication. */
class HttpStacksTest {
  private static final String URL = System.getenv("MADANG_URL") + "/openvidu/api";
  private static final String USER = "OPENVIDUAPP";
  private static final String SECRET = System.getenv("MADANG_SECRET");

  private final String id = "stack-" + UUID.randomUUID();

  @Test
  void a_rest_template_that_sends_credentials_at_once() {
    for (ClientHttpRequestFactory factory :
        new ClientHttpRequestFactory[] {
          new SimpleClientHttpRequestFactory(),
          new JdkClientHttpRequestFactory(),
          new HttpComponentsClientHttpRequestFactory()
        }) {
      RestTemplate template = new RestTemplate(factory);
      template.getInterceptors().add(new BasicAuthenticationInterceptor(USER, SECRET));
      livesThrough(template);
    }
  }

  /** What a RestTemplate was made of before Spring 6.1, which never repeats a body here. */
  @Test
  void an_http_url_connection_that_waits_for_the_challenge() throws IOException {
    HttpURLConnection creation = (HttpURLConnection) URI.create(URL + "/sessions").toURL().openConnection();
    creation.setAuthenticator(authenticator(SECRET));
    creation.setRequestMethod("POST");
    creation.setDoOutput(true);
    creation.setRequestProperty("Content-Type", "application/json");
    try (OutputStream body = creation.getOutputStream()) {
      body.write(("{\"customSessionId\":\"" + id + "\"}").getBytes(StandardCharsets.UTF_8));
    }
    assertEquals(200, creation.getResponseCode());
    HttpURLConnection deletion = (HttpURLConnection) URI.create(URL + "/sessions/" + id).toURL().openConnection();
    deletion.setAuthenticator(authenticator(SECRET));
    deletion.setRequestMethod("DELETE");
    assertEquals(204, deletion.getResponseCode());
  }

  @Test
  void a_jdk_client_that_waits_for_the_challenge() {
    HttpClient client = HttpClient.newBuilder().authenticator(authenticator(SECRET)).build();
    livesThrough(new RestTemplate(new JdkClientHttpRequestFactory(client)));
  }

  @Test
  void an_apache_client_that_waits_for_the_challenge() {
    livesThrough(new RestTemplate(apache(SECRET)));
  }

  @Test
  void a_rest_client_sends_a_body_of_unknown_length() {
    RestClient client =
        RestClient.builder()
            .baseUrl(URL)
            .requestFactory(new JdkClientHttpRequestFactory())
            .defaultHeaders(headers -> headers.setBasicAuth(USER, SECRET))
            .build();
    JsonNode session =
        client.post().uri("/sessions").body(Map.of("customSessionId", id)).retrieve().body(JsonNode.class);
    assertEquals(id, session.get("id").asText());
    assertEquals(204, client.delete().uri("/sessions/" + id).retrieve().toBodilessEntity().getStatusCode().value());
  }

  @Test
  void a_web_client() {
    WebClient client =
        WebClient.builder().baseUrl(URL).defaultHeaders(headers -> headers.setBasicAuth(USER, SECRET)).build();
    JsonNode session =
        client
            .post()
            .uri("/sessions")
            .bodyValue(Map.of("customSessionId", id))
            .retrieve()
            .bodyToMono(JsonNode.class)
            .block();
    assertEquals(id, session.get("id").asText());
    JsonNode connection =
        client.post().uri("/sessions/" + id + "/connection").retrieve().bodyToMono(JsonNode.class).block();
    assertEquals("pending", connection.get("status").asText());
    assertEquals(204, client.delete().uri("/sessions/" + id).retrieve().toBodilessEntity().block().getStatusCode().value());
  }

  @Test
  void a_wrong_secret_is_an_error_and_no_endless_loop() {
    assertThrows(
        HttpClientErrorException.Unauthorized.class,
        () -> new RestTemplate(apache("wrong")).getForObject(URL + "/sessions", JsonNode.class));
  }

  /** Creates, reads, changes, refuses and closes: with a body, without one, and with one that is refused first. */
  private void livesThrough(RestTemplate template) {
    JsonNode session = template.postForObject(URL + "/sessions", Map.of("customSessionId", id), JsonNode.class);
    assertEquals(id, session.get("id").asText());
    JsonNode connection =
        template.postForObject(
            URL + "/sessions/" + id + "/connection", Map.of("data", "안녕 마당", "role", "MODERATOR"), JsonNode.class);
    assertEquals("안녕 마당", connection.get("serverData").asText());
    JsonNode sessions = template.getForObject(URL + "/sessions?pendingConnections=true", JsonNode.class);
    assertEquals(1, sessions.get("content").get(0).get("connections").get("numberOfElements").asInt());
    assertThrows(
        HttpClientErrorException.Conflict.class,
        () -> template.postForObject(URL + "/sessions", Map.of("customSessionId", id), JsonNode.class));
    template.delete(URL + "/sessions/" + id);
    assertThrows(HttpClientErrorException.NotFound.class, () -> template.delete(URL + "/sessions/" + id));
  }

  private static ClientHttpRequestFactory apache(String secret) {
    BasicCredentialsProvider credentials = new BasicCredentialsProvider();
    credentials.setCredentials(
        new AuthScope(null, -1), new UsernamePasswordCredentials(USER, secret.toCharArray()));
    return new HttpComponentsClientHttpRequestFactory(
        HttpClients.custom().setDefaultCredentialsProvider(credentials).build());
  }

  private static Authenticator authenticator(String secret) {
    return new Authenticator() {
      @Override
      protected PasswordAuthentication getPasswordAuthentication() {
        return new PasswordAuthentication(USER, secret.toCharArray());
      }
    };
  }
}
