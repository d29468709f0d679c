/** IP cameras of all sessions, by OpenVidu's REST API; how one does is told by its session. */

import { html, nothing } from 'lit';
import { addCamera, removeCamera } from './actions';
import { rest } from './api';
import { moment, withoutPassword } from './format';
import { sessionLink } from './route';
import { language, text } from './text';
import { Fetched, View } from './view';

interface Connection {
  connectionId: string;
  sessionId: string;
  type: string;
  activeAt: number | null;
  rtspUri: string | null;
  serverData: string;
}

interface Sessions {
  content: { id: string; connections: { content: Connection[] } }[];
}

class Cameras extends View {
  readonly list = new Fetched<Sessions>(this);
  private readonly ask = () => void this.list.ask(() => rest<Sessions>('GET', 'sessions'));

  override connectedCallback(): void {
    super.connectedCallback();
    this.ask();
  }

  override render() {
    const { value, error } = this.list;
    const sessions = value?.content.map(({ id }) => id) ?? [];
    const cameras = (value?.content ?? [])
      .flatMap(({ connections }) => connections.content)
      .filter(({ type }) => type === 'IPCAM');
    return html`<div class="bar">
        <h1>${text('cameras')} <span class="soft">${cameras.length}</span></h1>
        <button @click=${this.ask}>${text('refresh')}</button>
        <button
          class="primary"
          data-action="add-camera"
          ?disabled=${sessions.length === 0}
          @click=${() => addCamera(sessions, this.ask)}
        >
          ${text('addCamera')}
        </button>
      </div>
      <p class="soft">${text(value !== null && sessions.length === 0 ? 'camerasNeedSession' : 'camerasWhat')}</p>
      ${error === null ? nothing : html`<p class="trouble" role="alert">${error}</p>`}
      ${cameras.length === 0 && error === null ? html`<p class="empty">${text(value === null ? 'loading' : 'noCameras')}</p>` : nothing}
      <ul class="plain rows-list">
        ${cameras.map((camera) => this.line(camera))}
      </ul>`;
  }

  private line({ connectionId, sessionId, activeAt, rtspUri, serverData }: Connection) {
    const source = withoutPassword(rtspUri ?? '');
    const name = serverData || source || connectionId;
    return html`<li class="card row" data-camera=${connectionId}>
      <div class="grow">
        <h2>${name}</h2>
        <p class="small soft">
          <code>${source}</code> · <a href=${sessionLink(sessionId)}>${sessionId}</a>
          ${activeAt === null ? nothing : html`· ${moment(activeAt, language())}`}
        </p>
      </div>
      <div class="buttons">
        <a class="button" href=${sessionLink(sessionId)}>${text('cameraState')}</a>
        <button
          class="danger"
          data-action="remove-camera"
          @click=${() => removeCamera(sessionId, connectionId, name, this.ask)}
        >
          ${text('removeCamera')}
        </button>
      </div>
    </li>`;
  }
}

customElements.define('dash-cameras', Cameras);
