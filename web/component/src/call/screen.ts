/** A shared screen: a second session of the same person, because a connection publishes one stream at a time. */

import type { OpenVidu, Publisher, Session } from 'openvidu-browser';
import type { Place } from '../api';
import { release } from './devices';
import type { ConnectionData } from './participant';

export class SharedScreen {
  private ended = false;

  private constructor(
    private readonly session: Session,
    readonly publisher: Publisher,
    private readonly onEnd: () => void,
  ) {}

  get id(): string {
    return this.session.connection.connectionId;
  }

  /** The browser's picker comes first: no second participant appears when the person cancels. */
  static async pick(openvidu: OpenVidu): Promise<Publisher> {
    return openvidu.initPublisherAsync(undefined, {
      videoSource: 'screen',
      audioSource: 'screen',
      publishAudio: true,
      publishVideo: true,
      resolution: '1920x1080',
      frameRate: 15,
      mirror: false,
    });
  }

  /** Sends what was picked. If that fails, nothing is left of it. */
  static async publish(
    openvidu: OpenVidu,
    publisher: Publisher,
    place: () => Promise<Place>,
    data: ConnectionData,
    onEnd: () => void,
  ): Promise<SharedScreen> {
    const session = openvidu.initSession();
    try {
      const { token } = await place();
      await session.connect(token, data);
      await session.publish(publisher);
    } catch (error) {
      session.disconnect();
      release(publisher);
      throw error;
    }
    const screen = new SharedScreen(session, publisher, onEnd);
    // The browser's own "Stop sharing" button, and an eviction of the second connection.
    const track = publisher.stream.getMediaStream().getVideoTracks()[0];
    track?.addEventListener('ended', () => screen.stop());
    session.on('sessionDisconnected', () => screen.stop());
    if (track?.readyState === 'ended') screen.stop();
    return screen;
  }

  get isOver(): boolean {
    return this.ended;
  }

  stop(): void {
    if (this.ended) return;
    this.ended = true;
    this.onEnd();
    this.session.disconnect();
    release(this.publisher);
  }
}
