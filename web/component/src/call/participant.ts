/** Somebody in the room, or somebody's screen; and what connections say of themselves. */

import type { Connection, StreamManager } from 'openvidu-browser';

/** A value: whoever changes one puts another in its place. */
export interface Participant {
  /** Of the connection. */
  readonly id: string;
  readonly name: string;
  readonly local: boolean;
  readonly screen: boolean;
  readonly stream: StreamManager | null;
  readonly microphone: boolean;
  readonly camera: boolean;
  readonly speaking: boolean;
  /** From 0 to 5, once the server has said so. */
  readonly quality: number | null;
  readonly hand: boolean;
  /** Not heard here, whatever others hear. */
  readonly silenced: boolean;
}

export function newParticipant(id: string, name: string): Participant {
  return {
    id,
    name,
    local: false,
    screen: false,
    stream: null,
    microphone: false,
    camera: false,
    speaking: false,
    quality: null,
    hand: false,
    silenced: false,
  };
}

/** What others learn about a connection, as JSON in its data: in the form that openvidu-angular reads and writes. */
export interface ConnectionData {
  clientData: string;
  /** The same on both connections of one person. */
  participantId: string;
  type: 'CAMERA' | 'SCREEN';
}

const screenSuffix = '_SCREEN';

export function dataOf(participantId: string, name: string, screen: boolean): ConnectionData {
  const clientData = screen ? `${name}${screenSuffix}` : name;
  return { clientData, participantId, type: screen ? 'SCREEN' : 'CAMERA' };
}

/** Other applications in the same room may have put anything there; a server's part follows `%/%`. */
export function readData(
  { data }: Connection,
  someone: string,
): { name: string; participantId: string | null; screen: boolean } {
  const own = (data ?? '').split('%/%')[0];
  try {
    const parsed = JSON.parse(own) as Partial<ConnectionData>;
    const screen = parsed.type === 'SCREEN';
    let name = String(parsed.clientData || someone);
    if (screen && name.endsWith(screenSuffix)) name = name.slice(0, -screenSuffix.length);
    return { name, screen, participantId: parsed.participantId ?? null };
  } catch {
    return { name: own || someone, screen: false, participantId: null };
  }
}
