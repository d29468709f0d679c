/** Debian packages, by dpkg-deb. */

import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzip, withFolders } from './tar.mjs';

/** Where the packaged server keeps what it makes, and its settings. */
const DATA = '/var/lib/madang';
const SETTINGS = '/etc/madang';

const script = (name) => readFileSync(new URL(`debian/${name}`, import.meta.url));

/**
 * The server. `installer` is a program that runs on this machine: the unit and the settings are what its `madang install` writes,
 * with the places of a package.
 */
export function serverPackage(out, options) {
  const { unit, settings } = written(options.installer);
  return build(out, 'madang', options, {
    fields: {
      Depends: 'adduser',
      // For buckets; for everything else the program has its own.
      Recommends: 'ca-certificates',
      Suggests: 'madang-transcoder, chromium',
      Section: 'video',
      Description: [
        'server for video calls that speaks the OpenVidu 2 protocol',
        'Session server and selective forwarding unit for WebRTC in one program, with',
        'a TURN server, a page for calls and a dashboard. Composed recordings,',
        'broadcasts, filters and cameras need madang-transcoder.',
      ],
    },
    files: [
      { path: 'usr/bin/madang', data: options.program, mode: 0o755 },
      { path: 'usr/lib/systemd/system/madang.service', data: unit, mode: 0o644 },
      { path: 'usr/share/madang/env', data: settings, mode: 0o644 },
      { path: `${SETTINGS.slice(1)}/`, mode: 0o755 },
    ],
    scripts: ['postinst', 'prerm', 'postrm'],
  });
}

/** What composes recordings and works with live media. It is made of the libraries of this machine's Debian. */
export function transcoderPackage(out, options) {
  const plugins = ['base', 'good', 'bad', 'ugly'].map((set) => `gstreamer1.0-plugins-${set}`);
  const others = ['libav', 'opencv', 'x'].map((name) => `gstreamer1.0-${name}`);
  return build(out, 'madang-transcoder', options, {
    fields: {
      Depends: [
        ...libraries(options.program),
        ...plugins,
        ...others,
        'glib-networking',
        'opencv-data',
        'fontconfig',
      ].join(', '),
      // With letters of most languages, for names in pictures.
      Recommends: 'fonts-noto-core, fonts-noto-cjk',
      Enhances: 'madang',
      Section: 'video',
      Description: [
        'composes recordings of Madang and works with live media',
        'Started by the server (package madang) for composed recordings, broadcasts,',
        'filters, IP cameras, speech to text and transcoding.',
      ],
    },
    files: [{ path: 'usr/bin/madang-transcoder', data: options.program, mode: 0o755 }],
    scripts: [],
  });
}

function build(out, name, { architecture, version, time, level, licences, changes }, about) {
  const root = mkdtempSync(join(tmpdir(), 'madang-deb-'));
  try {
    // It stands for `/`, and was made for one user alone.
    chmodSync(root, 0o755);
    const documents = `usr/share/doc/${name}`;
    const files = withFolders([
      ...about.files,
      { path: `${documents}/copyright`, data: licences, mode: 0o644 },
      { path: `${documents}/changelog.gz`, data: gzip(changes, 9), mode: 0o644 },
    ]);
    for (const { path, data, mode } of files.sort((one, other) =>
      one.path < other.path ? -1 : 1,
    )) {
      put(join(root, path), data, mode, path.endsWith('/'));
    }
    const size = files.reduce((sum, { data }) => sum + Math.ceil((data?.length ?? 1024) / 1024), 0);
    const fields = {
      Package: name,
      Version: version,
      Architecture: architecture,
      Maintainer: maintainer(),
      'Installed-Size': size,
      Priority: 'optional',
      ...about.fields,
    };
    put(join(root, 'DEBIAN'), undefined, 0o755, true);
    put(join(root, 'DEBIAN/control'), control(fields), 0o644);
    for (const name of about.scripts) put(join(root, 'DEBIAN', name), script(name), 0o755);
    const file = `${name}_${version}_${architecture}.deb`;
    // The best that there is takes half a minute, which tests have no use for.
    const compression = [level === 9 ? '-Zxz' : '-Zgzip', `-z${level}`, '--threads-max=1'];
    execFileSync(
      'dpkg-deb',
      ['--root-owner-group', ...compression, '--build', root, join(out, file)],
      {
        stdio: ['ignore', 'ignore', 'inherit'],
        env: { ...process.env, SOURCE_DATE_EPOCH: String(time) },
      },
    );
    return file;
  } finally {
    rmSync(root, { recursive: true });
  }
}

function put(path, data, mode, folder = false) {
  if (folder) mkdirSync(path, { recursive: true });
  else writeFileSync(path, data);
  // Not what the umask of whoever packs leaves of it.
  chmodSync(path, mode);
}

function control(fields) {
  const lines = Object.entries(fields).map(([name, value]) =>
    Array.isArray(value) ? `${name}: ${value.join('\n ')}` : `${name}: ${value}`,
  );
  return `${lines.join('\n')}\n`;
}

/** As Debian's own tools are told. */
function maintainer() {
  const { DEBFULLNAME = 'Whoever built this package', DEBEMAIL = 'root@localhost' } = process.env;
  return `${DEBFULLNAME} <${DEBEMAIL}>`;
}

/** The packages whose libraries a program is linked with, by what they say of themselves. */
function libraries(program) {
  const folder = mkdtempSync(join(tmpdir(), 'madang-libraries-'));
  try {
    // dpkg-shlibdeps wants to be in a source package.
    mkdirSync(join(folder, 'debian'));
    writeFileSync(
      join(folder, 'debian/control'),
      'Source: madang\n\nPackage: madang-transcoder\nArchitecture: any\n',
    );
    writeFileSync(join(folder, 'program'), program);
    const told = execFileSync('dpkg-shlibdeps', ['-O', '--warnings=0', '-eprogram'], {
      cwd: folder,
      encoding: 'utf8',
    });
    return told.trim().replace('shlibs:Depends=', '').split(', ');
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The unit and the settings, as `madang install` writes them, with the places of the package. */
function written(installer) {
  const scratch = mkdtempSync(join(tmpdir(), 'madang-unit-'));
  try {
    const folder = join(scratch, 'installed');
    // Alone, because the installation would take along what stands beside it.
    const program = join(scratch, 'madang');
    copyFileSync(installer, program);
    chmodSync(program, 0o755);
    execFileSync(program, ['install', folder, '--unit-folder', scratch, '--user', 'madang'], {
      stdio: 'pipe',
    });
    const unit = change(readFileSync(join(scratch, 'openvidu.service'), 'utf8'), [
      [/^# Made by .*$/m, '# Changes of your own: systemctl edit madang'],
      [
        `ExecStart=${folder}/madang\n`,
        `ExecStart=/usr/bin/madang\nEnvironment=DOTENV_PATH=${SETTINGS}\n`,
      ],
      [/^# What \.env does not say\.$/m, `# What ${SETTINGS}/.env does not say.`],
      [folder, DATA],
    ]);
    const settings = change(readFileSync(join(folder, '.env'), 'utf8'), [
      ['./openvidu restart', 'systemctl restart madang'],
      [/^OPENVIDU_SECRET=.+$/m, 'OPENVIDU_SECRET='],
      // Whoever makes the package need not be root, for whom these are the ports.
      [/^HTTP_PORT=.*$/m, 'HTTP_PORT=80'],
      [/^HTTPS_PORT=.*$/m, 'HTTPS_PORT=443'],
      [folder, DATA],
    ]);
    return { unit, settings };
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

/** Replaces each of `pairs` wherever it is, and there must be one. */
function change(text, pairs) {
  return pairs.reduce((changed, [from, to]) => {
    const after = changed.replaceAll(typeof from === 'string' ? from : new RegExp(from, 'gm'), to);
    if (after === changed && !changed.includes(to))
      throw new Error(`\`madang install\` did not write ${from}`);
    return after;
  }, text);
}
