/** Where the tokens of a call come from: given by an application, or asked for at `POST /call/token`. */

import type { Place, Tokens } from '../api';
import { askForPlace, type PlaceError } from '../sdk';
import type { Say } from '../texts';

/** One place for the person, and one for the screen while it is shared. */
export interface Places {
  person: () => Promise<Place>;
  /** `null`: the screen cannot be shared. */
  screen: (() => Promise<Place>) | null;
}

/** What an application got for this participant. */
export function givenPlaces({ webcam, screen }: Tokens): Places {
  return {
    person: async () => ({ token: webcam }),
    screen: screen ? async () => ({ token: screen }) : null,
  };
}

/** In a room of the page for calls; the errors' messages are fit to be shown. */
export function roomPlaces(server: string, room: string, name: string, say: () => Say): Places {
  const ask = async () => {
    try {
      return await askForPlace({ server, room, name });
    } catch (error) {
      const { status, message } = error as PlaceError;
      throw new Error(status ? say()('tokenFailed', { why: message }) : say()('serverAway'));
    }
  };
  return { person: ask, screen: ask };
}
