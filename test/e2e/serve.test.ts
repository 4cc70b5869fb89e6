import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Answer } from '../support/contract.js';
import { ROOT } from '../support/gateway.js';
import { drawn, jpeg, slowJpeg } from '../support/pictures.js';
import { isAlive, ServeProcess, until } from '../support/process.js';
import { WHOLE } from '../support/small-folders.js';

const classify = (url: string, image: Uint8Array, query = '') =>
  fetch(`${url}/v1/classify${query}`, { method: 'POST', body: new Uint8Array(image) });

describe('sluice serve', () => {
  let gateway: ServeProcess;
  let url: string;
  beforeAll(async () => {
    gateway = new ServeProcess(WHOLE);
    url = await gateway.url();
  });
  afterAll(() => gateway[Symbol.asyncDispose]());

  it('is live at once, and ready only when every lane is warm', async () => {
    expect((await fetch(`${url}/livez`)).status).toBe(200);
    const states: number[] = [];
    await until('ready', async () => {
      const { status } = await fetch(`${url}/readyz`);
      if (states.at(-1) !== status) states.push(status);
      return status === 200;
    });
    expect(states).toEqual([503, 200]);
    await gateway.said('ready');
    expect(gateway.lanePids.length).toBe(2);
    expect(gateway.stdout.join()).toContain(url);
  });

  it.each(['cat.jpg', 'coffee.jpg'])('answers the photograph %s as curl sends it', async (name) => {
    const image = await readFile(`${ROOT}test/pictures/${name}`);
    const response = await fetch(`${url}/v1/classify?explain=true`, {
      method: 'POST',
      body: image,
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    });
    expect(response.status).toBe(200);
    const { route, cost } = Answer.parse(await response.json());
    expect(route.steps!.at(-1)).toMatchObject({ exit: route.exit, exited: true });
    expect(cost.decode_ms).toBeGreaterThan(0);
    expect(cost.inference_ms).toBeGreaterThan(0);
  });

  it('answers a browser form', async () => {
    const form = new FormData();
    form.set('image', new Blob([await readFile(`${ROOT}test/pictures/cat.jpg`)]), 'cat.jpg');
    const response = await fetch(`${url}/v1/classify?policy=full`, { method: 'POST', body: form });
    expect(Answer.parse(await response.json()).cost.ratio).toBe(1);
  });

  it('on SIGTERM under load answers all that it took, refuses what comes later, and exits 0 with its lanes', async () => {
    const pictures = await Promise.all(Array.from({ length: 8 }, (_, i) => jpeg(400 + i, 300, 40 * i)));
    let answered = 0;
    const asked = Array.from({ length: 200 }, async (_, i) => {
      const response = await classify(url, pictures[i % 8]!, '?policy=full');
      await response.json();
      answered++;
      return response.status;
    });
    await until('half of the work is under way', () => answered >= 20);
    gateway.signal('SIGTERM');
    const later = (async () => {
      await gateway.said('stops: finishes what runs');
      return classify(url, pictures[0]!).then(
        ({ status }) => status,
        () => 'refused',
      );
    })();
    // All had a connection by then, taken by the gateway or waiting in the kernel: none is cut off.
    expect(new Set(await Promise.all(asked))).toEqual(new Set([200]));
    expect([200, 'refused']).toContain(await later);
    expect(await gateway.exited).toBe(0);
    expect(gateway.lanePids.filter(isAlive)).toEqual([]);
    await expect(fetch(`${url}/livez`)).rejects.toThrow();
  });
});

describe('sluice serve, signalled at odd times', () => {
  it('exits 0 on SIGTERM while its lanes warm up', async () => {
    await using gateway = new ServeProcess();
    await gateway.url();
    gateway.signal('SIGTERM');
    expect(await gateway.exited).toBe(0);
  });

  it('does not wait for connections that never said anything', async () => {
    await using gateway = new ServeProcess(['--lanes', '1', '--drain-ms', '600000']);
    const url = new URL(await gateway.url());
    await gateway.said('ready');
    const silent = connect(Number(url.port), url.hostname);
    await once(silent, 'connect');
    const cut = once(silent, 'close');
    gateway.signal('SIGTERM');
    expect(await gateway.exited).toBe(0);
    await cut;
  });

  it('tells who still waits at the end of the drain, and exits 0', async () => {
    await using gateway = new ServeProcess(['--lanes', '1', '--drain-ms', '50']);
    const url = await gateway.url();
    await gateway.said('ready');
    const slow = await drawn(5000, 4000).png().toBuffer();
    const asked = Array.from({ length: 6 }, async () => {
      const response = await classify(url, slow);
      return `${response.status} ${((await response.json()) as { code?: string }).code ?? ''}`;
    });
    await until('they are in the lane', async () =>
      /^sluice_lane_requests\{lane="0"\} 6$/m.test(await (await fetch(`${url}/metrics`)).text()),
    );
    gateway.signal('SIGTERM');
    expect(await Promise.all(asked)).toContain('503 shutting_down');
    expect(await gateway.exited).toBe(0);
  });

  it('ends when its lanes do not start, rather than starting them for ever', async () => {
    await using gateway = new ServeProcess(['--lanes', '1', '--lane-memory-mb', '40']);
    expect(await gateway.exited).toBe(1);
    const said = /^sluice: a lane does not start: takes \d+ MB of memory, more than the 40 of --lane-memory-mb$/;
    await until('it has said why', () => gateway.log.some(({ msg }) => said.test(String(msg))));
  });

  it('gives up at once on a second signal', async () => {
    await using gateway = new ServeProcess(['--lanes', '1']);
    const url = await gateway.url();
    await gateway.said('ready');
    // Two are decoded at a time.
    const slow = await slowJpeg();
    const asked = Array.from({ length: 6 }, () => classify(url, slow).catch(() => 'cut off'));
    await until('they are in the lane', async () => {
      const metrics = await (await fetch(`${url}/metrics`)).text();
      return /^sluice_lane_requests\{lane="0"\} 6$/m.test(metrics);
    });
    gateway.signal('SIGTERM');
    await gateway.said('stops: finishes what runs');
    gateway.signal('SIGTERM');
    expect(await gateway.exited).toBe(1);
    expect(await Promise.all(asked)).toContain('cut off');
    await until('its lane is gone too', () => !gateway.lanePids.some(isAlive));
  });
});
