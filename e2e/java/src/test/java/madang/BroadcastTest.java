package madang;

import static madang.LifeCycleTest.assertStatus;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.openvidu.java.client.OpenVidu;
import io.openvidu.java.client.RecordingLayout;
import io.openvidu.java.client.RecordingProperties;
import io.openvidu.java.client.Session;
import org.junit.jupiter.api.Test;

/** A session that is broadcast, seen through the unmodified client. Those before 2.26 know no broadcasts. */
class BroadcastTest {
  private static final String URL = System.getenv("MADANG_URL");
  private static final String SECRET = System.getenv("MADANG_SECRET");
  private static final String TARGET = System.getProperty("broadcast.target");

  private final OpenVidu openvidu = new OpenVidu(URL, SECRET);

  @Test
  void a_session_is_broadcast_until_that_is_stopped() throws Exception {
    Session session = openvidu.createSession();
    String id = session.getSessionId();
    assertStatus(404, () -> openvidu.startBroadcast("nowhere", TARGET));
    assertStatus(406, () -> openvidu.startBroadcast(id, TARGET));
    try (Participant ann = Participant.join(session.createConnection().getToken(), "")) {
      assertStatus(500, () -> openvidu.startBroadcast(id, "schemefail://127.0.0.1/live"));
      assertFalse(session.isBeingBroadcasted());
      openvidu.startBroadcast(
          id,
          TARGET,
          new RecordingProperties.Builder()
              .recordingLayout(RecordingLayout.BEST_FIT)
              .resolution("320x240")
              .frameRate(15)
              .build());
      ann.notified("broadcastStarted");
      assertTrue(session.isBeingBroadcasted());
      assertTrue(seenByAnother(id).isBeingBroadcasted());
      assertStatus(409, () -> openvidu.startBroadcast(id, TARGET));

      openvidu.stopBroadcast(id);
      ann.notified("broadcastStopped");
      assertFalse(session.isBeingBroadcasted());
      assertFalse(seenByAnother(id).isBeingBroadcasted());
      assertStatus(409, () -> openvidu.stopBroadcast(id));
    } finally {
      session.close();
    }
  }

  private static Session seenByAnother(String id) throws Exception {
    OpenVidu other = new OpenVidu(URL, SECRET);
    other.fetch();
    return other.getActiveSession(id);
  }
}
