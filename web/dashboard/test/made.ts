/** What tests are about, with everything that they do not say. */

import type {
  Finding,
  Leg,
  Participant,
  Server,
  SessionDetail,
  SessionSummary,
} from '../src/protocol';

export const summary = (id: string, over: Partial<SessionSummary> = {}): SessionSummary => ({
  id,
  key: `${id}_1000`,
  createdAt: 1000,
  participants: 2,
  published: 2,
  received: 2,
  recording: false,
  broadcasting: false,
  troubled: 0,
  worst: null,
  names: [],
  endedAt: null,
  reason: null,
  ...over,
});

export const detail = (
  people: Participant[],
  over: Partial<SessionDetail> = {},
): SessionDetail => ({ ...summary('room'), entries: [], people, incomplete: false, ...over });

export const person = (connection: string, over: Partial<Participant> = {}): Participant => ({
  connection,
  name: connection,
  clientData: '',
  serverData: '',
  kind: 'client',
  role: 'PUBLISHER',
  ip: '192.0.2.1',
  platform: 'Chrome',
  tokenMadeAt: null,
  joinedAt: 1000,
  leftAt: null,
  reason: null,
  lostAt: null,
  quality: null,
  publishes: [],
  receives: [],
  entries: [],
  findings: [],
  ...over,
});

export const leg = (over: Partial<Leg> = {}): Leg => ({
  stream: 'str_CAM_a',
  from: 'ann',
  state: 'flowing',
  since: 2000,
  closedAt: null,
  reason: null,
  source: 'CAMERA',
  hasAudio: true,
  hasVideo: true,
  audioActive: true,
  videoActive: true,
  codec: null,
  layer: null,
  path: null,
  pause: null,
  audioBps: 0,
  videoBps: 0,
  lostPermille: null,
  roundTripMs: null,
  jitterMs: null,
  estimateBps: null,
  freezes: 0,
  frozenMs: 0,
  bytes: 0,
  chart: [],
  ...over,
});

export const finding = (over: Partial<Finding> = {}): Finding => ({
  code: 'noPath',
  level: 'bad',
  about: null,
  stream: null,
  lacks: 'both',
  since: 3000,
  sentence: 'why',
  advice: 'what',
  ...over,
});

export const serverAt = (now: number, startedAt = 0): Server => ({
  version: '1',
  startedAt,
  now,
  publicUrl: '',
  sessions: 0,
  participants: 0,
  published: 0,
  received: 0,
  cpu: 0,
  cores: 1,
  memory: 0,
  receivedBps: 1,
  sentBps: 2,
  recordings: 0,
  recordingEnabled: true,
  incidents: [],
});
