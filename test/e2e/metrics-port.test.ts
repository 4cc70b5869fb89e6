import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { refusal, sluice } from '../support/cli.js';
import { jpeg } from '../support/pictures.js';
import { ServeProcess } from '../support/process.js';

const status = async (url: string) => (await fetch(url)).status;

describe('sluice serve --metrics-port', () => {
  it('answers /metrics there and nowhere else, and closes it at the end', async () => {
    await using gateway = new ServeProcess(['--lanes', '1', '--metrics-port', '0', '--metrics-host', '127.0.0.1']);
    const url = await gateway.url();
    const { metricsUrl } = await gateway.said('listens; lanes warm up');
    await gateway.said('ready');
    await fetch(`${url}/v1/classify`, { method: 'POST', body: new Uint8Array(await jpeg()) });
    const scraped = await fetch(`${metricsUrl}/metrics`);
    expect(scraped.headers.get('content-type')).toMatch(/^text\/plain\b/);
    expect(await scraped.text()).toContain('sluice_requests_total{cascade="cifar10",policy="balanced",code="200"} 1\n');
    expect(await status(`${url}/metrics`)).toBe(404);
    for (const path of ['/livez', '/readyz']) {
      for (const at of [url, metricsUrl]) expect([path, await status(`${at}${path}`)]).toEqual([path, 200]);
    }
    for (const path of ['/', '/v1/classify', '/v1/policies', '/console/figures'])
      expect([path, await status(`${metricsUrl}${path}`)]).toEqual([path, 404]);
    gateway.signal('SIGTERM');
    expect(await gateway.exited).toBe(0);
    await expect(fetch(`${metricsUrl}/metrics`)).rejects.toThrow();
  });

  it('that is taken ends the start', async () => {
    const taken = createServer();
    const port = await new Promise<number>((resolve) =>
      taken.listen(0, '127.0.0.1', () => resolve((taken.address() as { port: number }).port)),
    );
    const said = await sluice([
      'serve',
      ...['--host', '127.0.0.1', '--port', '0', '--metrics-port', String(port), '--log-level', 'silent'],
    ]);
    taken.close();
    expect(refusal(said, 1)).toContain('EADDRINUSE');
  });
});

describe('sluice serve --no-metrics', () => {
  it('answers pictures, and has no /metrics', async () => {
    await using gateway = new ServeProcess(['--lanes', '1', '--no-metrics']);
    const url = await gateway.url();
    await gateway.said('ready');
    const answer = await fetch(`${url}/v1/classify`, { method: 'POST', body: new Uint8Array(await jpeg()) });
    expect(answer.status).toBe(200);
    expect(await status(`${url}/v1/classify`)).toBe(405);
    expect(await status(`${url}/metrics`)).toBe(404);
  });
});
