/**
 * What `make package` makes: installed, started and taken away again. `PACKAGES` names the folder, as `make package-test` does;
 * otherwise the program under test is packed here, which is not static and is for this machine alone.
 */

import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { DebianRoot } from '../harness/debian.mjs';
import { restOk } from '../harness/rest.mjs';
import { binary, startServer } from '../harness/server.mjs';
import { startWebroot } from '../harness/webroot.mjs';

const run = promisify(execFile);
const published = process.env.PACKAGES && resolve(process.env.PACKAGES);
const here = process.arch === 'x64' ? 'amd64' : 'arm64';
const cpu = process.arch;
const scratch = mkdtempSync(join(tmpdir(), 'madang-packages-'));
let packages;

before(async () => {
  packages = published ?? (await pack('packages'));
});
after(() => rmSync(scratch, { recursive: true, force: true }));

/** Packs the program under test into a folder of its own. */
async function pack(name) {
  const out = join(scratch, name);
  const script = fileURLToPath(new URL('../../packaging/pack.mjs', import.meta.url));
  await run(process.execPath, [script, '--quick', '--out', out, '--program', `${here}=${binary}`], {
    env: { ...process.env, SOURCE_DATE_EPOCH: '1700000000' },
  });
  return out;
}

/** A file of the packages by the form of its name; there is one. */
function file(pattern) {
  const names = readdirSync(packages).filter((name) => pattern.test(name));
  assert.equal(names.length, 1, `${pattern}: ${names}`);
  return join(packages, names[0]);
}

const folder = (name) => {
  mkdirSync(join(scratch, name), { recursive: true });
  return join(scratch, name);
};

const digest = (data) => `sha256:${createHash('sha256').update(data).digest('hex')}`;

/** A program says which it is, and serves until it is asked to end. */
async function assertStarts(program) {
  const { stdout } = await run(program, ['--version']);
  assert.match(stdout, /^madang \d/);
  const server = await startServer({}, undefined, program);
  try {
    await assertServes(server);
  } finally {
    await server.stop();
  }
  return server;
}

/** Anything a server answers at all comes from its pages, its API and its control loop. */
async function assertServes(server) {
  assert.equal((await restOk(server, 'GET', '/openvidu/api/health')).status, 'UP');
  await restOk(server, 'POST', '/openvidu/api/sessions', { customSessionId: 'packed' });
  const page = await (await fetch(server.url)).text();
  assert.match(page, /<script type="module"/, 'the page is in the program');
}

test('what is packed twice is the same', { skip: published && 'packed once' }, async () => {
  const again = await pack('again');
  const sums = (folder) => readFileSync(join(folder, 'SHA256SUMS'), 'utf8');
  assert.equal(sums(again), sums(packages));
  assert.deepEqual(
    readdirSync(join(again, 'oci/blobs/sha256')),
    readdirSync(join(packages, 'oci/blobs/sha256')),
  );
});

test('the checksums are those of all files', () => {
  const told = execFileSync('sha256sum', ['-c', 'SHA256SUMS'], { cwd: packages, encoding: 'utf8' });
  const files = readdirSync(packages, { withFileTypes: true }).filter((entry) => entry.isFile());
  assert.equal(told.trim().split('\n').length, files.length - 1);
});

test('the Debian packages belong to root, and everybody can read what is in them', () => {
  for (const name of readdirSync(packages).filter((name) => name.endsWith('.deb'))) {
    const listed = execFileSync('dpkg-deb', ['--contents', join(packages, name)], {
      encoding: 'utf8',
    });
    for (const line of listed.trim().split('\n')) {
      assert.match(line, /^(drwxr-xr-x|-rw.r-.r-.) root\/root /, `${name}: ${line}`);
    }
  }
});

test('the Debian package is installed, runs as its unit says, is upgraded, removed and purged', async (context) => {
  const { root, refused } = await DebianRoot.open();
  if (refused) return context.skip(`no system of its own can be made here: ${refused}`);
  try {
    await installRunAndPurge(root);
  } finally {
    await root.close();
  }
});

async function installRunAndPurge(root) {
  const [deb] = root.take(file(new RegExp(`^madang_.*_${here}\\.deb$`)));
  const settings = root.path('/etc/madang/.env');
  const wanted = root.path('/etc/systemd/system/multi-user.target.wants/madang.service');
  root.run('dpkg', '--install', deb);
  assert.equal(statSync(settings).mode & 0o777, 0o640);
  const written = readFileSync(settings, 'utf8');
  const [, secret] = /^OPENVIDU_SECRET=([A-Za-z0-9]{32})$/m.exec(written);
  assert.ok(
    root.succeeds('test', '-L', '/etc/systemd/system/multi-user.target.wants/madang.service'),
    wanted,
  );
  const unitFile = '/usr/lib/systemd/system/madang.service';
  assert.equal(root.run('systemd-analyze', 'verify', unitFile), '');

  // What systemd would do.
  const unit = readFileSync(root.path(unitFile), 'utf8');
  const [program] = values(unit, 'ExecStart');
  const [user] = values(unit, 'User');
  const [data] = values(unit, 'WorkingDirectory');
  const environment = Object.fromEntries(
    values(unit, 'Environment').map((pair) => pair.split(/=(.*)/s).slice(0, 2)),
  );
  assert.deepEqual([program, user, data], ['/usr/bin/madang', 'madang', '/var/lib/madang']);
  const server = root.start(user, data, environment, program);
  try {
    await ready(server);
    const authorization = `Basic ${btoa(`OPENVIDUAPP:${secret}`)}`;
    const health = root.fetch('https://127.0.0.1/openvidu/api/health', authorization);
    assert.deepEqual([health.status, JSON.parse(health.body).status], [200, 'UP']);
    assert.equal(root.fetch('https://127.0.0.1/openvidu/api/config', 'Basic YTpi').status, 401);
  } finally {
    server.kill('SIGTERM');
    await new Promise((done) => server.once('close', done));
  }
  assert.equal(server.exitCode, 0);
  assert.ok(
    root.succeeds('sh', '-c', `test "$(stat -c %U ${data}/.madang/*  | sort -u)" = madang`),
  );

  // The same again is an upgrade: nothing that an administrator may have changed is touched.
  writeFileSync(
    settings,
    written.replace(/^DOMAIN_OR_PUBLIC_IP=.*$/m, 'DOMAIN_OR_PUBLIC_IP=call.example.org'),
  );
  const changed = readFileSync(settings, 'utf8');
  assert.notEqual(changed, written);
  root.run('dpkg', '--install', deb);
  assert.equal(readFileSync(settings, 'utf8'), changed);

  root.run('dpkg', '--remove', 'madang');
  assert.equal(readFileSync(settings, 'utf8'), changed);
  assert.ok(!existsSync(root.path('/usr/bin/madang')));
  assert.ok(root.succeeds('getent', 'passwd', 'madang'));

  const recording = root.path(`${data}/recordings/one/one.webm`);
  mkdirSync(root.path(`${data}/recordings/one`));
  writeFileSync(recording, 'a recording');
  assert.match(root.run('dpkg', '--purge', 'madang'), /Recordings are left in/);
  assert.equal(readFileSync(recording, 'utf8'), 'a recording');
  assert.deepEqual(readdirSync(root.path(data)), ['recordings']);

  root.run('dpkg', '--install', deb);
  assert.doesNotMatch(readFileSync(settings, 'utf8'), new RegExp(secret), 'another one is made up');
  rmSync(root.path(`${data}/recordings/one`), { recursive: true });
  root.run('dpkg', '--purge', 'madang');
  for (const left of ['/etc/madang', data, '/usr/bin/madang', unitFile, '/usr/share/madang']) {
    assert.ok(!existsSync(root.path(left)), left);
  }
  for (const kind of ['passwd', 'group']) assert.ok(!root.succeeds('getent', kind, 'madang'), kind);
  const links = root.run('find', '/etc/systemd', '/var/lib/systemd', '-name', '*madang*');
  assert.equal(links, '');
}

const values = (unit, key) =>
  unit
    .split('\n')
    .filter((line) => line.startsWith(`${key}=`))
    .map((line) => line.slice(key.length + 1));

function ready(child) {
  return new Promise((done, fail) => {
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        said += text;
        if (said.includes('OpenVidu is ready!')) done();
      });
    }
    child.once('close', () => fail(new Error(`it ended:\n${said}`)));
  });
}

test('npm installs the program of this platform, and starts it', async () => {
  const project = folder('npm');
  const launcher = file(/^madang-server-\d.*\.tgz$/);
  const platform = file(new RegExp(`^madang-server-linux-${cpu}-.*\\.tgz$`));
  writeFileSync(join(project, 'package.json'), '{"private":true}');
  // As whoever only has the files; from a registry the launcher brings the other one along.
  const options = ['--offline', '--no-audit', '--no-fund', '--omit=optional', '--no-save'];
  await run('npm', ['install', ...options, launcher, platform], { cwd: project });
  const program = join(project, 'node_modules/.bin/madang');
  const server = await assertStarts(program);
  assert.match(server.output, /stopping/, 'the server itself was asked to end');
  assert.equal(server.child.exitCode, 0);

  const settings = { ...process.env, SERVER_PORT: 'none' };
  const wrong = await run(program, { env: settings }).catch((error) => error);
  assert.equal(wrong.code, 78, 'it ends as the program does');
  const manifest = JSON.parse(
    readFileSync(join(project, 'node_modules/@madang/server/package.json')),
  );
  const { name, version } = JSON.parse(
    readFileSync(join(project, `node_modules/@madang/server-linux-${cpu}/package.json`)),
  );
  assert.equal(manifest.optionalDependencies[name], version);
  rmSync(join(project, `node_modules/@madang/server-linux-${cpu}`), { recursive: true });
  const missing = await run(program).catch((error) => error);
  assert.match(missing.stderr, new RegExp(`@madang/server-linux-${cpu} is missing`));
  // Another system, as far as the launcher can see.
  const disguise = `data:text/javascript,Object.defineProperty(process,'platform',{value:'win32'})`;
  const other = await run(process.execPath, ['--import', disguise, program]).catch(
    (error) => error,
  );
  assert.deepEqual(
    [other.code, /no program for win32/.test(other.stderr)],
    [1, true],
    other.stderr,
  );
});

test('npx runs the server from the packages alone', async () => {
  const launcher = file(/^madang-server-\d.*\.tgz$/);
  const platform = file(new RegExp(`^madang-server-linux-${cpu}-.*\\.tgz$`));
  const script = join(folder('npx'), 'npx.sh');
  const packed = [launcher, platform].map((name) => `--package='${name}'`).join(' ');
  const cache = folder('npx/cache');
  // Whoever presses Ctrl+C ends npx and what it has started alike; it does not hand on what it alone is told.
  writeFileSync(
    script,
    `#!/usr/bin/setsid sh
trap 'trap "" TERM; kill -TERM 0' TERM
npm_config_cache='${cache}' npx --offline --yes --omit=optional ${packed} -- madang &
while ! wait; do :; done
`,
  );
  chmodSync(script, 0o755);
  const server = await startServer({}, undefined, script);
  try {
    await assertServes(server);
  } finally {
    await server.stop();
  }
});

test('the image is what its digests say, and its root has what the server needs', async () => {
  const layout = join(packages, 'oci');
  const blob = (descriptor) => {
    const data = readFileSync(join(layout, 'blobs', descriptor.digest.replace(':', '/')));
    assert.equal(digest(data), descriptor.digest);
    assert.equal(data.length, descriptor.size);
    return data;
  };
  assert.deepEqual(JSON.parse(readFileSync(join(layout, 'oci-layout'))), {
    imageLayoutVersion: '1.0.0',
  });
  const [tagged] = JSON.parse(readFileSync(join(layout, 'index.json'))).manifests;
  const { manifests } = JSON.parse(blob(tagged));
  const architectures = manifests.map(({ platform }) => platform.architecture);
  assert.deepEqual(architectures, published ? ['amd64', 'arm64'] : [here]);
  for (const descriptor of manifests) {
    const manifest = JSON.parse(blob(descriptor));
    const config = JSON.parse(blob(manifest.config));
    assert.equal(config.architecture, descriptor.platform.architecture);
    assert.deepEqual(config.config.Entrypoint, ['/usr/bin/madang']);
    assert.equal(config.config.User, '10001:10001');
    assert.deepEqual(Object.keys(config.config.Volumes), ['/data']);
    assert.deepEqual(Object.keys(config.config.ExposedPorts), [
      '4443/tcp',
      '40000/udp',
      '3478/udp',
    ]);
    const layers = manifest.layers.map(blob);
    assert.deepEqual(
      config.rootfs.diff_ids,
      layers.map((layer) => digest(gunzipSync(layer))),
    );
    const root = folder(`image-${config.architecture}`);
    execFileSync('tar', ['-xz', '-C', root], { input: layers[0] });
    // GNU tar reads what ours writes, owners and modes.
    const listed = execFileSync('tar', ['-tvz', '--numeric-owner'], {
      input: layers[0],
      encoding: 'utf8',
    });
    assert.match(listed, /^drwxr-x--- 10001\/10001 .* data\/$/m);
    assert.match(listed, /^drwxrwxrwt 0\/0 .* tmp\/$/m);
    assert.match(listed, /^-rwxr-xr-x 0\/0 .* usr\/bin\/madang$/m);
    assert.match(
      readFileSync(join(root, 'etc/ssl/certs/ca-certificates.crt'), 'utf8'),
      /BEGIN CERTIFICATE/,
    );
    assert.match(
      readFileSync(join(root, 'usr/share/doc/madang/licences.txt'), 'utf8'),
      /aws-lc-sys/,
    );
  }
  // `docker load`: the same blobs, named in both ways.
  const archive = file(new RegExp(`^madang-image-.*-${here}\\.tar$`));
  const loaded = folder('docker');
  execFileSync('tar', ['-xf', archive, '-C', loaded]);
  const [image] = JSON.parse(readFileSync(join(loaded, 'manifest.json')));
  const compose = readFileSync(join(packages, 'compose.yaml'), 'utf8');
  assert.ok(compose.includes(`image: ${image.RepoTags[0]}\n`), compose);
  for (const path of [image.Config, ...image.Layers]) {
    assert.equal(digest(readFileSync(join(loaded, path))), `sha256:${basename(path)}`);
  }
  const [named] = JSON.parse(readFileSync(join(loaded, 'index.json'))).manifests;
  assert.equal(
    named.annotations['io.containerd.image.name'],
    `docker.io/library/${image.RepoTags[0]}`,
  );
  const root = join(scratch, `image-${here}`);
  assert.ok(readFileSync(join(root, 'usr/bin/madang')).equals(await program()));
});

/** The program in the archive for this machine. */
async function program() {
  const to = folder('archive');
  await run('tar', ['-xzf', file(new RegExp(`^madang-\\d.*-linux-${here}\\.tar\\.gz$`)), '-C', to]);
  return readFileSync(join(to, 'madang'));
}

test('the script installs the program from a web server, and nothing else than was meant', async () => {
  const offered = folder('offered');
  const archive = file(new RegExp(`^madang-\\d.*-linux-${here}\\.tar\\.gz$`));
  for (const name of [archive, join(packages, 'SHA256SUMS')])
    copyFileSync(name, join(offered, basename(name)));
  const site = await startWebroot(offered);
  const script = join(packages, 'install.sh');
  const to = folder('bin');
  const install = (args, settings = {}) =>
    run('sh', [script, ...args], {
      env: { ...process.env, MADANG_DOWNLOAD: '', ...settings },
    }).catch((error) => error);
  const address = site.url;
  try {
    const refused = async (expected, args, settings) => {
      const { code, stderr } = await install(args, settings);
      assert.deepEqual([code, expected.test(stderr)], [1, true], stderr);
      assert.deepEqual(readdirSync(to), []);
    };
    await refused(/where from\?/, ['--to', to]);
    await refused(/unknown option --form/, ['--form', to]);
    await refused(/cannot get .*SHA256SUMS/, ['--to', to, `${address}/elsewhere`]);
    const disguise = folder('disguise');
    writeFileSync(
      join(disguise, 'uname'),
      '#!/bin/sh\n[ "$1" = -s ] && echo Linux || echo riscv64\n',
    );
    chmodSync(join(disguise, 'uname'), 0o755);
    const PATH = `${disguise}:${process.env.PATH}`;
    await refused(/no program for riscv64/, ['--to', to, address], { PATH });

    const sums = readFileSync(join(offered, 'SHA256SUMS'), 'utf8');
    const own = sums.split('\n').find((line) => line.endsWith(basename(archive)));
    const wrong = own.replace(/^./, (digit) => (digit === '0' ? '1' : '0'));
    writeFileSync(join(offered, 'SHA256SUMS'), sums.replace(own, wrong));
    await refused(/is not what SHA256SUMS says/, ['--to', to, address]);
    writeFileSync(join(offered, 'SHA256SUMS'), sums.replace(`${own}\n`, ''));
    await refused(/names no program/, ['--to', to, address]);
    writeFileSync(join(offered, 'SHA256SUMS'), sums);

    const done = await install(['--to', to], { MADANG_DOWNLOAD: `${address}/` });
    assert.match(done.stdout, /^madang \d.* is installed in /, done.stderr);
    assert.match(done.stdout, new RegExp(`Start it, .*${to}/madang$`, 'm'));
    assert.ok(readFileSync(join(to, 'madang')).equals(await program()));
    // Again, while the old one may be running.
    assert.match((await install(['--to', to, address])).stdout, /is installed in/);
    assert.deepEqual(readdirSync(to), ['madang']);
  } finally {
    await site.stop();
  }
});

test('the shell scripts are sound', async () => {
  const scripts = [
    'install.sh',
    'cross.sh',
    'package.sh',
    'debian/postinst',
    'debian/prerm',
    'debian/postrm',
  ];
  const sources = fileURLToPath(new URL('../../packaging/', import.meta.url));
  await run('shellcheck', scripts, { cwd: sources });
  for (const name of ['install.sh', 'debian/postinst', 'debian/prerm', 'debian/postrm']) {
    await run('sh', ['-n', name], { cwd: sources });
  }
});

const only = { skip: !published && 'needs the programs of `make package`' };

test(
  'everything is within 15 MB, and names no folder of the machine that built it',
  only,
  async () => {
    for (const name of readdirSync(packages)) {
      const { size } = statSync(join(packages, name));
      assert.ok(size <= 15e6, `${name}: ${size}`);
    }
    const home = process.env.HOME;
    const root = fileURLToPath(new URL('../../', import.meta.url));
    for (const name of readdirSync(packages).filter((name) =>
      /-linux-(amd64|arm64)\.tar\.gz$/.test(name),
    )) {
      const data = gunzipSync(readFileSync(join(packages, name)));
      for (const path of [root, `${home}/.cargo`, `${home}/.rustup`]) {
        assert.ok(!data.includes(path), `${name}: ${path}`);
      }
    }
  },
);

test('the program in the image runs with nothing but the image', only, async (context) => {
  if (process.getuid() !== 0) return context.skip('only root may change the root');
  const script = join(folder('rooted'), 'madang.sh');
  const root = join(scratch, `image-${here}`);
  // As the image's configuration has it.
  writeFileSync(
    script,
    `#!/bin/sh\nexport MADANG_DATA_DIR=/data/.madang\nexec chroot --userspec=10001:10001 '${root}' /usr/bin/madang\n`,
  );
  chmodSync(script, 0o755);
  const server = await startServer({}, undefined, script);
  try {
    await assertServes(server);
  } finally {
    await server.stop();
  }
});

test('other programs can read the images', only, async () => {
  for (const architecture of ['amd64', 'arm64']) {
    const { stdout } = await run('skopeo', [
      '--override-arch',
      architecture,
      'inspect',
      `oci:${packages}/oci`,
    ]);
    assert.equal(JSON.parse(stdout).Architecture, architecture);
    const archive = file(new RegExp(`^madang-image-.*-${architecture}\\.tar$`));
    const docker = await run('skopeo', [
      '--override-arch',
      architecture,
      'inspect',
      `docker-archive:${archive}`,
    ]);
    assert.equal(JSON.parse(docker.stdout).Architecture, architecture);
  }
});

test('the program for arm64 serves', only, async () => {
  const inside = folder('arm64');
  await run('tar', ['-xzf', file(/^madang-\d.*-linux-arm64\.tar\.gz$/), '-C', inside]);
  const script = join(inside, 'madang.sh');
  writeFileSync(script, `#!/bin/sh\nexec qemu-aarch64 '${inside}/madang' "$@"\n`);
  chmodSync(script, 0o755);
  await assertStarts(script);
});

test('the transcoder is installed with what it is linked with', only, async (context) => {
  if (here !== 'amd64') return context.skip('it is built for amd64');
  const deb = file(/^madang-transcoder_.*\.deb$/);
  const depends = execFileSync('dpkg-deb', ['--field', deb, 'Depends'], { encoding: 'utf8' });
  for (const needed of ['libgstreamer1.0-0', 'libc6', 'gstreamer1.0-plugins-good']) {
    assert.ok(depends.includes(needed), depends);
  }
  const { root, refused } = await DebianRoot.open();
  if (refused) return context.skip(`no system of its own can be made here: ${refused}`);
  try {
    const [inside] = root.take(deb);
    // All that it depends on is here, as on any machine that tests recordings.
    root.run('dpkg', '--install', inside);
    assert.match(root.run('ldd', '/usr/bin/madang-transcoder'), /libgstreamer-1\.0/);
    assert.ok(!root.run('ldd', '/usr/bin/madang-transcoder').includes('not found'));
    root.run('dpkg', '--purge', 'madang-transcoder');
  } finally {
    await root.close();
  }
});
