/*
 * The participant's side of a test, inside the page: drives the unmodified openvidu-browser as an
 * application would, remembers every event, and measures media. Loaded as a plain script beside the
 * bundle; it is not part of any product and knows nothing of the test runner.
 */
(() => {
  const limit = 45_000;
  const log = [];
  const waiters = new Set();
  const subscribers = new Map();
  const streams = new Map();
  const connections = new Map();
  const resolution = '320x240';
  let openvidu;
  let session;
  let publisher;
  let autoSubscribe = true;

  // ---- events ----------------------------------------------------------------------------------

  function remember(name, details) {
    log.push({ name, taken: false, ...details });
    for (const look of [...waiters]) look();
  }

  const fits = (event, name, match) =>
    event.name === name && Object.entries(match).every(([key, value]) => event[key] === value);

  function within(what, start) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () =>
          reject(
            new Error(
              `${what} did not happen within ${limit / 1000} s; log: ${JSON.stringify(log)}`,
            ),
          ),
        limit,
      );
      start((value) => {
        clearTimeout(timer);
        resolve(value);
      });
    });
  }

  /** The next event of this name that fits and was not handed out before. */
  function event(name, match = {}) {
    return within(`event ${name} ${JSON.stringify(match)}`, (done) => {
      const look = () => {
        const found = log.find((e) => !e.taken && fits(e, name, match));
        if (!found) return;
        found.taken = true;
        waiters.delete(look);
        done(found);
      };
      waiters.add(look);
      look();
    });
  }

  /** How many such events there were up to now, handed out or not. */
  const count = (name, match = {}) => log.filter((e) => fits(e, name, match)).length;

  function listen() {
    const connectionOf = ({ connection }) => ({
      connectionId: connection.connectionId,
      data: connection.data,
    });
    session.on('connectionCreated', (e) => {
      connections.set(e.connection.connectionId, e.connection);
      remember('connectionCreated', connectionOf(e));
    });
    session.on('connectionDestroyed', (e) =>
      remember('connectionDestroyed', { ...connectionOf(e), reason: e.reason }),
    );
    session.on('streamCreated', (e) => {
      streams.set(e.stream.connection.connectionId, e.stream);
      remember('streamCreated', streamOf(e.stream));
      const { connectionId } = e.stream.connection;
      if (!autoSubscribe) return;
      subscribe(connectionId).catch(({ message }) =>
        remember('subscribeFailed', { connectionId, message }),
      );
    });
    session.on('streamDestroyed', (e) => {
      subscribers.delete(e.stream.connection.connectionId);
      remember('streamDestroyed', { ...streamOf(e.stream), reason: e.reason });
    });
    session.on('streamPropertyChanged', (e) =>
      remember('streamPropertyChanged', {
        ...streamOf(e.stream),
        property: e.changedProperty,
        newValue: plain(e.newValue),
        oldValue: plain(e.oldValue),
        reason: e.reason,
      }),
    );
    session.on('signal', (e) =>
      remember('signal', { type: e.type, data: e.data, from: e.from?.connectionId }),
    );
    session.on('sessionDisconnected', (e) => remember('sessionDisconnected', { reason: e.reason }));
    session.on('connectionPropertyChanged', (e) =>
      remember('connectionPropertyChanged', {
        connectionId: e.connection.connectionId,
        property: e.changedProperty,
        newValue: e.newValue,
      }),
    );
    for (const name of ['recordingStarted', 'recordingStopped']) {
      session.on(name, (e) => remember(name, { id: e.id, recording: e.name, reason: e.reason }));
    }
    for (const name of ['broadcastStarted', 'broadcastStopped']) {
      session.on(name, () => remember(name));
    }
    session.on('networkQualityLevelChanged', (e) =>
      remember('networkQualityLevelChanged', {
        connectionId: e.connection.connectionId,
        newValue: e.newValue,
        oldValue: e.oldValue,
      }),
    );
    session.on('speechToTextMessage', (e) =>
      remember('speechToTextMessage', {
        connectionId: e.connection.connectionId,
        text: e.text,
        reason: e.reason,
        raw: e.raw,
        lang: e.lang,
      }),
    );
    session.on('reconnecting', () => remember('reconnecting'));
    session.on('reconnected', () => remember('reconnected'));
    session.on('exception', (e) =>
      remember('exception', { exception: e.name, message: e.message }),
    );
  }

  /** A filter of the client knows its session, which no test could be told. */
  const plain = (value) =>
    value?.type && value.session
      ? { type: value.type, options: value.options, lastExecMethod: value.lastExecMethod }
      : value;

  function listenTo(types) {
    for (const type of types) {
      session.on(type, (e) =>
        remember(`heard on ${type}`, { data: e.data, from: e.from?.connectionId }),
      );
    }
  }

  const streamOf = (stream) => ({
    streamId: stream.streamId,
    connectionId: stream.connection.connectionId,
    typeOfVideo: stream.typeOfVideo,
    hasAudio: stream.hasAudio,
    hasVideo: stream.hasVideo,
  });

  // ---- actions ---------------------------------------------------------------------------------

  async function join({ token, data, auto = true, rtc }) {
    autoSubscribe = auto;
    openvidu ??= new OpenVidu();
    if (rtc) openvidu.setAdvancedConfiguration({ rtcConfiguration: rtc });
    session = openvidu.initSession();
    listen();
    await promised(session.connect(token, data));
    return { connectionId: session.connection.connectionId, role: session.connection.role };
  }

  /** Opens camera and microphone, like a preview before the call. */
  async function openCamera(options = {}) {
    openvidu ??= new OpenVidu();
    publisher = await promised(
      openvidu.initPublisherAsync(document.body, {
        resolution,
        frameRate: 15,
        insertMode: 'APPEND',
        ...options,
      }),
    );
  }

  async function publish({ subscribeToRemote, opened, ...options } = {}) {
    if (!opened) await openCamera(options);
    publisher.on('streamDestroyed', (e) => remember('publisherDestroyed', { reason: e.reason }));
    if (subscribeToRemote) publisher.subscribeToRemote(true);
    await promised(session.publish(publisher));
    if (subscribeToRemote) subscribers.set('self', publisher);
    return publisher.stream.streamId;
  }

  /** Resolves when offer and answer are exchanged. */
  const subscribe = (connectionId) =>
    new Promise((resolve, reject) => {
      const subscriber = session.subscribe(streams.get(connectionId), undefined, (error) =>
        error ? reject(error) : resolve(),
      );
      subscriber.addVideoElement(newVideo());
      subscribers.set(connectionId, subscriber);
    });

  function newVideo() {
    const video = document.createElement('video');
    video.autoplay = true;
    video.playsInline = true;
    video.width = 160;
    document.body.append(video);
    return video;
  }

  const unsubscribe = (connectionId) =>
    promised(session.unsubscribe(subscribers.get(connectionId)));
  const subscribeToVideo = (id, on) => subscribers.get(id).subscribeToVideo(on);
  const subscribeToAudio = (id, on) => subscribers.get(id).subscribeToAudio(on);
  const publishVideo = (on, free) => promised(publisher.publishVideo(on, free));
  const publishAudio = (on) => publisher.publishAudio(on);
  /** What the client does by itself when its path to the server is lost. */
  const reconnectStream = () => promised(publisher.stream.reconnectStream('API'));
  const unpublish = () => promised(session.unpublish(publisher));
  const signal = (message) => {
    const to = message.to?.map((id) => ({ connectionId: id }));
    return promised(session.signal({ ...message, to }));
  };
  const forceDisconnect = (id) => promised(session.forceDisconnect(connections.get(id)));
  const forceUnpublish = (id) => promised(session.forceUnpublish(streams.get(id)));
  /** Of a connection; without one, of the own. */
  const spoken = (id) => (id ? streams.get(id) : publisher.stream);
  const subscribeToSpeech = (id, lang) =>
    promised(session.subscribeToSpeechToText(spoken(id), lang));
  const unsubscribeFromSpeech = (id) => promised(session.unsubscribeFromSpeechToText(spoken(id)));
  /** All events of one name up to now, in their order. */
  const heard = (name) => log.filter((e) => e.name === name);
  const leave = () => session.disconnect();

  /** Of somebody's stream, or of the own one. */
  const streamFor = (id) => (id === undefined ? publisher.stream : streams.get(id));
  async function applyFilter(type, options, id) {
    const filter = await promised(streamFor(id).applyFilter(type, options));
    return { type: filter.type, options: filter.options };
  }
  async function execFilter(method, params, id) {
    await promised(streamFor(id).filter.execMethod(method, params));
  }
  const removeFilter = (id) => promised(streamFor(id).removeFilter());
  /** Runs lines of an application's page, in which `session`, `publisher` and `subscriber` mean the first of each. */
  async function run(lines) {
    const names = {
      session,
      publisher,
      subscriber: [...subscribers.values()][0],
      filter: publisher?.stream.filter,
      show: ({ connectionId }, text, isLast) => remember('shown', { connectionId, text, isLast }),
    };
    const AsyncFunction = (async () => {}).constructor;
    // A block of its own: the lines may have further names, and the same ones.
    await new AsyncFunction(...Object.keys(names), `{${lines}}`)(...Object.values(names));
  }
  const hasFilter = (id) => streamFor(id).filter?.type;
  const listenToFilter = (type, id) =>
    promised(
      streamFor(id).filter.addEventListener(type, (e) => remember('filterEvent', { data: e.data })),
    );
  const ignoreFilter = (type, id) => promised(streamFor(id).filter.removeEventListener(type));

  /** Publishes black bars on white instead of the camera: `bits` are 1 where it is black. */
  async function showBars(bits) {
    const canvas = document.createElement('canvas');
    canvas.width = 480;
    canvas.height = 240;
    const context = canvas.getContext('2d');
    let step = 0;
    setInterval(() => {
      step += 1;
      context.fillStyle = '#ffffff';
      context.fillRect(0, 0, 480, 240);
      context.fillStyle = '#000000';
      for (const [n, bit] of [...bits].entries()) {
        if (bit === '1') context.fillRect(50 + n * 4, 40, 4, 150);
      }
      context.fillRect((step * 5) % 480, 220, 20, 10);
    }, 66);
    await promised(publisher.replaceTrack(canvas.captureStream(15).getVideoTracks()[0]));
  }

  let blinked = [];

  /** Publishes pictures of this size that turn from dark to bright and back every second, beside something that moves. */
  async function blink(width, height) {
    const canvas = Object.assign(document.createElement('canvas'), { width, height });
    const context = canvas.getContext('2d');
    let step = 0;
    setInterval(() => {
      step += 1;
      const bright = step % 60 < 30;
      if (step % 60 === 0) blinked.push(Date.now());
      context.fillStyle = bright ? '#e0e0e0' : '#202020';
      context.fillRect(0, 0, width, height);
      context.fillStyle = '#8060a0';
      for (let n = 0; n < 20; n++)
        context.fillRect((step * (5 + n)) % width, (n * height) / 20, 40, 20);
    }, 33);
    await promised(publisher.replaceTrack(canvas.captureStream(30).getVideoTracks()[0]));
  }

  /** When the picture became bright, ms since 1970, in so many seconds. */
  async function blinks(seconds) {
    blinked = [];
    await pause(seconds * 1000);
    return blinked;
  }

  /** When that is seen of somebody. */
  async function seenBlinks(connectionId, seconds) {
    const seen = [];
    const until = Date.now() + (seconds + 1) * 1000;
    const video = videoOf(connectionId);
    let was = 255;
    while (Date.now() < until) {
      await new Promise((done) => video.requestVideoFrameCallback(done));
      const [red] = sample(video).mean;
      if (was < 100 && red > 150) seen.push(Date.now());
      was = red;
    }
    return seen;
  }

  /** Resolves with the strongest frequency that is heard of somebody, in Hz, once it is near `expected`. */
  async function hears(connectionId, expected) {
    const element = videoOf(connectionId);
    element.muted = false;
    const context = new AudioContext();
    const analyser = context.createAnalyser();
    analyser.fftSize = 16384;
    context.createMediaStreamSource(element.srcObject).connect(analyser);
    const spectrum = new Float32Array(analyser.frequencyBinCount);
    const deadline = Date.now() + limit;
    let frequency;
    while (Date.now() < deadline) {
      analyser.getFloatFrequencyData(spectrum);
      const peak = spectrum.indexOf(Math.max(...spectrum));
      frequency = (peak * context.sampleRate) / analyser.fftSize;
      if (Math.abs(frequency - expected) < 12) break;
      await pause(100);
    }
    await context.close();
    return frequency;
  }

  /** How long, in ms, until what is seen of somebody is a colour: the source text of `([red, green, blue]) => …`. */
  async function turns(connectionId, condition) {
    const holds = new Function(`return ${condition}`)();
    const begin = performance.now();
    let mean;
    while (performance.now() < begin + limit) {
      const element = videoOf(connectionId);
      mean = element?.videoWidth ? sample(element).mean : undefined;
      if (mean && holds(mean)) return performance.now() - begin;
      await pause(20);
    }
    throw new Error(`never ${condition}: ${mean}`);
  }

  /** Replaces the published picture by a canvas that changes, the sound by a tone. */
  async function replaceTrack(kind) {
    const track = kind === 'video' ? drawnTrack() : toneTrack();
    await promised(publisher.replaceTrack(track));
    return track.label;
  }

  function drawnTrack() {
    const canvas = document.createElement('canvas');
    canvas.width = 320;
    canvas.height = 240;
    const context = canvas.getContext('2d');
    let step = 0;
    setInterval(() => {
      step += 1;
      context.fillStyle = '#d02090';
      context.fillRect(0, 0, 320, 240);
      context.fillStyle = '#ffffff';
      context.fillRect((step * 7) % 320, 40, 60, 160);
    }, 66);
    return canvas.captureStream(15).getVideoTracks()[0];
  }

  function toneTrack() {
    const context = new AudioContext();
    const oscillator = context.createOscillator();
    const sink = context.createMediaStreamDestination();
    oscillator.connect(sink);
    oscillator.start();
    return sink.stream.getAudioTracks()[0];
  }

  /** Errors of the clients are sometimes plain objects, which a test could not read. */
  async function promised(promise) {
    try {
      return await promise;
    } catch (error) {
      if (error instanceof Error) throw error;
      const { name, message, code } = error ?? {};
      throw new Error(
        [name, code, message].filter((x) => x !== undefined).join(': ') || String(error),
      );
    }
  }

  // ---- measures --------------------------------------------------------------------------------

  const watched = new Map();

  /** From now on, notes when each picture of that connection is shown. */
  function watch(connectionId) {
    const seen = { pictures: 0, longestGap: 0, last: performance.now() };
    watched.set(connectionId, seen);
    const video = videoOf(connectionId);
    const shown = (now) => {
      seen.pictures += 1;
      seen.longestGap = Math.max(seen.longestGap, now - seen.last);
      seen.last = now;
      video.requestVideoFrameCallback(shown);
    };
    video.requestVideoFrameCallback(shown);
  }

  /** Since [`watch`]: how many pictures were shown, and the longest time in ms without a new one. */
  function watchedPictures(connectionId) {
    const { pictures, longestGap, last } = watched.get(connectionId);
    return { pictures, longestGap: Math.max(longestGap, performance.now() - last) };
  }

  async function inbound(connectionId) {
    const totals = {
      frames: 0,
      width: 0,
      height: 0,
      codec: '',
      audioPackets: 0,
      energy: 0,
      audioBytes: 0,
      videoBytes: 0,
      samples: 0,
      concealed: 0,
      frozen: 0,
    };
    // The peer connection is there only after the server's offer.
    const { stream } = subscribers.get(connectionId) ?? {};
    const connection = stream?.webRtcPeer ? stream.getRTCPeerConnection() : undefined;
    if (!connection) return totals;
    const report = await connection.getStats();
    for (const stat of report.values()) {
      if (stat.type !== 'inbound-rtp') continue;
      if (stat.kind === 'video') {
        totals.frames += stat.framesDecoded ?? 0;
        totals.width = stat.frameWidth ?? totals.width;
        totals.height = stat.frameHeight ?? totals.height;
        totals.videoBytes += stat.bytesReceived ?? 0;
        totals.frozen += stat.totalFreezesDuration ?? 0;
        totals.codec = report.get(stat.codecId)?.mimeType ?? totals.codec;
      } else {
        totals.audioPackets += stat.packetsReceived ?? 0;
        totals.energy += stat.totalAudioEnergy ?? 0;
        totals.audioBytes += stat.bytesReceived ?? 0;
        totals.samples += stat.totalSamplesReceived ?? 0;
        totals.concealed += stat.concealedSamples ?? 0;
      }
    }
    return totals;
  }

  const videoOf = (connectionId) => subscribers.get(connectionId)?.videos?.at(-1)?.video;

  /** What the video shows right now, small: a fingerprint, and its brightest value. */
  function sample(video) {
    const canvas = document.createElement('canvas');
    canvas.width = 64;
    canvas.height = 48;
    const context = canvas.getContext('2d', { willReadFrequently: true });
    context.drawImage(video, 0, 0, 64, 48);
    const { data } = context.getImageData(0, 0, 64, 48);
    let brightest = 0;
    let print = 0;
    const mean = [0, 0, 0];
    for (let i = 0; i < data.length; i += 4) {
      brightest = Math.max(brightest, data[i], data[i + 1], data[i + 2]);
      for (let c = 0; c < 3; c++) {
        mean[c] += data[i + c] / (data.length / 4);
        print = (print * 31 + data[i + c]) | 0;
      }
    }
    return { print, brightest, mean: mean.map(Math.round) };
  }

  const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

  /**
   * Resolves when media of that connection really plays: decoded frames grow, the video's clock
   * runs, its pixels change and are not black, and sound with energy was received.
   */
  async function playing(connectionId, { audio = true, video = true } = {}) {
    const deadline = Date.now() + limit;
    const prints = new Set();
    let first;
    let missing;
    let startTime;
    while (Date.now() < deadline) {
      const now = await inbound(connectionId);
      const element = videoOf(connectionId);
      if (element?.paused) element.play().catch(() => {});
      // A publisher's own video is silent until told otherwise, and silence is not decoded.
      if (audio && element) element.muted = false;
      // Those of a new peer connection begin anew.
      if (!first || now.frames < first.frames || now.energy < first.energy) first = now;
      missing = [];
      if (video) {
        // Its clock, too.
        if (element?.readyState >= 2)
          startTime = Math.min(startTime ?? Infinity, element.currentTime);
        const shown = element?.videoWidth ? sample(element) : { brightest: 0 };
        if (shown.brightest > 40) prints.add(shown.print);
        if (now.frames < first.frames + 5) missing.push('decoded frames');
        if (!(element?.currentTime > startTime)) missing.push('running clock');
        if (prints.size < 2) missing.push('changing picture');
      }
      if (audio && !(now.energy > first.energy)) missing.push('sound');
      if (missing.length === 0) return { ...now, mean: video ? sample(element).mean : undefined };
      await pause(100);
    }
    const state = subscribers.get(connectionId)?.stream.webRtcPeer?.pc?.iceConnectionState;
    throw new Error(
      `media of ${connectionId} lacks ${missing.join(', ')}; ICE ${state}; ${JSON.stringify(await inbound(connectionId))}; log: ${JSON.stringify(log)}`,
    );
  }

  /** Resolves when a condition on the received totals holds: the source text of `({ now, before, mean }) => …`. */
  async function received(connectionId, condition) {
    const holds = new Function(`return ${condition}`)();
    const deadline = Date.now() + limit;
    const before = await inbound(connectionId);
    let now = before;
    while (Date.now() < deadline) {
      now = await inbound(connectionId);
      const element = videoOf(connectionId);
      const mean = element?.videoWidth ? sample(element).mean : [0, 0, 0];
      if (holds({ now, before, mean })) return now;
      await pause(100);
    }
    throw new Error(`never held: ${condition}; ${JSON.stringify({ before, now })}`);
  }

  /** Resolves when for a while nothing of this kind arrived any more. */
  async function silent(connectionId, key) {
    const deadline = Date.now() + limit;
    let last = -1;
    let quiet = 0;
    while (Date.now() < deadline) {
      const now = (await inbound(connectionId))[key];
      quiet = now === last ? quiet + 1 : 0;
      last = now;
      if (quiet >= 8) return now;
      await pause(150);
    }
    throw new Error(`${key} of ${connectionId} keeps growing`);
  }

  /** Resolves when the first frame of that connection is decoded. */
  async function firstFrame(connectionId) {
    await event('streamCreated', { connectionId });
    await new Promise((done) => videoOf(connectionId).requestVideoFrameCallback(done));
  }

  /** What the publisher sends, one entry per encoding. */
  async function sent() {
    const report = await publisher.stream.getRTCPeerConnection().getStats();
    return [...report.values()]
      .filter((stat) => stat.type === 'outbound-rtp')
      .map((stat) => ({
        kind: stat.kind,
        rid: stat.rid,
        width: stat.frameWidth,
        packets: stat.packetsSent,
        scalabilityMode: stat.scalabilityMode,
        codec: report.get(stat.codecId)?.mimeType,
      }));
  }

  /** kbit/s that each encoding of the picture takes on the way out, over some seconds; one without a rid is called `only`. */
  async function sendingRates(seconds = 5) {
    const bytes = async () => {
      const report = await publisher.stream.getRTCPeerConnection().getStats();
      const sent = [...report.values()].filter(
        (s) => s.type === 'outbound-rtp' && s.kind === 'video',
      );
      return new Map(sent.map((s) => [s.rid ?? 'only', s]));
    };
    const total = (stat) => stat.bytesSent + (stat.headerBytesSent ?? 0);
    const before = await bytes();
    await pause(seconds * 1000);
    const rates = {};
    for (const [rid, now] of await bytes()) {
      const then = before.get(rid);
      if (then) rates[rid] = ((total(now) - total(then)) * 8) / (now.timestamp - then.timestamp);
    }
    return rates;
  }

  /** Resolves with the first [`sendingRates`] of which a condition holds: the source text of `(rates) => …`. */
  async function sendsLike(condition) {
    const holds = new Function(`return ${condition}`)();
    const deadline = Date.now() + limit;
    let rates = {};
    while (Date.now() < deadline) {
      rates = await sendingRates(2);
      if (holds(rates)) return rates;
    }
    throw new Error(`never held: ${condition}; ${JSON.stringify(rates)}`);
  }

  /** How many pictures have been sent. */
  async function framesSent() {
    const report = await publisher.stream.getRTCPeerConnection().getStats();
    return [...report.values()]
      .filter((stat) => stat.type === 'outbound-rtp' && stat.kind === 'video')
      .reduce((sum, stat) => sum + stat.framesSent, 0);
  }

  /** Resolves once so many more have been sent. */
  async function sentFrames(count) {
    const deadline = Date.now() + limit;
    const goal = (await framesSent()) + count;
    while (Date.now() < deadline) {
      if ((await framesSent()) >= goal) return;
      await pause(50);
    }
    throw new Error(`${count} pictures were not sent`);
  }

  /** The way that each transport's datagrams take: the selected pair of candidates. */
  async function paths() {
    const streams = [publisher?.stream, ...[...subscribers.values()].map((s) => s.stream)];
    const connections = streams.filter((s) => s?.webRtcPeer).map((s) => s.getRTCPeerConnection());
    const path = async (connection) => {
      const report = await connection.getStats();
      const stats = [...report.values()];
      const transport = stats.find((stat) => stat.type === 'transport');
      // Firefox marks the pair itself.
      const marked = stats.find((stat) => stat.type === 'candidate-pair' && stat.selected);
      const pair = report.get(transport?.selectedCandidatePairId) ?? marked;
      const { candidateType, relayProtocol } = report.get(pair?.localCandidateId) ?? {};
      const { protocol, address, port } = report.get(pair?.remoteCandidateId) ?? {};
      return { candidateType, relayProtocol, protocol, address, port };
    };
    return Promise.all(connections.map(path));
  }

  /**
   * Resolves when each goes one of these ways, with the number of that one; browsers change over to a better one when they
   * find it.
   */
  async function pathsLike(ways) {
    const deadline = Date.now() + limit;
    let found = [];
    while (Date.now() < deadline) {
      found = (await paths()).map((path) => {
        // A direct way may begin at an address that only the checks have found.
        const candidateType = path.candidateType === 'relay' ? 'relay' : 'direct';
        const members = { ...path, candidateType };
        const fits = ways.findIndex((way) =>
          Object.entries(way).every(([key, value]) => members[key] === value),
        );
        return { ...path, fits };
      });
      if (found.length > 0 && found.every(({ fits }) => fits >= 0)) return found;
      await pause(100);
    }
    throw new Error(`not all like one of ${JSON.stringify(ways)}: ${JSON.stringify(found)}`);
  }

  /** The SDP that the server gave for the stream of that connection. */
  const remoteDescription = (connectionId) =>
    subscribers.get(connectionId).stream.getRTCPeerConnection().remoteDescription.sdp;

  window.agent = {
    join,
    openCamera,
    /** The client's own object, for what is not above. */
    publisher: () => publisher,
    publish,
    unpublish,
    reconnectStream,
    subscribe,
    unsubscribe,
    subscribeToVideo,
    subscribeToAudio,
    publishVideo,
    publishAudio,
    replaceTrack,
    signal,
    listenTo,
    forceDisconnect,
    forceUnpublish,
    subscribeToSpeech,
    unsubscribeFromSpeech,
    heard,
    leave,
    applyFilter,
    execFilter,
    removeFilter,
    run,
    hasFilter,
    listenToFilter,
    ignoreFilter,
    showBars,
    hears,
    turns,
    blink,
    blinks,
    seenBlinks,
    event,
    count,
    inbound,
    playing,
    received,
    silent,
    watch,
    watchedPictures,
    sent,
    framesSent,
    sentFrames,
    sendingRates,
    sendsLike,
    firstFrame,
    paths,
    pathsLike,
    remoteDescription,
  };
})();
