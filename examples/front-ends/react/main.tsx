import { OpenVidu } from 'openvidu-browser';
import { StrictMode, useEffect, useRef, useState, useSyncExternalStore } from 'react';
import { createRoot } from 'react-dom/client';
import { Call, type Person } from '../call.js';
import { token } from '../token.js';

const call = new Call(OpenVidu, token);

function Tile({ person }: { person: Person }) {
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    if (video.current) person.media.addVideoElement(video.current);
  }, [person.media]);
  return (
    <figure className="tile">
      {/* biome-ignore lint/a11y/useMediaCaption: somebody who speaks now has no captions */}
      <video ref={video} />
      <figcaption>{person.name}</figcaption>
    </figure>
  );
}

function Lobby() {
  const [name, setName] = useState('');
  const join = (event: React.FormEvent) => {
    event.preventDefault();
    call.join(name);
  };
  return (
    <form onSubmit={join}>
      <label>
        Your name <input required value={name} onChange={({ target }) => setName(target.value)} />
      </label>
      <button type="submit">Join</button>
    </form>
  );
}

function App() {
  const view = useSyncExternalStore(call.subscribe, () => call.view);
  const inside = view.state === 'in' || view.state === 'reconnecting';
  return (
    <>
      {view.state === 'out' && <Lobby />}
      <p role="status">{view.state === 'reconnecting' ? 'Reconnecting…' : view.trouble}</p>
      {inside && (
        <div>
          <button type="button" onClick={call.mute}>
            {view.muted ? 'Unmute' : 'Mute'}
          </button>
          <button type="button" onClick={call.hide}>
            {view.hidden ? 'Show camera' : 'Hide camera'}
          </button>
          <button type="button" onClick={call.share}>
            {view.sharing ? 'Stop sharing' : 'Share screen'}
          </button>
          <button type="button" onClick={call.leave}>
            Leave
          </button>
        </div>
      )}
      <div className="people">
        {view.people.map((person) => (
          <Tile key={person.id} person={person} />
        ))}
      </div>
    </>
  );
}

createRoot(document.getElementById('root') as HTMLElement).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
