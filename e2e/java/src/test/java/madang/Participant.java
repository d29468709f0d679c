package madang;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** Somebody in a call, as far as the application server can see it: signalling without media. */
final class Participant implements AutoCloseable, WebSocket.Listener {
  private final BlockingQueue<JsonObject> frames = new LinkedBlockingQueue<>();
  private final StringBuilder partial = new StringBuilder();
  private final WebSocket socket;
  private int requests = 0;

  private Participant(URI server) {
    this.socket =
        HttpClient.newHttpClient().newWebSocketBuilder().buildAsync(server, this).join();
  }

  /** Enters with the token of a connection. */
  static Participant join(String token, String clientData) throws Exception {
    URI uri = URI.create(token);
    String session = token.replaceAll(".*sessionId=([^&]*).*", "$1");
    Participant participant =
        new Participant(URI.create("ws://" + uri.getAuthority() + "/openvidu?sessionId=" + session));
    JsonObject params = new JsonObject();
    params.addProperty("token", token);
    params.addProperty("session", session);
    params.addProperty("platform", "Java test");
    params.addProperty("sdkVersion", "2.32.2");
    params.addProperty("metadata", clientData);
    params.addProperty("secret", "");
    params.addProperty("recorder", false);
    participant.call("joinRoom", params);
    return participant;
  }

  /** Publishes; the answer of the server is not used, so that no media flows. */
  String publish() throws Exception {
    JsonObject params = new JsonObject();
    params.addProperty("sdpOffer", Files.readString(Path.of("../fixtures/offer.sdp")));
    params.addProperty("doLoopback", false);
    params.addProperty("hasAudio", true);
    params.addProperty("hasVideo", true);
    params.addProperty("audioActive", true);
    params.addProperty("videoActive", true);
    params.addProperty("typeOfVideo", "CAMERA");
    params.addProperty("frameRate", 30);
    params.addProperty("videoDimensions", "{\"width\":640,\"height\":480}");
    return call("publishVideo", params).get("id").getAsString();
  }

  /** Waits for a notification and gives its parameters. */
  JsonObject notified(String method) throws Exception {
    return until(frame -> frame.has("method") && frame.get("method").getAsString().equals(method))
        .getAsJsonObject("params");
  }

  private JsonObject call(String method, JsonObject params) throws Exception {
    int id = requests++;
    JsonObject frame = new JsonObject();
    frame.addProperty("jsonrpc", "2.0");
    frame.addProperty("method", method);
    frame.add("params", params);
    frame.addProperty("id", id);
    socket.sendText(frame.toString(), true).join();
    JsonObject answer = until(f -> f.has("id") && f.get("id").getAsInt() == id);
    if (!answer.has("result")) {
      throw new AssertionError(method + ": " + answer);
    }
    return answer.getAsJsonObject("result");
  }

  private JsonObject until(java.util.function.Predicate<JsonObject> wanted) throws Exception {
    while (true) {
      JsonObject frame = frames.poll(20, TimeUnit.SECONDS);
      if (frame == null) {
        throw new AssertionError("nothing came");
      }
      if (wanted.test(frame)) {
        return frame;
      }
    }
  }

  @Override
  public CompletionStage<?> onText(WebSocket webSocket, CharSequence data, boolean last) {
    partial.append(data);
    if (last) {
      frames.add(new JsonParser().parse(partial.toString()).getAsJsonObject());
      partial.setLength(0);
    }
    webSocket.request(1);
    return null;
  }

  @Override
  public void close() {
    socket.abort();
  }
}
