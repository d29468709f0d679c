/**
 * mediasoup speaks of parameters and not of SDP; the emulated participants of the load test speak SDP.
 * What is read of their offers, and what is written for them: VP8, Opus and nothing else.
 */

const extensions = [
  'urn:ietf:params:rtp-hdrext:sdes:mid',
  'http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time',
  'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01',
];
const feedback = {
  audio: [{ type: 'transport-cc' }],
  video: [
    { type: 'nack' },
    { type: 'nack', parameter: 'pli' },
    { type: 'ccm', parameter: 'fir' },
    { type: 'transport-cc' },
  ],
};
const codecs = { audio: /^(\d+) (opus)\/48000\/2$/i, video: /^(\d+) (VP8)\/90000$/i };

export const isCarried = (extension) => extensions.includes(extension.uri);

/** All values of an attribute in a section. */
const attributes = (section, name) =>
  section
    .split(/\r?\n/)
    .filter((line) => line.startsWith(`a=${name}:`))
    .map((line) => line.slice(name.length + 3));

export function fingerprint(sdp) {
  const [algorithm, value] = (attributes(sdp, 'fingerprint')[0] ?? '').split(' ');
  return { algorithm: algorithm.toLowerCase(), value };
}

/** `client` if the other side begins the handshake. */
export const dtlsRole = (sdp) => (/a=setup:passive/.test(sdp) ? 'server' : 'client');

/** What an offer's sections send, as `Transport.produce` wants it. */
export function readOffer(sdp) {
  return sdp
    .split(/^m=/m)
    .slice(1)
    .filter((section) => codecs[section.split(' ')[0]])
    .map((section) => {
      const kind = section.split(' ')[0];
      const match = attributes(section, 'rtpmap')
        .map((map) => codecs[kind].exec(map))
        .find(Boolean);
      if (!match) throw new Error(`an offer without a codec for ${kind}`);
      const payloadType = Number(match[1]);
      const rtx = attributes(section, 'fmtp')
        .map((line) => /^(\d+) apt=(\d+)/.exec(line))
        .find((line) => Number(line?.[2]) === payloadType);
      const clock = kind === 'audio' ? { clockRate: 48000, channels: 2 } : { clockRate: 90000 };
      const offered = [
        { mimeType: `${kind}/${match[2]}`, payloadType, ...clock, rtcpFeedback: feedback[kind] },
      ];
      if (rtx) {
        const parameters = { apt: payloadType };
        offered.push({ mimeType: 'video/rtx', payloadType: Number(rtx[1]), ...clock, parameters });
      }
      const group = attributes(section, 'ssrc-group').find((line) => line.startsWith('FID'));
      const [ssrc, retransmission] = group
        ? group.split(' ').slice(1).map(Number)
        : [Number.parseInt(attributes(section, 'ssrc')[0], 10)];
      const encoding = retransmission && rtx ? { ssrc, rtx: { ssrc: retransmission } } : { ssrc };
      return {
        kind,
        rtpParameters: {
          mid: attributes(section, 'mid')[0],
          codecs: offered,
          headerExtensions: attributes(section, 'extmap')
            .map((line) => line.split(' '))
            .map(([id, uri]) => ({ id: Number.parseInt(id, 10), uri }))
            .filter(isCarried),
          encodings: [encoding],
          rtcp: { cname: 'load-test', reducedSize: true },
        },
      };
    });
}

/**
 * A description of a transport with these sections: `{ kind, direction, rtpParameters, stream }`;
 * `stream` names whose it is. `setup`: of DTLS.
 */
export function write(transport, sections, setup, candidates = []) {
  const { usernameFragment, password } = transport.iceParameters;
  const print = transport.dtlsParameters.fingerprints.find((one) => one.algorithm === 'sha-256');
  const lines = [
    'v=0',
    'o=- 1 1 IN IP4 0.0.0.0',
    's=-',
    't=0 0',
    'a=ice-lite',
    `a=group:BUNDLE ${sections.map(({ rtpParameters }) => rtpParameters.mid).join(' ')}`,
    'a=msid-semantic: WMS *',
  ];
  for (const { kind, direction, rtpParameters, stream } of sections) {
    const types = rtpParameters.codecs.map((codec) => codec.payloadType).join(' ');
    lines.push(
      `m=${kind} 7 UDP/TLS/RTP/SAVPF ${types}`,
      'c=IN IP4 0.0.0.0',
      `a=ice-ufrag:${usernameFragment}`,
      `a=ice-pwd:${password}`,
      `a=fingerprint:sha-256 ${print.value}`,
      `a=setup:${setup}`,
      `a=mid:${rtpParameters.mid}`,
      `a=${direction}`,
      'a=rtcp-mux',
      'a=rtcp-rsize',
      ...candidates.map((candidate) => `a=${candidate}`),
      ...rtpParameters.headerExtensions.map(({ id, uri }) => `a=extmap:${id} ${uri}`),
    );
    for (const { payloadType, mimeType, clockRate, channels, ...codec } of rtpParameters.codecs) {
      const name = mimeType.split('/')[1];
      lines.push(
        `a=rtpmap:${payloadType} ${name}/${clockRate}${channels > 1 ? `/${channels}` : ''}`,
      );
      for (const { type, parameter } of codec.rtcpFeedback ?? []) {
        lines.push(`a=rtcp-fb:${payloadType} ${type}${parameter ? ` ${parameter}` : ''}`);
      }
      const parameters = Object.entries(codec.parameters ?? {});
      if (parameters.length > 0) {
        lines.push(
          `a=fmtp:${payloadType} ${parameters.map(([key, value]) => `${key}=${value}`).join(';')}`,
        );
      }
    }
    const encoding = direction === 'sendonly' ? rtpParameters.encodings[0] : undefined;
    if (encoding) {
      const ssrcs = [encoding.ssrc, encoding.rtx?.ssrc].filter(Boolean);
      lines.push(`a=msid:${stream} ${kind}`);
      if (encoding.rtx) lines.push(`a=ssrc-group:FID ${ssrcs.join(' ')}`);
      for (const ssrc of ssrcs) lines.push(`a=ssrc:${ssrc} cname:${stream}`);
    }
  }
  return `${lines.join('\r\n')}\r\n`;
}

export function candidate({ foundation, priority, ip, address, port }) {
  return `candidate:${foundation} 1 udp ${priority} ${address ?? ip} ${port} typ host`;
}
