/**
 * What the server says on `/dashboard/live` and answers below `/dashboard/api`: written here as `crates/history` and
 * `crates/server/src/http/dashboard` write it. Times are ms since 1970.
 *
 * Actions (close, disconnect, unpublish, signal, record, broadcast) are the REST API of OpenVidu, `/openvidu/api`, which the
 * session cookie of the dashboard opens for pages of the same origin.
 */

/** Pushed by the server. After the connection it sends `server` and all `sessions`, and from then on what has changed. */
export type FromServer =
  | { kind: 'server'; server: Server }
  | { kind: 'sessions'; changed: SessionSummary[]; gone: string[] }
  /** The watched session, all of it: first of all, and when another one of its id has taken its place. */
  | { kind: 'session'; session: SessionDetail }
  /** What is new of it since the last message. */
  | { kind: 'changes'; id: string; changes: SessionChanges }
  /** The watched session is not there, or no longer. Its story is in the history under `key` if there was one. */
  | { kind: 'unknown'; id: string; key?: string };

/** Said by the page. One session is watched at a time; `null`: none. */
export type FromPage = { watch: string | null };

export interface Server {
  version: string;
  /** When it started. */
  startedAt: number;
  /** As the server has it: what pages reckon ages by. */
  now: number;
  publicUrl: string;
  sessions: number;
  participants: number;
  /** Streams that are published, and received. */
  published: number;
  received: number;
  /** Share of one core used by the process, 0 to the number of cores; bytes. */
  cpu: number;
  cores: number;
  memory: number;
  /** bits in a second, from and to clients, as media counts them. */
  receivedBps: number;
  sentBps: number;
  recordings: number;
  recordingEnabled: boolean;
  /** What goes wrong outside of sessions: browsers that refuse the certificate, tokens that open nothing, … */
  incidents: Incident[];
}

export interface Incident {
  code: string;
  at: number;
  /** How often since `since`. */
  count: number;
  since: number;
  ip: string;
  sentence: string;
  advice: string;
}

export interface SessionSummary {
  id: string;
  /** `id_createdAt`: names this session for ever, also in the history. */
  key: string;
  createdAt: number;
  /** Who is in it; of a session that has ended, who was, and which streams there were. */
  participants: number;
  published: number;
  received: number;
  recording: boolean;
  broadcasting: boolean;
  /** Participants with a finding, and how bad the worst is. */
  troubled: number;
  worst: Level | null;
  /** Names of the first participants, for the list and its search. */
  names: string[];
  endedAt: number | null;
  reason: string | null;
  /** How people said that it was; what was kept by servers before 0.2 does not have it. */
  feedback?: { count: number; lowest: number; mean: number } | null;
}

export type Level = 'info' | 'warning' | 'bad';

export interface SessionDetail extends SessionSummary {
  entries: Entry[];
  people: Participant[];
  /** The server lost some of what happened, because too much did at once. */
  incomplete: boolean;
}

export interface Participant {
  connection: string;
  name: string;
  clientData: string;
  serverData: string;
  kind: 'client' | 'camera' | 'pending';
  role: string;
  ip: string;
  platform: string;
  tokenMadeAt: number | null;
  joinedAt: number | null;
  leftAt: number | null;
  reason: string | null;
  /** Without a socket since then; it may come back. */
  lostAt: number | null;
  /** 0 (broken) to 5, if it publishes and is rated. */
  quality: number | null;
  publishes: Leg[];
  receives: Leg[];
  entries: Entry[];
  /** Why this person sees, hears, or is seen and heard, less than expected. The worst first. */
  findings: Finding[];
  /** How it was, as the person said: one to five stars, and a sentence or nothing. */
  feedback: { at: number; stars: number; words: string } | null;
}

/** One stream on its way between a client and the server: one peer connection. */
export interface Leg {
  stream: string;
  /** The publisher's connection. */
  from: string;
  state:
    | 'asked'
    | 'refused'
    | 'negotiated'
    | 'reached'
    | 'connected'
    | 'flowing'
    | 'cut'
    | 'closed';
  since: number;
  /** Sound or pictures have come. */
  flowed: boolean;
  closedAt: number | null;
  reason: string | null;
  source: string;
  hasAudio: boolean;
  hasVideo: boolean;
  audioActive: boolean;
  videoActive: boolean;
  codec: string | null;
  /** `3` of spatial and temporal layers as text, e.g. `S2T1`; null where there is one only. */
  layer: string | null;
  path: { protocol: string; local: string; remote: string; relayed: boolean } | null;
  /** Why the subscriber gets no picture on purpose: `bandwidth`, `notChosen`, `unwanted`. */
  pause: string | null;
  audioBps: number;
  videoBps: number;
  /** Thousandths; null: unknown. */
  lostPermille: number | null;
  roundTripMs: number | null;
  jitterMs: number | null;
  estimateBps: number | null;
  freezes: number;
  frozenMs: number;
  bytes: number;
  /** The last minutes: [time, audioBps + videoBps, lostPermille, roundTripMs] every few seconds, the oldest first. */
  chart: [number, number, number | null, number | null][];
}

/** Of a session what is others than before; `people`: who is new or has changed, `gone`: who is not told of any more. */
export type SessionChanges = Changes<SessionDetail, 'people'> & {
  people?: ParticipantChanges[];
  gone?: string[];
};
/** Of somebody new it has everything. */
export type ParticipantChanges = { connection: string } & Changes<
  Participant,
  'publishes' | 'receives'
> & { publishes?: LegsChanges; receives?: LegsChanges };
/** How many there are, and those that are new or have changed, by their places. */
export interface LegsChanges {
  length: number;
  changed: (Changes<Leg, never> & { place: number })[];
}
/** A list that grows: so many are kept, so many behind those go, so many go at the end, and these come there. */
export interface Splice<T> {
  keep: number;
  skip: number;
  drop: number;
  added: T[];
}
type Growing = 'entries' | 'chart';
type Changes<T, Others extends keyof T> = {
  [Name in Exclude<keyof T, Others>]?: Name extends Growing
    ? T[Name] extends (infer Item)[]
      ? Splice<Item>
      : never
    : T[Name];
};

/** Something in a timeline, already in words of the page's language. */
export interface Entry {
  at: number;
  code: string;
  level: Level;
  text: string;
  stream?: string;
}

export interface Finding {
  code: string;
  level: Level;
  /** The other one, if it is about a stream from or to somebody. */
  about: string | null;
  stream: string | null;
  lacks: 'picture' | 'sound' | 'both' | null;
  since: number;
  /** One sentence: why. */
  sentence: string;
  /** What to do about it. */
  advice: string;
}

/*
 * GET /dashboard/api/history?text=&from=&to=&before=&limit=   → { sessions: SessionSummary[], more: boolean }, the latest first
 * GET /dashboard/api/history/{key}?language=                  → SessionDetail (download attribute gives the JSON export)
 * GET /dashboard/api/history.json?text=&from=&to=             → SessionDetail[], streamed, for export
 * GET /dashboard/api/settings?language=                       → { settings: Setting[], warnings: string[] }
 * POST /dashboard/api/sessions/{id}/view                      → { token: string }: joins as a viewer whom nobody sees
 * POST /dashboard/logout                                      → 204, and the cookie is void
 * GET /openvidu/api/doctor, POST /openvidu/api/doctor         → the doctor (docs/doctor.md)
 */

export interface Setting {
  name: string;
  group: string;
  /** `null` for secrets that are set; the page shows dots. */
  value: string | null;
  isDefault: boolean;
  /** `file`, `environment` or `default`. */
  source: string;
  meaning: string;
  warning?: string;
}
