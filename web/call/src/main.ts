/** The page at `/`: `<madang-call>`, with the room and the options of its address. */

import './page.css';
import '../../component/src/index';
import { optionsOf } from './options';
import { inviteLink, roomOfAddress, showRoomInAddress } from './room';

const call = document.querySelector('madang-call') as HTMLElementTagNameMap['madang-call'];

const { lang, ...options } = optionsOf(new URLSearchParams(location.search));
Object.assign(call, options);
// For screen readers, and for what the browser offers to translate.
document.documentElement.lang = lang ?? navigator.language;
call.lang = lang ?? call.lang;
call.inviteLink = inviteLink();
call.room = roomOfAddress(call.room);

call.addEventListener('onJoined', ({ detail: { room } }) => {
  call.room = room;
  document.title = `${room} · Madang`;
  showRoomInAddress(room);
});
call.addEventListener('onEnded', () => {
  document.title = 'Madang';
});
