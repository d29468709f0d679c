import express from 'express';
import { OpenVidu, OpenViduRole } from 'openvidu-node-client';

const {
  OPENVIDU_URL = 'http://localhost:4443',
  OPENVIDU_SECRET = 'MY_SECRET',
  WEBHOOK_SECRET = 'known to both',
  PAGES = '../../front-ends/dist',
  PORT = '5000',
} = process.env;

const openvidu = new OpenVidu(OPENVIDU_URL, OPENVIDU_SECRET);
const app = express();
app.use(express.json());
app.use(express.static(PAGES));

app.post('/api/token', async (request, response) => {
  const { room, name } = request.body;
  // Here an application asks whether this user may enter this room, and takes the name from its own login.
  const session = await openvidu.createSession({ customSessionId: room });
  const connection = await session.createConnection({
    role: OpenViduRole.PUBLISHER,
    data: JSON.stringify({ name }),
  });
  response.json({ token: connection.token });
});

app.post('/webhook', (request, response) => {
  if (request.headers.authorization !== `Bearer ${WEBHOOK_SECRET}`) return response.sendStatus(401);
  const { event, sessionId, serverData, reason } = request.body;
  if (event === 'participantJoined')
    console.log(`${JSON.parse(serverData).name} is in ${sessionId}`);
  if (event === 'sessionDestroyed') console.log(`${sessionId} is over: ${reason}`);
  response.sendStatus(200);
});

app.listen(PORT, () => console.log(`http://localhost:${PORT}`));
