/**
 * Images for containers, as an OCI layout and as archives for `docker load`: one layer with the program and what it looks for in a
 * system. Neither Docker nor another image is needed.
 */

import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { gzip, tar, withFolders } from './tar.mjs';

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const CONFIG = 'application/vnd.oci.image.config.v1+json';
const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';

/** As whom the server runs. A number that no system gives out by itself. */
const USER = 10001;
/** What the server keeps and writes. */
const DATA = '/data';

/** The blobs of one architecture's image, and what names them. */
export function image({ program, architecture, version, time, level, licences }) {
  const files = withFolders([
    { path: 'usr/bin/madang', data: program, mode: 0o755 },
    { path: 'usr/share/doc/madang/licences.txt', data: licences, mode: 0o644 },
    { path: 'etc/passwd', data: passwd(), mode: 0o644 },
    { path: 'etc/group', data: `root:x:0:\nmadang:x:${USER}:\n`, mode: 0o644 },
    // For buckets. They are Mozilla's, as Node has them; for everything else the program has its own.
    { path: 'etc/ssl/certs/ca-certificates.crt', data: authorities(), mode: 0o644 },
    { path: 'tmp/', mode: 0o1777 },
    // A volume that is new gets this owner.
    { path: `${DATA.slice(1)}/`, mode: 0o750, uid: USER, gid: USER },
  ]);
  const contents = tar(files, time);
  const layer = blob(gzip(contents, level), LAYER);
  const created = new Date(time * 1000).toISOString();
  const config = json(
    {
      created,
      architecture,
      os: 'linux',
      config: {
        User: `${USER}:${USER}`,
        ExposedPorts: { '4443/tcp': {}, '40000/udp': {}, '3478/udp': {} },
        Env: [
          'PATH=/usr/bin',
          `OPENVIDU_CDR_PATH=${DATA}/cdr`,
          `OPENVIDU_RECORDING_PATH=${DATA}/recordings`,
          `OPENVIDU_RECORDING_CUSTOM_LAYOUT=${DATA}/custom-layout`,
        ],
        Entrypoint: ['/usr/bin/madang'],
        WorkingDir: DATA,
        Volumes: { [DATA]: {} },
        StopSignal: 'SIGTERM',
        Labels: {
          'org.opencontainers.image.title': 'madang',
          'org.opencontainers.image.version': version,
          'org.opencontainers.image.licenses': 'Apache-2.0',
        },
      },
      rootfs: { type: 'layers', diff_ids: [digest(contents)] },
      history: [{ created, created_by: 'make package' }],
    },
    CONFIG,
  );
  const manifest = json(
    {
      schemaVersion: 2,
      mediaType: MANIFEST,
      config: config.descriptor,
      layers: [layer.descriptor],
    },
    MANIFEST,
  );
  return { architecture, version, layer, config, manifest };
}

/** Writes the layout with all `images` in one index. */
export function writeLayout(folder, images) {
  mkdirSync(join(folder, 'blobs/sha256'), { recursive: true });
  for (const { path, data } of blobs(images)) writeFileSync(join(folder, path), data);
  // One tag for all architectures is an index inside the layout's own.
  const inner = json(
    { schemaVersion: 2, mediaType: INDEX, manifests: images.map(withPlatform) },
    INDEX,
  );
  writeFileSync(join(folder, inner.path), inner.data);
  for (const { path, data } of layout([
    {
      ...inner.descriptor,
      annotations: { 'org.opencontainers.image.ref.name': images[0].version },
    },
  ])) {
    writeFileSync(join(folder, path), data);
  }
}

/** The same of one architecture in an archive that `docker load` takes, old and new. */
export function dockerArchive(image, time) {
  const name = `madang:${image.version}`;
  const docker = [{ Config: image.config.path, RepoTags: [name], Layers: [image.layer.path] }];
  const named = {
    ...withPlatform(image),
    annotations: {
      'io.containerd.image.name': `docker.io/library/${name}`,
      'org.opencontainers.image.ref.name': image.version,
    },
  };
  const files = [
    ...blobs([image]),
    ...layout([named]),
    { path: 'manifest.json', data: JSON.stringify(docker) },
  ];
  return tar(withFolders(files.map((file) => ({ ...file, mode: 0o644 }))), time);
}

const blobs = (images) =>
  images.flatMap(({ layer, config, manifest }) => [layer, config, manifest]);

const layout = (manifests) => [
  { path: 'oci-layout', data: JSON.stringify({ imageLayoutVersion: '1.0.0' }) },
  {
    path: 'index.json',
    data: JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests }),
  },
];

const withPlatform = ({ manifest, architecture }) => ({
  ...manifest.descriptor,
  platform: { architecture, os: 'linux', ...(architecture === 'arm64' && { variant: 'v8' }) },
});

const json = (value, mediaType) => blob(Buffer.from(JSON.stringify(value)), mediaType);

function blob(data, mediaType) {
  const name = digest(data);
  const descriptor = { mediaType, digest: name, size: data.length };
  return { data, descriptor, path: `blobs/${name.replace(':', '/')}` };
}

const digest = (data) => `sha256:${createHash('sha256').update(data).digest('hex')}`;

const passwd = () =>
  `root:x:0:0:root:/:/sbin/nologin\nmadang:x:${USER}:${USER}:Madang:${DATA}:/sbin/nologin\n`;

const authorities = () => `${rootCertificates.join('\n')}\n`;
