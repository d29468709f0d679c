// Gets a tab's pictures and sound, and prepares to record them once the pictures have their size. Runs in the recorded
// page, but in a world of its own; `tellMadang` is a binding of ours there: it takes a piece of the file in base64, or
// "!" and why there will be none. Resolves to whether the pictures have come to their size.
globalThis.madangCapture = async (options) => {
  const { width, height, frameRate, audio, bitsPerSecond, keyFrames, piece, patience, stall } =
    options;
  const sound = {
    echoCancellation: false,
    noiseSuppression: false,
    autoGainControl: false,
    channelCount: 2,
  };
  const stream = await navigator.mediaDevices.getDisplayMedia({
    video: { width, height, frameRate, cursor: 'never' },
    audio: audio && sound,
    preferCurrentTab: true,
    selfBrowserSurface: 'include',
  });
  if (!globalThis.CropTarget) throw new Error('it is older than 104: it cannot cut pictures');
  const viewport = document.createElement('madang-viewport');
  const style = {
    position: 'fixed',
    inset: '0',
    'pointer-events': 'none',
    'z-index': '-2147483648',
  };
  viewport.style.setProperty('all', 'initial', 'important');
  for (const [name, value] of Object.entries(style)) {
    viewport.style.setProperty(name, value, 'important');
  }
  // Pages may throw away what they did not make themselves.
  const keep = () => viewport.isConnected || document.documentElement?.append(viewport);
  keep();
  const pause = (time) => new Promise((done) => setTimeout(done, time));
  // Where nothing moves no picture would come. This is not seen.
  let shade = 1;
  const move = () => {
    shade = 3 - shade;
    viewport.style.setProperty('background', `rgb(0 0 0 / 0.00${shade})`, 'important');
  };
  const [pictures] = stream.getVideoTracks();
  const cut = async () => pictures.cropTo(await globalThis.CropTarget.fromElement(viewport));
  const screen = document.createElement('video');
  screen.muted = true;
  screen.srcObject = new MediaStream([pictures]);
  screen.play().catch(() => {});
  let size = '';
  let latest = 0;
  const look = (now, picture) => {
    size = `${picture.width}x${picture.height}`;
    latest = now;
    screen.requestVideoFrameCallback(look);
  };
  screen.requestVideoFrameCallback(look);
  // After a cut it happens that no picture comes at all; another one mends that, or else another capture.
  const isRight = () => size === `${width}x${height}`;
  for (const time of patience) {
    cut().catch(() => {});
    const deadline = performance.now() + time;
    while (!isRight() && performance.now() < deadline) {
      move();
      await pause(50);
    }
    if (isRight()) break;
  }
  if (!isRight()) {
    for (const track of stream.getTracks()) track.stop();
    viewport.remove();
    return false;
  }
  setInterval(() => {
    keep();
    move();
    if (performance.now() - latest > stall) {
      latest = performance.now();
      cut().catch(() => {});
    }
  }, 1000);
  const recorder = new MediaRecorder(stream, {
    mimeType: audio ? 'video/webm;codecs=vp8,opus' : 'video/webm;codecs=vp8',
    videoBitsPerSecond: bitsPerSecond,
    videoKeyFrameIntervalDuration: keyFrames,
  });
  let told = Promise.resolve();
  const tell = (blob) =>
    new Promise((done) => {
      const reader = new FileReader();
      reader.onload = () => {
        done(globalThis.tellMadang(reader.result.slice(reader.result.lastIndexOf(',') + 1)));
      };
      reader.readAsDataURL(blob);
    });
  recorder.ondataavailable = ({ data }) => {
    if (data.size > 0) told = told.then(() => tell(data));
  };
  recorder.onerror = ({ error }) => globalThis.tellMadang(`!${error}`);
  let isWanted = true;
  const ended = new Promise((done) => {
    recorder.onstop = () => {
      if (isWanted) globalThis.tellMadang('!the capture has ended');
      done(told.then(() => true));
    };
  });
  globalThis.madangRecorder = {
    start: () => recorder.start(piece),
    stop: () => {
      isWanted = false;
      recorder.stop();
      return ended;
    },
  };
  return true;
};
