/** What can be done to a session, by OpenVidu's REST API: each asks first, and shows what the server answers. */

import { html, nothing } from 'lit';
import { rest } from './api';
import { ask, check, field, said, select } from './dialog';
import type { Participant, SessionDetail } from './protocol';
import { text, worded } from './text';

const sessionPath = (id: string) => `sessions/${encodeURIComponent(id)}`;
const connectionPath = (id: string, connection: string) =>
  `${sessionPath(id)}/connection/${encodeURIComponent(connection)}`;

interface Recording {
  id: string;
  sessionId: string;
  status: string;
}

const layouts = (): [string, string][] => [
  ['BEST_FIT', text('layoutBestFit')],
  ['PICTURE_IN_PICTURE', text('layoutPicture')],
  ['VERTICAL_PRESENTATION', text('layoutVertical')],
  ['HORIZONTAL_PRESENTATION', text('layoutHorizontal')],
  ['CUSTOM', text('layoutCustom')],
];

/** Name of a layout, and of the operator's own one if it is that. */
function layout(answers: FormData) {
  const recordingLayout = said(answers, 'recordingLayout');
  return recordingLayout === 'CUSTOM'
    ? { recordingLayout, customLayout: said(answers, 'customLayout') }
    : { recordingLayout };
}

const layoutFields = () => html`<div class="for-composed">
    ${field(text('layout'), select('recordingLayout', layouts()))}
  </div>
  <div class="for-custom for-composed">
    ${field(text('customLayout'), html`<input name="customLayout" autocomplete="off" />`, text('customLayoutHint'))}
  </div>`;

/** The buttons of a session that runs. */
export function sessionActions(
  session: SessionDetail,
  watching: boolean,
  watch: () => void,
  recordingEnabled: boolean,
) {
  const { id, recording, broadcasting } = session;
  return html`<div class="buttons">
    <button data-action="watch" class="primary" aria-pressed=${watching} @click=${watch}>
      ${text(watching ? 'stopWatching' : 'watch')}
    </button>
    <button data-action="signal" @click=${() => signal(session, null)}>${text('signal')}</button>
    ${
      recording
        ? html`<button data-action="stop-recording" @click=${() => stopRecordingOf(id)}>
            ${text('stopRecording')}
          </button>`
        : html`<button
            data-action="record"
            ?disabled=${!recordingEnabled}
            title=${recordingEnabled ? nothing : text('recordingOff')}
            @click=${() => record(id)}
          >
            ${text('record')}
          </button>`
    }
    ${
      broadcasting
        ? html`<button data-action="stop-broadcast" @click=${() => stopBroadcast(id)}>
            ${text('stopBroadcast')}
          </button>`
        : html`<button data-action="broadcast" @click=${() => broadcast(id)}>
            ${text('broadcast')}
          </button>`
    }
    <button data-action="add-camera" @click=${() => addCamera([id])}>${text('addCamera')}</button>
    <button data-action="close-session" class="danger" @click=${() => closeSession(id)}>
      ${text('closeSession')}
    </button>
  </div>`;
}

/** The buttons of somebody who is there, or may come. */
export function personActions(session: string, person: Participant) {
  const { connection, kind, joinedAt } = person;
  const streams = person.publishes.filter(({ state }) => state !== 'closed');
  const camera = kind === 'camera';
  return html`${
    camera || joinedAt === null
      ? nothing
      : html`<button
          data-action="signal"
          @click=${() => signal({ id: session, people: [person] }, connection)}
        >
          ${text('signal')}
        </button>`
  }
  ${
    camera
      ? nothing
      : streams.map(
          ({ stream, source }) => html`<button
            data-action="unpublish"
            data-stream=${stream}
            @click=${() => unpublish(session, stream, person.name)}
          >
            ${text('unpublish')}${streams.length > 1 ? ` (${worded('source_', source)})` : nothing}
          </button>`,
        )
  }
  ${
    camera
      ? html`<button
          class="danger"
          data-action="remove-camera"
          @click=${() => removeCamera(session, connection, person.name)}
        >
          ${text('removeCamera')}
        </button>`
      : html`<button
          class="danger"
          data-action="disconnect"
          @click=${() => disconnect(session, connection, person.name)}
        >
          ${text(joinedAt === null ? 'revoke' : 'disconnect')}
        </button>`
  }`;
}

function closeSession(id: string): void {
  ask({
    title: text('closeSessionTitle', { id }),
    explanation: text('closeSessionWhat'),
    confirm: text('closeSession'),
    danger: true,
    run: async () => {
      await rest('DELETE', sessionPath(id));
      return text('closeSessionDone', { id });
    },
  });
}

function disconnect(id: string, connection: string, name: string): void {
  ask({
    title: text('disconnectTitle', { name }),
    explanation: text('disconnectWhat'),
    confirm: text('disconnect'),
    danger: true,
    run: async () => {
      await rest('DELETE', connectionPath(id, connection));
      return text('disconnectDone', { name });
    },
  });
}

export function removeCamera(
  id: string,
  connection: string,
  name: string,
  after = (): void => {},
): void {
  ask({
    title: text('removeCameraTitle', { name }),
    explanation: text('removeCameraWhat'),
    confirm: text('removeCamera'),
    danger: true,
    run: async () => {
      await rest('DELETE', connectionPath(id, connection));
      after();
      return text('removeCameraDone', { name });
    },
  });
}

function unpublish(id: string, stream: string, name: string): void {
  ask({
    title: text('unpublishTitle', { name }),
    explanation: text('unpublishWhat'),
    confirm: text('unpublish'),
    danger: true,
    run: async () => {
      await rest('DELETE', `${sessionPath(id)}/stream/${encodeURIComponent(stream)}`);
      return text('unpublishDone', { name });
    },
  });
}

function signal(session: Pick<SessionDetail, 'id' | 'people'>, only: string | null): void {
  const there = session.people.filter(
    ({ joinedAt, leftAt, kind }) => joinedAt !== null && leftAt === null && kind === 'client',
  );
  ask({
    title: text('signalTitle'),
    explanation: text('signalWhat'),
    fields: html`${field(text('signalType'), html`<input name="type" value="signal:chat" autocomplete="off" />`, text('signalTypeHint'))}
      ${field(text('signalData'), html`<textarea name="data" rows="3"></textarea>`)}
      <fieldset>
        <legend>${text('signalTo')}</legend>
        ${there.map(
          ({ connection, name }) =>
            html`<label class="check"
              ><input
                type="checkbox"
                name="to"
                value=${connection}
                ?checked=${connection === only}
              />${name}</label
            >`,
        )}
        <small>${text('signalToHint')}</small>
      </fieldset>`,
    confirm: text('send'),
    run: async (answers) => {
      const to = answers.getAll('to').map(String);
      // Who pressed the button of one person and then takes the tick away means nobody.
      if (only !== null && to.length === 0) throw new Error(text('signalToNobody'));
      await rest('POST', 'signal', {
        session: session.id,
        to,
        type: said(answers, 'type'),
        data: said(answers, 'data'),
      });
      return text('signalDone');
    },
  });
}

function record(session: string): void {
  ask({
    title: text('recordTitle', { id: session }),
    explanation: text('recordWhat'),
    fields: html`${field(
      text('outputMode'),
      select('outputMode', [
        ['COMPOSED', text('modeComposed')],
        ['INDIVIDUAL', text('modeIndividual')],
      ]),
    )}
    ${field(text('recordingName'), html`<input name="name" pattern="[a-zA-Z0-9_~\\-]*" autocomplete="off" />`, text('recordingNameHint'))}
    ${layoutFields()} ${check('hasAudio', text('sound'), true)} ${check('hasVideo', text('picture'), true)}`,
    confirm: text('record'),
    run: async (answers) => {
      const name = said(answers, 'name');
      const outputMode = said(answers, 'outputMode');
      await rest('POST', 'recordings/start', {
        session,
        outputMode,
        hasAudio: answers.has('hasAudio'),
        hasVideo: answers.has('hasVideo'),
        ...(outputMode === 'COMPOSED' ? layout(answers) : {}),
        ...(name === '' ? {} : { name }),
      });
      return text('recordDone');
    },
  });
}

function stopRecordingOf(session: string): void {
  askToStop(text('stopRecordingTitle', { id: session }), async () => {
    const { items } = await rest<{ items: Recording[] }>('GET', 'recordings');
    const running = items.find(
      ({ sessionId, status }) =>
        sessionId === session && (status === 'started' || status === 'starting'),
    );
    if (!running) throw new Error(text('noRecordingRuns'));
    return running.id;
  });
}

export const stopRecording = (id: string, after: () => void): void =>
  askToStop(text('stopRecordingTitle', { id }), async () => id, after);

function askToStop(title: string, which: () => Promise<string>, after = (): void => {}): void {
  ask({
    title,
    explanation: text('stopRecordingWhat'),
    confirm: text('stopRecording'),
    run: async () => {
      await rest('POST', `recordings/stop/${encodeURIComponent(await which())}`);
      after();
      return text('stopRecordingDone');
    },
  });
}

export function deleteRecording(id: string, after: () => void): void {
  ask({
    title: text('deleteRecordingTitle', { id }),
    explanation: text('deleteRecordingWhat'),
    confirm: text('deleteRecording'),
    danger: true,
    run: async () => {
      await rest('DELETE', `recordings/${encodeURIComponent(id)}`);
      after();
      return text('deleteRecordingDone', { id });
    },
  });
}

function broadcast(session: string): void {
  ask({
    title: text('broadcastTitle', { id: session }),
    explanation: text('broadcastWhat'),
    fields: html`${field(text('broadcastUrl'), html`<input name="broadcastUrl" required placeholder="rtmp://live.example.com/app/key" autocomplete="off" />`)}
    ${layoutFields()}`,
    confirm: text('broadcast'),
    run: async (answers) => {
      await rest('POST', 'broadcast/start', {
        session,
        broadcastUrl: said(answers, 'broadcastUrl'),
        ...layout(answers),
      });
      return text('broadcastDone');
    },
  });
}

function stopBroadcast(session: string): void {
  ask({
    title: text('stopBroadcastTitle', { id: session }),
    explanation: text('stopBroadcastWhat'),
    confirm: text('stopBroadcast'),
    run: async () => {
      await rest('POST', 'broadcast/stop', { session });
      return text('stopBroadcastDone');
    },
  });
}

/** To one of these sessions. */
export function addCamera(sessions: string[], after = (): void => {}): void {
  ask({
    title: text('addCameraTitle'),
    explanation: text('addCameraWhat'),
    fields: html`${
      sessions.length === 1
        ? html`<input type="hidden" name="session" value=${sessions[0] ?? ''} />`
        : field(
            text('session'),
            select(
              'session',
              sessions.map((id) => [id, id]),
            ),
          )
    }
    ${field(text('cameraUrl'), html`<input name="rtspUri" required placeholder="rtsp://192.168.0.20:554/stream" autocomplete="off" />`)}
    ${field(text('cameraData'), html`<input name="data" autocomplete="off" />`, text('cameraDataHint'))}
    ${check('onlyPlayWithSubscribers', text('cameraOnlyPlay'), true)}`,
    confirm: text('addCamera'),
    run: async (answers) => {
      await rest('POST', `${sessionPath(said(answers, 'session'))}/connection`, {
        type: 'IPCAM',
        rtspUri: said(answers, 'rtspUri'),
        data: said(answers, 'data'),
        onlyPlayWithSubscribers: answers.has('onlyPlayWithSubscribers'),
      });
      after();
      return text('addCameraDone');
    },
  });
}
