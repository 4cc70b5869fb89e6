/** Certificate and key of the server, read and checked before they are used. */

import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { ConfigError } from '../errors.js';

export interface TlsFiles {
  /** PEM: the certificate, then those that signed it. */
  readonly cert: string;
  /** PEM, not encrypted. */
  readonly key: string;
  /** PEM: callers have to show a certificate that these signed. */
  readonly clientCa?: string | undefined;
}

/** What Node's TLS takes. */
export interface TlsMaterial {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca?: Buffer;
  readonly requestCert: boolean;
  readonly rejectUnauthorized: boolean;
  readonly minVersion: 'TLSv1.2';
}

export interface LoadedTls {
  readonly material: TlsMaterial;
  /** Of the first certificate; milliseconds since the epoch. */
  readonly notAfter: number;
}

/**
 * @throws ConfigError naming the file: it cannot be read, is no PEM of its kind, has expired, or key and certificate do not belong
 *   together
 */
export async function loadTls({ cert: certFile, key: keyFile, clientCa }: TlsFiles): Promise<LoadedTls> {
  const [cert, key, ca] = await Promise.all([
    bytesOf(certFile),
    bytesOf(keyFile),
    clientCa === undefined ? undefined : bytesOf(clientCa),
  ]);
  const leaf = parsed(certFile, 'a certificate in PEM', () => new X509Certificate(cert));
  const secret = parsed(keyFile, 'a private key in PEM without a passphrase', () => createPrivateKey(key));
  if (!leaf.checkPrivateKey(secret)) throw new ConfigError(keyFile, '', `is not the key of ${certFile}`);
  const notAfter = Date.parse(leaf.validTo);
  if (notAfter < Date.now()) throw new ConfigError(certFile, '', `has expired: it was valid to ${leaf.validTo}`);
  if (ca !== undefined) parsed(clientCa!, 'certificates in PEM', () => new X509Certificate(ca));
  parsed(certFile, 'a chain of certificates that TLS takes', () => createSecureContext({ cert, key, ca }));
  return {
    notAfter,
    material: {
      cert,
      key,
      ...(ca === undefined ? {} : { ca }),
      requestCert: ca !== undefined,
      rejectUnauthorized: ca !== undefined,
      minVersion: 'TLSv1.2',
    },
  };
}

async function bytesOf(file: string): Promise<Buffer> {
  return readFile(file).catch((error: NodeJS.ErrnoException) => {
    throw new ConfigError(file, '', `cannot be read: ${error.code}`);
  });
}

/** What the parser says may quote the file, and one of them is a secret. */
function parsed<T>(file: string, wanted: string, parse: () => T): T {
  try {
    return parse();
  } catch {
    throw new ConfigError(file, '', `is not ${wanted}`);
  }
}
