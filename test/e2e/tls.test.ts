import { once } from 'node:events';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { get } from 'node:https';
import { connect as connectPlain } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadTls } from '../../src/http/tls.js';
import { certificate, hasOpenssl, type Pair } from '../support/certificate.js';
import { refusal, sluice } from '../support/cli.js';
import { configErrorOf } from '../support/config-error.js';
import { MODELS } from '../support/gateway.js';
import { ServeProcess, until } from '../support/process.js';

/** Accepts whatever certificate is shown. */
async function handshake(url: string, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const { port, hostname } = new URL(url);
  const socket = connect({ port: Number(port), host: hostname, rejectUnauthorized: false, ...options });
  await once(socket, 'secureConnect');
  return socket;
}

async function shown(url: string): Promise<string> {
  const socket = await handshake(url);
  const { subject } = socket.getPeerCertificate();
  socket.destroy();
  return String(subject.CN);
}

async function answer(url: string, options: ConnectionOptions) {
  const request = get(url, { ...options, agent: false });
  const [response] = await once(request, 'response');
  response.resume();
  return response as { statusCode: number; headers: Record<string, string> };
}

describe.skipIf(!hasOpenssl)('sluice serve --tls-cert --tls-key', () => {
  let folder: string;
  let first: Pair;
  let live: Pair;
  let gateway: ServeProcess;
  let url: string;
  let metricsUrl: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-tls-'));
    first = await certificate(folder, 'first');
    live = { cert: join(folder, 'live.crt'), key: join(folder, 'live.key') };
    await deploy(first);
    const flags = ['--tls-cert', live.cert, '--tls-key', live.key, '--metrics-port', '0', '--metrics-tls'];
    gateway = new ServeProcess(['--lanes', '1', '--cascade', 'cifar10', '--headers-timeout-ms', '1000', ...flags]);
    url = await gateway.url();
    metricsUrl = String((await gateway.said('listens; lanes warm up')).metricsUrl);
  });
  afterAll(async () => {
    await gateway?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  async function metric(name: string): Promise<number> {
    const request = get(`${metricsUrl}/metrics`, { rejectUnauthorized: false });
    const [response] = await once(request, 'response');
    const text = (await response.toArray()).join('');
    return Number(new RegExp(`^sluice_tls_certificate_${name} (\\d+)$`, 'm').exec(text)?.[1]);
  }

  async function deploy({ cert, key }: Pair): Promise<void> {
    await copyFile(cert, live.cert);
    await copyFile(key, live.key);
  }

  it('speaks HTTPS with a certificate that checks out, and tells browsers to stay with it', async () => {
    expect(url).toMatch(/^https:/);
    const { statusCode, headers } = await answer(`${url}/livez`, { ca: await readFile(first.cert) });
    expect(statusCode).toBe(200);
    expect(headers['strict-transport-security']).toMatch(/^max-age=\d{7,}$/);
    await expect(answer(`${url}/livez`, {})).rejects.toThrow(/self.signed/);
  });

  it('also on the port of the metrics, which name the end of the certificate', async () => {
    expect(await shown(metricsUrl)).toBe('first');
    const end = await metric('not_after_timestamp_seconds');
    expect(Math.round((end - Date.now() / 1000) / 86_400)).toBe(30);
    expect(await metric('refused')).toBe(0);
  });

  it('from TLS 1.2 on', async () => {
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const socket = await handshake(url, { minVersion: version, maxVersion: version });
      expect(socket.getProtocol()).toBe(version);
      socket.destroy();
    }
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    await expect(handshake(url, old)).rejects.toThrow(/version|alert/i);
  });

  it('cuts off who does not finish a handshake, or a head after it', async () => {
    const { port, hostname } = new URL(url);
    const silent = connectPlain(Number(port), hostname);
    await once(silent, 'close');
    const slow = await handshake(url);
    slow.write('GET /livez HTTP/1.1\r\nX-a: ');
    const said = (await slow.toArray()).join('');
    expect(said).toMatch(/^HTTP\/1.1 408 [\s\S]*"code":"request_timeout"/);
  });

  it('takes a new pair when its files change, without cutting off whom it has', async () => {
    const open = await handshake(url);
    await deploy(await certificate(folder, 'second'));
    await until('it shows the new one', async () => (await shown(url)) === 'second');
    expect(await shown(metricsUrl)).toBe('second');
    open.write('GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    expect((await open.toArray()).join('')).toMatch(/^HTTP\/1.1 200 /);
  });

  it('keeps the last good one when the new pair is bad, and says so', async () => {
    await copyFile((await certificate(folder, 'other')).key, live.key);
    gateway.signal('SIGHUP');
    const { reason, file } = await gateway.said('certificate refused: the last good one goes on');
    expect([file, reason]).toEqual([live.key, `is not the key of ${live.cert}`]);
    expect(await shown(url)).toBe('second');
    expect(await metric('refused')).toBe(1);
    await deploy(await certificate(folder, 'third'));
    gateway.signal('SIGHUP');
    await until('it shows the third', async () => (await shown(url)) === 'third');
    expect(await metric('refused')).toBe(0);
  });

  it('with --tls-client-ca, answers only those who show a certificate of it', async () => {
    const ca = await certificate(folder, 'ca');
    const client = await certificate(folder, 'client', 30, ca);
    const flags = ['--tls-cert', first.cert, '--tls-key', first.key, '--tls-client-ca', ca.cert];
    await using guarded = new ServeProcess(['--lanes', '1', ...flags]);
    const at = await guarded.url();
    const server = { ca: await readFile(first.cert) };
    await expect(answer(`${at}/livez`, server)).rejects.toThrow();
    await expect(
      answer(`${at}/livez`, { ...server, cert: await readFile(first.cert), key: await readFile(first.key) }),
    ).rejects.toThrow();
    const own = { cert: await readFile(client.cert), key: await readFile(client.key) };
    expect((await answer(`${at}/livez`, { ...server, ...own })).statusCode).toBe(200);
  });

  it('is refused for a bad pair, naming the file and never its content', async () => {
    const expired = await certificate(folder, 'expired', -1, first);
    const broken = join(folder, 'broken.key');
    await writeFile(broken, '-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n');
    const other = await certificate(folder, 'another');
    const cases: [Pair, string, RegExp][] = [
      [{ cert: first.cert, key: other.key }, other.key, /is not the key of/],
      [{ cert: first.cert, key: broken }, broken, /is not a private key in PEM/],
      [{ cert: first.key, key: first.key }, first.key, /is not a certificate in PEM/],
      [{ cert: join(folder, 'none.crt'), key: first.key }, join(folder, 'none.crt'), /cannot be read: ENOENT/],
      [expired, expired.cert, /has expired/],
    ];
    for (const [pair, file, reason] of cases) {
      const error = await configErrorOf(() => loadTls(pair));
      expect(error.file).toBe(file);
      expect(error.reason).toMatch(reason);
      expect(error.message).not.toContain('c2VjcmV0');
    }
    const said = await sluice(['serve', '--tls-cert', first.cert, '--models', MODELS]);
    expect(refusal(said, 2)).toContain('--tls-cert and --tls-key go together');
  });
});
