import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MODELS } from '../support/gateway.js';
import { jpeg } from '../support/pictures.js';
import { isAlive, ServeProcess, until } from '../support/process.js';

/** The small cascade alone: its lanes are warm soon. */
let models: string;
beforeAll(async () => {
  models = await mkdtemp(join(tmpdir(), 'sluice-models-'));
  await symlink(`${MODELS}/cifar10`, join(models, 'cifar10'));
});
afterAll(() => rm(models, { recursive: true }));

const serve = (drainDelayMs: number) =>
  new ServeProcess(['--models', models, '--lanes', '1', '--drain-delay-ms', String(drainDelayMs)]);
const NOT_READY = 'not ready from now on: answers until load balancers know';
const pictures = await Promise.all(Array.from({ length: 8 }, (_, i) => jpeg(32, 32, 40 * i)));

async function ready(url: string): Promise<boolean> {
  const response = await fetch(`${url}/readyz`);
  await response.arrayBuffer();
  return response.status === 200;
}

/** Status, or what the connection did instead. */
async function ask(url: string, picture: Uint8Array): Promise<number | string> {
  try {
    const response = await fetch(`${url}/v1/classify`, { method: 'POST', body: new Uint8Array(picture) });
    await response.arrayBuffer();
    return response.status;
  } catch (error) {
    return String((error as Error).cause ?? error);
  }
}

describe('sluice serve with --drain-delay-ms', () => {
  it('fails no request of callers whose load balancer hears late of /readyz', async () => {
    await using gateway = serve(8000);
    const url = await gateway.url();
    await gateway.said('ready');
    const ended: (number | string)[] = [];
    // The load balancer: it asks now and then, and the callers go by what it last heard.
    let isSentHere = true;
    let sentAfterwards = 0;
    const callers = Array.from({ length: 8 }, async (_, i) => {
      while (isSentHere) {
        const startedAfterwards = gateway.log.some(({ msg }) => msg === NOT_READY);
        ended.push(await ask(url, pictures[i]!));
        sentAfterwards += Number(startedAfterwards);
      }
    });
    await until('there is load', () => ended.length >= 50);
    gateway.signal('SIGTERM');
    await gateway.said(NOT_READY);
    expect(await ready(url)).toBe(false);
    await until('many were sent here for want of news', () => sentAfterwards >= 16);
    isSentHere = false;
    await Promise.all(callers);
    expect(ended.filter((status) => status !== 200)).toEqual([]);
    expect(await gateway.exited).toBe(0);
    expect(gateway.lanePids.filter(isAlive)).toEqual([]);
  });

  it('tells kept connections to go with their next answer, so that none is left to be cut', async () => {
    await using gateway = serve(3_600_000);
    const url = await gateway.url();
    await gateway.said('ready');
    const connection = async () => (await fetch(`${url}/livez`)).headers.get('connection');
    expect(await connection()).toBe('keep-alive');
    gateway.signal('SIGTERM');
    await gateway.said(NOT_READY);
    expect(await connection()).toBe('close');
  });

  it('ends at once with its lanes at a second signal', async () => {
    const file = join(models, 'sluice.yaml');
    await writeFile(file, 'drain_delay_ms: 3600000\n');
    await using gateway = new ServeProcess(['--models', models, '--lanes', '1'], { SLUICE_CONFIG: file });
    await gateway.url();
    await gateway.said('ready');
    gateway.signal('SIGTERM');
    await gateway.said(NOT_READY);
    gateway.signal('SIGINT');
    expect(await gateway.exited).toBe(1);
    await until('its lanes are gone', () => !gateway.lanePids.some(isAlive));
  });

  it('does not wait where nobody was ever sent to it', async () => {
    await using gateway = serve(3_600_000);
    await gateway.url();
    gateway.signal('SIGTERM');
    expect(await gateway.exited).toBe(0);
    expect(gateway.log.map(({ msg }) => msg)).not.toContain(NOT_READY);
  });
});
