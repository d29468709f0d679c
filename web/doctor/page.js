/**
 * Tries every way from this browser to the server it came from, and says which one fails and what to do. Plain script,
 * no build: it must run where nothing else does.
 *
 * Media cannot be tried without a call, but what carries it can: a relay candidate forms only after questions and answers
 * have gone both ways. The server's relay answers at its media ports, too, so that they are tried in the same manner.
 */

const korean = document.documentElement.lang === 'ko';
const say = (english, koreanText) => (korean ? koreanText : english);
const find = (id) => document.getElementById(id);

/** For an answer of the server. */
const PATIENCE = 10_000;
/** For a relay candidate: browsers give up after some 10 s by themselves. */
const RELAY_PATIENCE = 15_000;
/** What clocks may differ by, in ms. */
const TOLERATED = 10_000;

const names = {
  server: say('Server', '서버'),
  websocket: 'WebSocket',
  clock: say('Clock', '시계'),
  secure: say('Secure page', '보안 페이지'),
  camera: say('Camera and microphone', '카메라와 마이크'),
  udp: say('Media over UDP', 'UDP 미디어'),
  'turn-udp': say('Relay over UDP', 'UDP 중계'),
  'turn-tcp': say('Relay over TCP', 'TCP 중계'),
  'turn-tls': say('Relay inside TLS', 'TLS 중계'),
};

const verdicts = {
  running: say('running …', '검사 중 …'),
  ok: say('ok', '정상'),
  warning: say('warning', '주의'),
  failed: say('failed', '실패'),
  skipped: say('not tried', '검사 안 함'),
};

const ok = (finding) => ({ verdict: 'ok', finding });
const skipped = (finding) => ({ verdict: 'skipped', finding });
const warning = (finding, advice) => ({ verdict: 'warning', finding, advice });
const failed = (finding, advice) => ({ verdict: 'failed', finding, advice });

/** Settles as `promise` does, or fails after `ms`. */
function within(ms, promise) {
  let timer;
  const late = new Promise((_, fail) => {
    timer = setTimeout(() => fail(new Error('no answer in time')), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** What can be tried, how far the server's clock is ahead of this one's, and how long an answer takes. */
async function askServer() {
  const before = Date.now();
  const response = await within(PATIENCE, fetch('/openvidu/doctor/ways', { method: 'POST' }));
  const after = Date.now();
  if (!response.ok) {
    const error = new Error(`status ${response.status}`);
    error.status = response.status;
    throw error;
  }
  const ways = await response.json();
  return { ...ways, ahead: ways.time - (before + after) / 2, took: after - before };
}

function webSocket() {
  const url = `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/openvidu`;
  const socket = new WebSocket(`${url}?sessionId=doctor`);
  const answered = new Promise((done, fail) => {
    socket.onopen = () =>
      socket.send('{"jsonrpc":"2.0","method":"ping","params":{"interval":5000},"id":1}');
    socket.onmessage = ({ data }) => {
      if (String(data).includes('pong')) done();
    };
    socket.onclose = ({ code }) => fail(new Error(`closed with ${code}`));
  });
  return within(PATIENCE, answered)
    .then(() => ok(say(`${url} opens and answers.`, `${url} 이(가) 열리고 응답합니다.`)))
    .catch((error) =>
      failed(
        say(
          `${url} does not work: ${error.message}.`,
          `${url} 이(가) 동작하지 않습니다: ${error.message}.`,
        ),
        say(
          'A proxy, a firewall or an antivirus program in between cuts WebSockets off. Try another network; the operator of the server finds more with madang doctor.',
          '중간의 프록시, 방화벽, 백신이 WebSocket을 끊습니다. 다른 네트워크에서 시도해 보세요. 서버 운영자는 madang doctor로 더 알아볼 수 있습니다.',
        ),
      ),
    )
    .finally(() => {
      socket.onclose = null;
      socket.close();
    });
}

function clock({ ahead }) {
  const seconds = (Math.abs(ahead) / 1000).toFixed(1);
  if (Math.abs(ahead) <= TOLERATED) {
    return ok(
      say(`Both clocks agree within ${seconds} s.`, `두 시계의 차이는 ${seconds}초입니다.`),
    );
  }
  return failed(
    say(
      `The server's clock is ${seconds} s ${ahead > 0 ? 'ahead of' : 'behind'} this one's.`,
      `서버의 시계가 이 기기보다 ${seconds}초 ${ahead > 0 ? '빠릅니다' : '느립니다'}.`,
    ),
    say(
      'One of them is wrong: switch on automatic time on this device. If it is right here, tell the operator of the server.',
      '둘 중 하나가 틀립니다. 이 기기에서 자동 시간 설정을 켜세요. 이 기기가 맞다면 서버 운영자에게 알리세요.',
    ),
  );
}

function secure() {
  if (window.isSecureContext) {
    return ok(
      say(
        'The browser may use camera and microphone here.',
        '이 페이지에서 카메라와 마이크를 쓸 수 있습니다.',
      ),
    );
  }
  return failed(
    say(
      'This page came by plain HTTP: browsers give it neither camera nor microphone.',
      '이 페이지는 HTTP로 열렸습니다. 브라우저가 카메라와 마이크를 허용하지 않습니다.',
    ),
    say(
      'Open it by https://. If the browser does not trust the certificate, open /trust on this server first.',
      'https:// 로 여세요. 브라우저가 인증서를 신뢰하지 않으면 먼저 이 서버의 /trust를 여세요.',
    ),
  );
}

async function devices() {
  if (!navigator.mediaDevices?.getUserMedia) {
    return skipped(
      say(
        'Not possible on a page that is not secure.',
        '보안 페이지가 아니어서 검사할 수 없습니다.',
      ),
    );
  }
  const open = async (kind) => {
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ [kind]: true });
      const [track] = stream.getTracks();
      const { label } = track;
      track.stop();
      return { label };
    } catch (error) {
      return { error };
    }
  };
  // One after the other: a browser asks one question at a time.
  const microphone = await open('audio');
  const camera = await open('video');
  const told = [
    [say('microphone', '마이크'), microphone],
    [say('camera', '카메라'), camera],
  ];
  const missing = told.filter(([, { error }]) => error);
  const finding = told
    .map(([what, { label, error }]) => `${what}: ${error ? error.name : label || '✓'}`)
    .join('; ');
  if (missing.length === 0) return ok(finding);
  const advice = missing
    .map(([what, { error }]) => `${what}: ${deviceAdvice(error.name)}`)
    .join(' ');
  // Somebody without a camera can take part all the same.
  const absent = missing.every(([, { error }]) => error.name === 'NotFoundError');
  return absent ? warning(finding, advice) : failed(finding, advice);
}

function deviceAdvice(name) {
  switch (name) {
    case 'NotAllowedError':
      return say(
        'allow it for this site (the symbol beside the address), and in the settings of the system.',
        '이 사이트에 허용하세요(주소 옆 아이콘). 운영체제 설정에서도 허용해야 합니다.',
      );
    case 'NotFoundError':
      return say('none is connected.', '연결된 장치가 없습니다.');
    case 'NotReadableError':
      return say(
        'another program is using it: close that one.',
        '다른 프로그램이 쓰고 있습니다. 그 프로그램을 닫으세요.',
      );
    default:
      return say('try another browser.', '다른 브라우저에서 시도해 보세요.');
  }
}

/** The relay candidate that forms at this server; fails if none does. */
async function relayCandidate({ url, username, credential }) {
  const connection = new RTCPeerConnection({
    iceServers: [{ urls: [url], username, credential }],
    iceTransportPolicy: 'relay',
  });
  try {
    const formed = new Promise((done, fail) => {
      let trouble = '';
      connection.onicecandidateerror = ({ errorCode, errorText }) => {
        trouble = `${errorText || 'error'} (${errorCode})`;
      };
      connection.onicecandidate = ({ candidate }) => {
        if (candidate?.type === 'relay') done(candidate);
        else if (!candidate) fail(new Error(trouble || 'no answer'));
      };
    });
    connection.createDataChannel('doctor');
    await connection.setLocalDescription(await connection.createOffer());
    return await within(RELAY_PATIENCE, formed);
  } finally {
    connection.close();
  }
}

const noRelay = ({ relay }) =>
  skipped(
    relay === 'off'
      ? say('This server has no relay to try it with.', '이 서버에는 시험할 중계가 없습니다.')
      : say(
          'This server uses a relay of its operator, which is not tried by strangers.',
          '이 서버는 운영자의 다른 중계 서버를 쓰므로 여기서는 검사하지 않습니다.',
        ),
  );

/** The media port, by the relay that answers there, too. */
async function udp(ways) {
  const [user] = ways.turn;
  if (!user) return noRelay(ways);
  const tried = ways.udp.map(async (address) => {
    await relayCandidate({ ...user, url: `turn:${address}?transport=udp` });
    return address;
  });
  try {
    const address = await Promise.any(tried);
    return ok(
      say(
        `UDP reaches the media port ${address} and comes back.`,
        `UDP가 미디어 포트 ${address} 에 닿고 돌아옵니다.`,
      ),
    );
  } catch {
    const port = ways.udp[0]?.split(':').pop();
    return failed(
      say(
        `Nothing comes back over UDP from the media port (${ways.udp.join(', ')}).`,
        `미디어 포트(${ways.udp.join(', ')})에서 UDP로 아무것도 돌아오지 않습니다.`,
      ),
      say(
        `This network or the server's firewall blocks UDP. Calls go over TCP where the relay below works, with more delay. Have UDP port ${port} allowed; on another network, see whether it works there.`,
        `이 네트워크나 서버의 방화벽이 UDP를 막습니다. 아래의 중계가 되면 통화는 TCP로 이루어지며 지연이 커집니다. UDP 포트 ${port}를 허용해 달라고 요청하세요. 다른 네트워크에서도 확인해 보세요.`,
      ),
    );
  }
}

const kinds = {
  'turn-udp': (url) => url.startsWith('turn:') && !url.includes('transport=tcp'),
  'turn-tcp': (url) => url.startsWith('turn:') && url.includes('transport=tcp'),
  'turn-tls': (url) => url.startsWith('turns:'),
};

async function relay(leg, ways) {
  if (ways.turn.length === 0) return noRelay(ways);
  const offered = ways.turn.find(({ url }) => kinds[leg](url));
  if (!offered) {
    return skipped(
      say('This server does not offer this way.', '이 서버는 이 방법을 제공하지 않습니다.'),
    );
  }
  try {
    await relayCandidate(offered);
    return ok(
      say(
        `${offered.url} takes the credentials and gives an address.`,
        `${offered.url} 이(가) 자격 증명을 받아들이고 주소를 줍니다.`,
      ),
    );
  } catch (error) {
    return failed(
      say(
        `${offered.url} does not work: ${error.message}.`,
        `${offered.url} 이(가) 동작하지 않습니다: ${error.message}.`,
      ),
      say(
        'Have its port allowed in the firewall of this network and of the server, for the protocol it names. One relay that works is enough.',
        '이 네트워크와 서버의 방화벽에서 표시된 프로토콜로 그 포트를 허용해 달라고 요청하세요. 중계는 하나만 되어도 충분합니다.',
      ),
    );
  }
}

/** A relay over UDP is of use to hardly anybody where another one works; and one way to the server is enough. */
function weigh(results) {
  const relays = ['turn-udp', 'turn-tcp', 'turn-tls'].map((leg) => results.get(leg));
  const works = relays.some(({ verdict }) => verdict === 'ok');
  for (const result of relays) {
    if (works && result.verdict === 'failed') result.verdict = 'warning';
  }
}

function show(leg, { verdict, finding = '', advice = '' }) {
  let row = find(`leg-${leg}`);
  if (!row) {
    row = document.createElement('li');
    row.id = `leg-${leg}`;
    find('legs').append(row);
  }
  row.dataset.verdict = verdict;
  const part = (tag, text) => Object.assign(document.createElement(tag), { textContent: text });
  const parts = [part('strong', `${names[leg]}: ${verdicts[verdict]}`), part('span', finding)];
  if (advice) parts.push(part('em', advice));
  row.replaceChildren(...parts);
}

/** For those who help; nothing secret is in it. */
function reportText(results) {
  const lines = [
    `Madang doctor, ${new Date().toISOString()}`,
    `server: ${location.origin}`,
    `browser: ${navigator.userAgent}`,
    '',
  ];
  for (const [leg, { verdict, finding, advice }] of results) {
    lines.push(`${verdict.padEnd(8)} ${leg.padEnd(10)} ${finding}`);
    if (advice) lines.push(`${' '.repeat(19)}→ ${advice}`);
  }
  return lines.join('\n');
}

async function examine() {
  const results = new Map();
  const run = async (leg, test) => {
    results.set(leg, { verdict: 'running' });
    show(leg, results.get(leg));
    const result = await test().catch((error) => failed(String(error), ''));
    results.set(leg, result);
    show(leg, result);
  };
  let ways;
  await run('server', async () => {
    try {
      ways = await askServer();
      return ok(
        say(
          `${location.origin} answers in ${ways.took} ms.`,
          `${location.origin} 이(가) ${ways.took} ms 만에 응답합니다.`,
        ),
      );
    } catch (error) {
      return failed(
        say(
          `${location.origin} does not answer: ${error.message}.`,
          `${location.origin} 이(가) 응답하지 않습니다: ${error.message}.`,
        ),
        error.status === 429
          ? say(
              'This page was used too often from this address: wait a minute.',
              '이 주소에서 이 페이지를 너무 자주 썼습니다. 1분 뒤에 다시 하세요.',
            )
          : say(
              'Is this device online, and the server running?',
              '이 기기가 온라인인지, 서버가 실행 중인지 확인하세요.',
            ),
      );
    }
  });
  const told = ways ?? { udp: [], turn: [], relay: 'unknown', ahead: 0 };
  await Promise.all([
    run('secure', async () => secure()),
    run('websocket', webSocket),
    run('clock', async () => (ways ? clock(told) : skipped('-'))),
    run('udp', async () => (ways ? udp(told) : skipped('-'))),
    ...Object.keys(kinds).map((leg) =>
      run(leg, async () => (ways ? relay(leg, told) : skipped('-'))),
    ),
    run('camera', devices),
  ]);
  weigh(results);
  for (const [leg, result] of results) show(leg, result);
  return results;
}

function finish(results) {
  const of = (wanted) =>
    [...results].filter(([, { verdict }]) => verdict === wanted).map(([leg]) => names[leg]);
  const [broken, doubtful] = [of('failed'), of('warning')];
  find('summary').textContent =
    broken.length > 0
      ? say(`Does not work: ${broken.join(', ')}.`, `안 되는 항목: ${broken.join(', ')}`)
      : doubtful.length > 0
        ? say(
            `Calls work, but: ${doubtful.join(', ')}.`,
            `통화는 되지만 확인이 필요합니다: ${doubtful.join(', ')}`,
          )
        : say('Everything works.', '모두 정상입니다.');
  find('summary').hidden = false;
  find('text').value = reportText(results);
  find('report').hidden = false;
  document.body.dataset.verdict =
    broken.length > 0 ? 'failed' : doubtful.length > 0 ? 'warning' : 'ok';
}

find('title').textContent = say('Can this browser call?', '이 브라우저로 통화할 수 있나요?');
find('why').textContent = say(
  'Tries every way from here to the server: WebSocket, media over UDP, the relay over UDP, TCP and TLS, camera and microphone. No call is made and nothing is recorded. The browser asks for camera and microphone once.',
  '여기서 서버까지의 모든 길을 시험합니다: WebSocket, UDP 미디어, UDP·TCP·TLS 중계, 카메라와 마이크. 통화나 녹화는 하지 않습니다. 브라우저가 카메라와 마이크 사용을 한 번 묻습니다.',
);
find('start').textContent = say('Start', '시작');
find('report-title').textContent = say('For those who help you', '도와주는 사람에게 보낼 내용');
find('copy').textContent = say('Copy', '복사');

find('start').addEventListener('click', async () => {
  find('start').disabled = true;
  find('summary').hidden = true;
  find('report').hidden = true;
  delete document.body.dataset.verdict;
  find('legs').replaceChildren();
  finish(await examine());
  find('start').textContent = say('Again', '다시');
  find('start').disabled = false;
});

find('copy').addEventListener('click', async () => {
  const text = find('text');
  text.select();
  try {
    await navigator.clipboard.writeText(text.value);
  } catch {
    // A page that is not secure has no clipboard; the old way needs none.
    document.execCommand('copy');
  }
  find('copied').textContent = say('Copied.', '복사했습니다.');
});
