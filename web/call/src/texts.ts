/** Every word the page shows, in English and Korean; the browser's language chooses. */

const english = {
  tagline: 'A place to meet. Choose a room, and share its link.',
  name: 'Your name',
  namePlaceholder: 'How others will see you',
  room: 'Room',
  join: 'Join',
  joining: 'Joining…',
  you: 'you',
  preview: 'Camera preview',
  starting: 'Starting camera…',
  microphoneOn: 'Turn microphone on',
  microphoneOff: 'Turn microphone off',
  cameraOn: 'Turn camera on',
  cameraOff: 'Turn camera off',
  screenStart: 'Share screen',
  screenStop: 'Stop sharing',
  captionsOn: 'Show captions',
  captionsOff: 'Hide captions',
  captionsFailed: 'There are no captions now: {why}',
  leave: 'Leave',
  copyLink: 'Copy link',
  copied: 'Link copied',
  muted: 'Microphone is off',
  screenOf: '{name}’s screen',
  yourScreen: 'Your screen',
  participants: '{n} in the room',
  alone: 'You are the first one here. Share the link to invite others.',
  reconnecting: 'Connection lost. Reconnecting…',
  reconnected: 'Connected again.',
  joined: '{name} joined.',
  left: '{name} left.',
  leftRoom: 'You left the room.',
  removed: 'You were removed from the room.',
  closed: 'The room was closed.',
  lost: 'The connection was lost and could not be restored. Check the network, then join again.',
  noDevices: 'No camera or microphone was found. You can join to watch and listen.',
  noCamera: 'No camera was found. You can join with your voice.',
  noMicrophone: 'No microphone was found. Others will not hear you.',
  denied:
    'The browser was not allowed to use the camera and microphone. Allow them with the icon in the address bar, then press the camera button. You can also join without.',
  busy: 'The camera or microphone is in use by another program. Close it, then press the camera button. You can also join without.',
  deviceError: 'The camera or microphone could not be started: {why}',
  insecure:
    'Browsers give the camera and microphone only to pages opened with https:// or on localhost.',
  openSecure: 'Open the secure page',
  openSecureHint:
    'With the development certificate the browser warns once: choose “Advanced”, then continue.',
  unsupported:
    'This browser cannot make video calls. Use a current Chrome, Edge, Firefox or Safari.',
  screenDenied: 'Screen sharing was not allowed.',
  screenFailed: 'The screen could not be shared: {why}',
  publishFailed: 'Your camera and microphone could not be sent: {why}',
  subscribeFailed: 'The picture of {name} could not be received: {why}',
  mediaFailed: 'Media cannot reach the server. A firewall may block UDP to its media port.',
  tokenFailed: 'The server refused to let you in: {why}',
  serverAway: 'The server does not answer. Check that it is running.',
  joinFailed: 'Joining failed: {why}',
  playBlocked: 'Click anywhere to hear the others.',
  someone: 'Guest',
};

const korean: typeof english = {
  tagline: '만나는 마당입니다. 방을 고르고 링크를 나누세요.',
  name: '이름',
  namePlaceholder: '다른 사람에게 보일 이름',
  room: '방',
  join: '들어가기',
  joining: '들어가는 중…',
  you: '나',
  preview: '카메라 미리보기',
  starting: '카메라를 켜는 중…',
  microphoneOn: '마이크 켜기',
  microphoneOff: '마이크 끄기',
  cameraOn: '카메라 켜기',
  cameraOff: '카메라 끄기',
  screenStart: '화면 공유',
  screenStop: '화면 공유 그만',
  captionsOn: '자막 보기',
  captionsOff: '자막 숨기기',
  captionsFailed: '지금은 자막을 볼 수 없습니다: {why}',
  leave: '나가기',
  copyLink: '링크 복사',
  copied: '링크를 복사했습니다',
  muted: '마이크가 꺼져 있습니다',
  screenOf: '{name} 님의 화면',
  yourScreen: '내 화면',
  participants: '{n}명 참여 중',
  alone: '아직 혼자입니다. 링크를 보내 초대하세요.',
  reconnecting: '연결이 끊겼습니다. 다시 연결하는 중…',
  reconnected: '다시 연결되었습니다.',
  joined: '{name} 님이 들어왔습니다.',
  left: '{name} 님이 나갔습니다.',
  leftRoom: '방에서 나왔습니다.',
  removed: '방에서 내보내졌습니다.',
  closed: '방이 닫혔습니다.',
  lost: '연결이 끊겨 되살리지 못했습니다. 네트워크를 확인하고 다시 들어오세요.',
  noDevices: '카메라와 마이크를 찾지 못했습니다. 보고 듣기만 할 수 있습니다.',
  noCamera: '카메라를 찾지 못했습니다. 목소리로 참여할 수 있습니다.',
  noMicrophone: '마이크를 찾지 못했습니다. 다른 사람이 내 소리를 듣지 못합니다.',
  denied:
    '카메라와 마이크 사용이 허용되지 않았습니다. 주소창의 아이콘에서 허용한 뒤 카메라 버튼을 누르세요. 없이 들어갈 수도 있습니다.',
  busy: '다른 프로그램이 카메라나 마이크를 쓰고 있습니다. 닫은 뒤 카메라 버튼을 누르세요. 없이 들어갈 수도 있습니다.',
  deviceError: '카메라나 마이크를 켜지 못했습니다: {why}',
  insecure: '브라우저는 https:// 또는 localhost로 연 페이지에만 카메라와 마이크를 허용합니다.',
  openSecure: '보안 페이지 열기',
  openSecureHint: '개발용 인증서라서 브라우저가 한 번 경고합니다. “고급”을 눌러 계속하세요.',
  unsupported:
    '이 브라우저에서는 화상 통화를 할 수 없습니다. 최신 Chrome, Edge, Firefox, Safari를 쓰세요.',
  screenDenied: '화면 공유가 허용되지 않았습니다.',
  screenFailed: '화면을 공유하지 못했습니다: {why}',
  publishFailed: '내 카메라와 마이크를 보내지 못했습니다: {why}',
  subscribeFailed: '{name} 님의 영상을 받지 못했습니다: {why}',
  mediaFailed: '영상과 소리가 서버에 닿지 않습니다. 방화벽이 서버의 UDP 포트를 막는지 확인하세요.',
  tokenFailed: '서버가 입장을 거절했습니다: {why}',
  serverAway: '서버가 응답하지 않습니다. 서버가 켜져 있는지 확인하세요.',
  joinFailed: '들어가지 못했습니다: {why}',
  playBlocked: '소리를 들으려면 아무 곳이나 누르세요.',
  someone: '손님',
};

const isKorean = (navigator.languages?.[0] ?? navigator.language).toLowerCase().startsWith('ko');

document.documentElement.lang = isKorean ? 'ko' : 'en';

/** The name of a text. */
export type Text = keyof typeof english;

/** The text in the reader's language, `{…}` filled in. */
export function text(key: Text, values: Record<string, string | number> = {}): string {
  const words = (isKorean ? korean : english)[key];
  return words.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ''));
}
