package madang;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.openvidu.java.client.Connection;
import io.openvidu.java.client.ConnectionProperties;
import io.openvidu.java.client.ConnectionType;
import io.openvidu.java.client.KurentoOptions;
import io.openvidu.java.client.MediaMode;
import io.openvidu.java.client.OpenVidu;
import io.openvidu.java.client.OpenViduHttpException;
import io.openvidu.java.client.OpenViduRole;
import io.openvidu.java.client.Publisher;
import io.openvidu.java.client.RecordingMode;
import io.openvidu.java.client.Session;
import io.openvidu.java.client.SessionProperties;
import java.net.Authenticator;
import java.net.PasswordAuthentication;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** A session's whole life, seen through the unmodified client. */
class LifeCycleTest {
  private static final String URL = System.getenv("MADANG_URL");
  private static final String SECRET = System.getenv("MADANG_SECRET");

  private final OpenVidu openvidu = new OpenVidu(URL, SECRET);
  private final String id = "java-" + UUID.randomUUID();
  private Session session;

  @BeforeEach
  void create() throws Exception {
    session = openvidu.createSession(new SessionProperties.Builder().customSessionId(id).build());
  }

  @AfterEach
  void end() throws Exception {
    try {
      session.close();
    } catch (OpenViduHttpException gone) {
      assertEquals(404, gone.getStatus());
    }
  }

  @Test
  void a_session_shows_what_it_was_created_with() throws Exception {
    assertEquals(id, session.getSessionId());
    assertTrue(Math.abs(System.currentTimeMillis() - session.createdAt()) < 60_000);
    assertEquals(MediaMode.ROUTED, session.getProperties().mediaMode());
    assertEquals(RecordingMode.MANUAL, session.getProperties().recordingMode());
    assertEquals(id, session.getProperties().customSessionId());
    assertFalse(session.isBeingRecorded());
    assertTrue(session.getConnections().isEmpty());
  }

  @Test
  void a_session_without_an_id_gets_one() throws Exception {
    Session other = openvidu.createSession();
    assertTrue(other.getSessionId().startsWith("ses_"), other.getSessionId());
    assertFalse(other.fetch());
    other.close();
  }

  @Test
  void creating_a_session_again_yields_the_same_one() throws Exception {
    Connection connection = session.createConnection();
    Session again =
        new OpenVidu(URL, SECRET)
            .createSession(new SessionProperties.Builder().customSessionId(id).build());
    // Client 2.20 knows nothing but the id yet.
    again.fetch();
    assertEquals(session.createdAt(), again.createdAt());
    assertEquals(connection.getConnectionId(), again.getConnections().get(0).getConnectionId());
  }

  @Test
  void fetching_shows_no_change_unless_there_was_one() throws Exception {
    assertFalse(session.fetch());
    session.createConnection();
    assertFalse(session.fetch(), "the client knows what it did itself");
    try (Participant ann =
        Participant.join(session.getConnections().get(0).getToken(), "{\"clientData\":\"Ann\"}")) {
      assertTrue(session.fetch(), "somebody joined");
      assertFalse(session.fetch());
      ann.publish();
      assertTrue(session.fetch(), "somebody publishes");
      assertFalse(session.fetch());
    }
  }

  @Test
  void all_sessions_are_fetched_at_once() throws Exception {
    session.createConnection();
    OpenVidu other = new OpenVidu(URL, SECRET);
    assertTrue(other.fetch());
    assertFalse(other.fetch());
    Session found =
        other.getActiveSessions().stream()
            .filter(s -> s.getSessionId().equals(id))
            .findFirst()
            .orElseThrow();
    assertEquals(1, found.getConnections().size());
  }

  @Test
  void a_connection_has_what_it_was_created_with() throws Exception {
    Connection connection =
        session.createConnection(
            new ConnectionProperties.Builder()
                .type(ConnectionType.WEBRTC)
                .role(OpenViduRole.MODERATOR)
                .data("server \"data\" é")
                .record(false)
                .kurentoOptions(
                    new KurentoOptions.Builder()
                        .videoMaxSendBandwidth(700)
                        .allowedFilters(new String[] {"GStreamerFilter"})
                        .build())
                .build());
    assertTrue(connection.getConnectionId().startsWith("con_"));
    assertEquals("pending", connection.getStatus());
    assertEquals(ConnectionType.WEBRTC, connection.getType());
    assertEquals(OpenViduRole.MODERATOR, connection.getRole());
    assertEquals("server \"data\" é", connection.getServerData());
    assertFalse(connection.record());
    assertTrue(connection.getToken().matches("wss?://.+\\?sessionId=" + id + "&token=tok_.+"));
    assertFalse(session.fetch());
    assertEquals(1, session.getConnections().size());
    assertTrue(session.getActiveConnections().isEmpty());
  }

  @Test
  void a_deprecated_token_is_still_given() throws Exception {
    assertTrue(session.generateToken().contains("token=tok_"));
  }

  @Test
  void an_update_changes_the_connection_and_nothing_else() throws Exception {
    Connection connection = session.createConnection();
    Connection updated =
        session.updateConnection(
            connection.getConnectionId(),
            new ConnectionProperties.Builder()
                .role(OpenViduRole.SUBSCRIBER)
                .record(false)
                .build());
    assertEquals(OpenViduRole.SUBSCRIBER, updated.getRole());
    assertFalse(updated.record());
    assertFalse(session.fetch());
    try (Participant ann = Participant.join(connection.getToken(), "")) {
      session.fetch();
      session.updateConnection(
          connection.getConnectionId(),
          new ConnectionProperties.Builder().role(OpenViduRole.PUBLISHER).record(false).build());
      var change = ann.notified("connectionPropertyChanged");
      assertEquals("role", change.get("property").getAsString());
      assertEquals("PUBLISHER", change.get("newValue").getAsString());
      assertFalse(session.fetch());
    }
  }

  @Test
  void a_participant_shows_who_it_is_and_what_it_publishes() throws Exception {
    Connection connection =
        session.createConnection(new ConnectionProperties.Builder().data("server").build());
    try (Participant ann = Participant.join(connection.getToken(), "{\"clientData\":\"Ann\"}")) {
      String stream = ann.publish();
      assertTrue(session.fetch());
      Connection active = session.getActiveConnections().get(0);
      assertEquals(connection.getConnectionId(), active.getConnectionId());
      assertEquals("active", active.getStatus());
      assertEquals("Java test", active.getPlatform());
      assertEquals("{\"clientData\":\"Ann\"}", active.getClientData());
      assertEquals("server", active.getServerData());
      assertNotNull(active.getIp());
      assertNotNull(active.getLocation());
      assertTrue(active.activeAt() >= active.createdAt());
      Publisher publisher = active.getPublishers().get(0);
      assertEquals(stream, publisher.getStreamId());
      assertTrue(publisher.hasAudio() && publisher.hasVideo());
      assertTrue(publisher.isAudioActive() && publisher.isVideoActive());
      assertEquals("CAMERA", publisher.getTypeOfVideo());
      assertEquals(30, publisher.getFrameRate());
      assertEquals("{\"width\":640,\"height\":480}", publisher.getVideoDimensions());
      assertTrue(active.getSubscribers().isEmpty());
    }
  }

  @Test
  void streams_and_participants_are_ended_by_force() throws Exception {
    Connection first = session.createConnection();
    Connection second = session.createConnection();
    try (Participant ann = Participant.join(first.getToken(), "");
        Participant bob = Participant.join(second.getToken(), "")) {
      ann.publish();
      session.fetch();
      session.forceUnpublish(
          session.getConnection(first.getConnectionId()).getPublishers().get(0));
      assertEquals(
          "forceUnpublishByServer",
          bob.notified("participantUnpublished").get("reason").getAsString());
      assertTrue(session.getConnection(first.getConnectionId()).getPublishers().isEmpty());
      assertFalse(session.fetch());

      session.forceDisconnect(first.getConnectionId());
      assertEquals(
          "forceDisconnectByServer",
          bob.notified("participantLeft").get("reason").getAsString());
      assertEquals(
          "forceDisconnectByServer",
          ann.notified("participantEvicted").get("reason").getAsString());
      assertEquals(1, session.getActiveConnections().size());
      assertFalse(session.fetch());
    }
  }

  @Test
  void closing_a_session_puts_everybody_out() throws Exception {
    try (Participant ann = Participant.join(session.createConnection().getToken(), "")) {
      session.close();
      assertEquals(
          "sessionClosedByServer",
          ann.notified("participantEvicted").get("reason").getAsString());
    }
    assertStatus(404, () -> session.fetch());
  }

  @Test
  void errors_carry_the_status_that_applications_test_for() throws Exception {
    Connection connection = session.createConnection();
    assertStatus(404, () -> session.forceDisconnect("con_unknown"));
    assertStatus(404, () -> session.forceUnpublish("str_unknown"));
    assertStatus(501, () -> openvidu.startRecording(id));
    assertStatus(501, () -> openvidu.listRecordings());
    session.forceDisconnect(connection);
    session.close();
    assertStatus(404, () -> session.close());
    assertStatus(404, () -> session.fetch());
    assertStatus(404, () -> session.createConnection());
    assertStatus(
        404,
        () ->
            session.updateConnection(
                "con_unknown", new ConnectionProperties.Builder().build()));
  }

  @Test
  void a_wrong_secret_is_refused() {
    assertStatus(401, () -> new OpenVidu(URL, SECRET + "x").createSession());
    assertStatus(401, () -> new OpenVidu(URL, SECRET + "x").fetch());
  }

  @Test
  void a_certificate_that_nobody_signed_does_not_disturb() throws Exception {
    Session other = new OpenVidu(URL.replace("http://", "https://"), SECRET).createSession();
    assertTrue(other.createConnection().getToken().startsWith("wss://"));
    other.close();
  }

  @Test
  void an_http_stack_that_waits_to_be_asked_sends_a_signal() throws Exception {
    try (Participant ann = Participant.join(session.createConnection().getToken(), "")) {
      HttpClient http =
          HttpClient.newBuilder()
              .authenticator(
                  new Authenticator() {
                    @Override
                    protected PasswordAuthentication getPasswordAuthentication() {
                      return new PasswordAuthentication("OPENVIDUAPP", SECRET.toCharArray());
                    }
                  })
              .build();
      HttpResponse<String> response =
          http.send(
              HttpRequest.newBuilder(URI.create(URL + "/openvidu/api/signal"))
                  .header("Content-Type", "application/json")
                  .POST(
                      HttpRequest.BodyPublishers.ofString(
                          "{\"session\":\"" + id + "\",\"type\":\"chat\",\"data\":\"hi\"}"))
                  .build(),
              HttpResponse.BodyHandlers.ofString());
      assertEquals(200, response.statusCode());
      var signal = ann.notified("sendMessage");
      assertEquals("hi", signal.get("data").getAsString());
      assertFalse(signal.has("from"));
    }
  }

  static void assertStatus(int status, Executable call) {
    assertEquals(status, assertThrows(OpenViduHttpException.class, call).getStatus());
  }
}
