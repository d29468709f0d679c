package example;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.openvidu.java.client.ConnectionProperties;
import io.openvidu.java.client.OpenVidu;
import io.openvidu.java.client.OpenViduException;
import io.openvidu.java.client.OpenViduRole;
import io.openvidu.java.client.SessionProperties;
import java.util.Map;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RestController;

@SpringBootApplication
@RestController
public class Application {
  private final OpenVidu openvidu;
  private final ObjectMapper json;

  Application(
      @Value("${openvidu.url}") String url,
      @Value("${openvidu.secret}") String secret,
      ObjectMapper json) {
    this.openvidu = new OpenVidu(url, secret);
    this.json = json;
  }

  public static void main(String[] arguments) {
    SpringApplication.run(Application.class, arguments);
  }

  record Wish(String room, String name) {}

  @PostMapping("/api/token")
  Map<String, String> token(@RequestBody Wish wish)
      throws OpenViduException, JsonProcessingException {
    // Here an application asks whether this user may enter this room, and takes the name from its own login.
    var session =
        openvidu.createSession(new SessionProperties.Builder().customSessionId(wish.room()).build());
    var properties =
        new ConnectionProperties.Builder()
            .role(OpenViduRole.PUBLISHER)
            .data(json.writeValueAsString(Map.of("name", wish.name())))
            .build();
    return Map.of("token", session.createConnection(properties).getToken());
  }
}
