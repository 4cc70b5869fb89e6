/** Certificates for tests, made by the system's openssl. */

import { execFile, execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

function isThere(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

export const hasOpenssl = isThere();
if (!hasOpenssl) console.info('tests of TLS: skipped, openssl is not installed');

export interface Pair {
  readonly cert: string;
  readonly key: string;
}

/**
 * A certificate for localhost that signed itself, or that another signed.
 * @param name of its files in the folder, and its common name
 * @param days it is valid; below 0, only with a signer: it has expired
 */
export async function certificate(folder: string, name: string, days = 30, signer?: Pair): Promise<Pair> {
  const [cert, key] = [join(folder, `${name}.crt`), join(folder, `${name}.key`)];
  const request = join(folder, `${name}.csr`);
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', `/CN=${name}`];
  const altNames = ['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  if (signer === undefined) {
    await run('openssl', ['req', '-x509', ...curve, ...altNames, '-days', String(days), '-keyout', key, '-out', cert]);
  } else {
    await run('openssl', ['req', ...curve, ...altNames, '-keyout', key, '-out', request]);
    const by = ['-CA', signer.cert, '-CAkey', signer.key, '-CAcreateserial'];
    await run('openssl', ['x509', '-req', '-in', request, ...by, '-days', String(days), '-out', cert]);
  }
  return { cert, key };
}
