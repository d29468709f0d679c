/**
 * A certificate authority of the tests' own that browsers trust as they do public ones: it is in the database of
 * certificates in a home folder made for them, so that nothing has to be ignored.
 */

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const run = (program, ...args) => execFileSync(program, args, { stdio: 'pipe' });

/** Signs one certificate for `names` (DNS names; addresses as they are). */
export function startAuthority(...names) {
  const folder = mkdtempSync(join(tmpdir(), 'madang-authority-'));
  const [home, profile, certificates] = ['home', 'profile', 'certificates'].map((name) =>
    join(folder, name),
  );
  mkdirSync(certificates);
  const root = join(folder, 'root.pem');
  const make = (subject, certificate, key, ...more) =>
    run(
      'openssl',
      ...'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2'.split(' '),
      ...['-subj', `/CN=${subject}`, '-out', certificate, '-keyout', key, ...more],
    );
  make('tests', root, join(folder, 'root.key'));
  const kind = (name) => (/^[\d.]+$|:/.test(name) ? 'IP' : 'DNS');
  make(
    names[0],
    join(certificates, 'certificate.cert'),
    join(certificates, 'certificate.key'),
    ...['-CA', root, '-CAkey', join(folder, 'root.key')],
    ...['-addext', 'basicConstraints=critical,CA:FALSE'],
    ...['-addext', `subjectAltName=${names.map((name) => `${kind(name)}:${name}`).join(',')}`],
  );
  for (const database of [join(home, '.pki/nssdb'), profile]) {
    mkdirSync(database, { recursive: true });
    run('certutil', '-d', `sql:${database}`, '-N', '--empty-password');
    const trusted = ['-n', 'tests', '-t', 'C,,', '-i', root];
    run('certutil', '-d', `sql:${database}`, '-A', ...trusted);
  }
  return {
    /** Settings of a server that shows the certificate. */
    settings: { CERTIFICATE_TYPE: 'owncert', MADANG_OWNCERT_DIR: certificates },
    /** For `Browsers`: the home of a Chromium and the profile of a Firefox that trust it. */
    trust: { home, profile },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
