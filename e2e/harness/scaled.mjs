/** What an application does that wants its browser to send layers. */

/** In the page, before anything else: what it sends has these layers, and is of this codec if it may choose. */
export function scaled({ mode: scalabilityMode, codec }) {
  const { addTransceiver } = RTCPeerConnection.prototype;
  RTCPeerConnection.prototype.addTransceiver = function (track, init = {}) {
    const sends = (track.kind ?? track) === 'video' && init.direction !== 'recvonly';
    const [first] = init.sendEncodings ?? [];
    const encodings = sends ? { sendEncodings: [{ ...first, scalabilityMode }] } : {};
    const transceiver = addTransceiver.call(this, track, { ...init, ...encodings });
    if (sends) {
      const { codecs } = RTCRtpSender.getCapabilities('video');
      const isLiked = ({ mimeType }) => mimeType === `video/${codec}`;
      transceiver.setCodecPreferences([
        ...codecs.filter(isLiked),
        ...codecs.filter((it) => !isLiked(it)),
      ]);
    }
    return transceiver;
  };
}
