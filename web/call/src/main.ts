/** The page at `/`: a lobby, a call, and back to the lobby. */

import './style.css';
import { Call } from './call';
import { CallView } from './callview';
import { Lobby } from './lobby';
import { Notices } from './notices';
import { text } from './texts';

const app = document.querySelector('#app') as HTMLElement;
const notices = new Notices();
document.body.append(notices.element);

let current: Call | null = null;
// A closed tab leaves at once instead of after the server's grace.
window.addEventListener('pagehide', () => current?.leave());

function openLobby(why?: string, bad = false): void {
  let view: CallView | null = null;
  let lobby: Lobby | null = null;

  const call = new Call({
    change: () => (view ? view.refresh() : lobby?.preview()),
    notice: (words, bad) => (lobby ? lobby.explain(words) : notices.say(words, bad)),
    reconnecting: (broken) => {
      notices.keep(broken ? text('reconnecting') : null);
      if (!broken) notices.say(text('reconnected'), false);
    },
    said: (id, name, words, final) => view?.captions.say(id, name, words, final),
    ended: (reason) => {
      notices.keep(null);
      view?.close();
      lobby?.close();
      openLobby(reason);
    },
  });

  const join = async (room: string, name: string) => {
    try {
      await call.join(room, name, () => {
        lobby?.close();
        lobby = null;
        view = new CallView(call, room, askForClick);
        app.replaceChildren(view.element);
      });
    } catch (error) {
      // A session that failed to connect is not used again.
      call.leave();
      lobby?.close();
      openLobby((error as Error).message, true);
    }
  };

  current = call;
  lobby = new Lobby(call, join, Call.supported);
  app.replaceChildren(lobby.element);
  lobby.focus();
  if (why) notices.say(why, bad);
}

/** Browsers play sound only after a click; a link opened straight into a call may lack one. */
function askForClick(video: HTMLVideoElement): void {
  notices.keep(text('playBlocked'));
  const start = () => {
    notices.keep(null);
    void video.play().catch(() => {});
  };
  document.addEventListener('click', start, { once: true });
}

openLobby();
