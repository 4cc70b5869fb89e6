/** A little of `npm run fuzz`, which sends more: SLUICE_FUZZ_COUNT, SLUICE_FUZZ_SEED. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadRepository } from '../../src/cascade/loader.js';
import { HttpServer } from '../../src/http/server.js';
import { ask } from '../support/contract.js';
import { MODELS, startGateway, type TestGateway } from '../support/gateway.js';
import { jpeg } from '../support/pictures.js';
import { campaign, summary } from './campaign.js';
import { fuzzConfiguration } from './configuration.js';

const COUNT = Number(process.env.SLUICE_FUZZ_COUNT ?? 400);
const SEED = Number(process.env.SLUICE_FUZZ_SEED ?? Date.now() % 1_000_000);
console.info(`fuzz: SLUICE_FUZZ_SEED=${SEED} makes the same inputs again`);

describe(`mutated requests, seed ${SEED}`, () => {
  let served: TestGateway;
  let server: HttpServer;
  beforeAll(async () => {
    served = await startGateway();
    server = new HttpServer(served.app, { host: '127.0.0.1', port: 0 });
  });
  afterAll(async () => {
    await server.close(0);
    await served.gateway.close();
  });

  it(`${COUNT} get no 5xx but 503, none hangs, and no lane dies`, { timeout: 60_000 + 100 * COUNT }, async () => {
    const port = Number(new URL(await server.listen()).port);
    const lanes = () => served.gateway.lanes.map(({ pid }) => pid);
    const report = await campaign({ port, pid: process.pid, lanes }, SEED, COUNT);
    expect(report.failures, summary(report)).toEqual([]);
    expect(served.deaths).toEqual([]);
    // Some of each: neither do all come through, nor is all refused at the door.
    expect(report.answers.picture).toHaveProperty('422');
    expect(report.answers.picture).toHaveProperty('200');
    await ask(served.app, await jpeg());
  });
});

describe(`mutated policies and cascades, seed ${SEED}`, () => {
  it('are taken or refused with file and reason, never a crash', async () => {
    const { cascades } = await loadRepository(MODELS);
    const report = await fuzzConfiguration(SEED, COUNT, cascades);
    expect(report.crashes).toEqual([]);
    expect(report.refused).toBeGreaterThan(0);
    expect(report.taken).toBeGreaterThan(0);
  });
});
