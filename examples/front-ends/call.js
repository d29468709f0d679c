/**
 * A call with openvidu-browser, without anything of how it is shown. A page shows `view`, which is another object after each change,
 * and is told of changes by `subscribe`.
 *
 * @typedef {object} Person
 * @property {string} id one for each picture
 * @property {string} name
 * @property {import('openvidu-browser').StreamManager} media puts itself into a video element: `addVideoElement`
 *
 * @typedef {object} View
 * @property {'out' | 'joining' | 'in' | 'reconnecting'} state
 * @property {string} trouble what the user should know; may be empty
 * @property {boolean} muted
 * @property {boolean} hidden whether the camera is off
 * @property {boolean} sharing
 * @property {Person[]} people
 */

/** @type {Readonly<View>} */
const outside = {
  state: 'out',
  trouble: '',
  muted: false,
  hidden: false,
  sharing: false,
  people: [],
};

/** Why the server ends a connection. @type {Record<string, string>} */
const ends = {
  forceDisconnectByUser: 'A moderator has removed you from the call.',
  forceDisconnectByServer: 'You were removed from the call.',
  sessionClosedByServer: 'The call was closed.',
  networkDisconnect: 'The connection was lost.',
  nodeCrashed: 'The server has stopped.',
};

export class Call {
  /** @type {Readonly<View>} */
  view = outside;
  #OpenVidu;
  #token;
  /** @type {Set<() => void>} */
  #listeners = new Set();
  /** @type {import('openvidu-browser').Session | undefined} */
  #session;
  /** @type {import('openvidu-browser').Publisher | undefined} */
  #publisher;
  /** The screen has a connection of its own. @type {import('openvidu-browser').Session | undefined} */
  #screen;

  /**
   * @param {typeof import('openvidu-browser').OpenVidu} OpenVidu
   * @param {(name: string) => Promise<string>} token asks the application's server for one
   */
  constructor(OpenVidu, token) {
    this.#OpenVidu = OpenVidu;
    this.#token = token;
  }

  /** @param {() => void} listener */
  subscribe = (listener) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** @param {string} name */
  async join(name) {
    this.#show({ ...outside, state: 'joining' });
    const openvidu = new this.#OpenVidu();
    const session = openvidu.initSession();
    this.#session = session;
    session.on('streamCreated', ({ stream }) => {
      // Nobody needs a picture of their own screen.
      if (stream.connection.connectionId === this.#screen?.connection?.connectionId) return;
      const subscriber = session.subscribe(stream, undefined);
      subscriber.on('streamPlaying', () => this.#show({ trouble: '' }));
      this.#add(stream.streamId, nameOf(stream), subscriber);
    });
    session.on('streamDestroyed', ({ stream }) => this.#remove(stream.streamId));
    // It comes back by itself, or ends.
    session.on('reconnecting', () => this.#show({ state: 'reconnecting' }));
    session.on('reconnected', () => this.#show({ state: 'in', trouble: '' }));
    session.on('sessionDisconnected', ({ reason }) => this.#ended(ends[reason] ?? ''));
    // A path of media that is gone is repaired by itself, too; the user should know why a picture stands still.
    session.on('exception', ({ message }) => this.#show({ trouble: message }));
    try {
      await session.connect(await this.#token(name));
      this.#publisher = await openvidu.initPublisherAsync(undefined, {});
      this.#add('me', name, this.#publisher);
      await session.publish(this.#publisher);
      this.#show({ state: 'in' });
    } catch (error) {
      // No camera, no permission, no place in the room.
      session.disconnect();
      this.#ended(error instanceof Error ? error.message : String(error));
    }
  }

  leave = () => this.#session?.disconnect();

  mute = () => {
    this.#publisher?.publishAudio(this.view.muted);
    this.#show({ muted: !this.view.muted });
  };

  hide = () => {
    this.#publisher?.publishVideo(this.view.hidden);
    this.#show({ hidden: !this.view.hidden });
  };

  /** Shares the screen, or ends that. */
  share = async () => {
    if (this.#screen) return this.#unshare();
    const openvidu = new this.#OpenVidu();
    const screen = openvidu.initSession();
    this.#screen = screen;
    try {
      // Before anything else: the browser lets a page ask for the screen just after a click.
      const options = { videoSource: 'screen', publishAudio: false };
      const publisher = await openvidu.initPublisherAsync(undefined, options);
      const [picture] = publisher.stream.getMediaStream().getVideoTracks();
      // By the browser's own button.
      picture.addEventListener('ended', () => this.#unshare());
      await screen.connect(await this.#token(`${this.view.people[0].name} (screen)`));
      await screen.publish(publisher);
      this.#show({ sharing: true });
    } catch (error) {
      this.#unshare();
      this.#show({ trouble: error instanceof Error ? error.message : String(error) });
    }
  };

  #unshare() {
    this.#screen?.disconnect();
    this.#screen = undefined;
    this.#show({ sharing: false });
  }

  /** @param {string} trouble */
  #ended(trouble) {
    this.#screen?.disconnect();
    this.#screen = undefined;
    this.#show({ ...outside, trouble });
  }

  /** @param {string} id @param {string} name @param {import('openvidu-browser').StreamManager} media */
  #add(id, name, media) {
    this.#show({ people: [...this.view.people, { id, name, media }] });
  }

  /** @param {string} id */
  #remove(id) {
    this.#show({ people: this.view.people.filter((person) => person.id !== id) });
  }

  /** @param {Partial<View>} changed */
  #show(changed) {
    this.view = { ...this.view, ...changed };
    for (const listener of this.#listeners) listener();
  }
}

/**
 * The application's server gave it, with the token. What a client says of itself stands before that.
 *
 * @param {import('openvidu-browser').Stream} stream
 */
function nameOf(stream) {
  return JSON.parse(stream.connection.data.split('%/%').at(-1) ?? '').name;
}
