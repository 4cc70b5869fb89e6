import { readdir, readFile, stat } from 'node:fs/promises';
import sharp from 'sharp';
import { afterEach, describe, expect, it } from 'vitest';
import { loadRepository } from '../../src/cascade/loader.js';
import { coresForLanes, parseCores } from '../../src/gateway/cores.js';
import { laneEnvironment } from '../../src/gateway/lane-process.js';
import { ModelStore } from '../../src/gateway/model-store.js';
import { answerOf, ask, expectProblem, post } from '../support/contract.js';
import { MODELS, startGateway, type TestGateway } from '../support/gateway.js';
import { jpeg } from '../support/pictures.js';
import { until } from '../support/process.js';

let served: TestGateway | undefined;
afterEach(() => served?.gateway.close());

const isLinux = process.platform === 'linux';
const isRoot = process.getuid?.() === 0;
const cores = coresOrNone();
if (cores.length < 2)
  console.info('test/fault/lane-limits: the test of --pin-lanes is skipped, it needs two cores and taskset');

function coresOrNone(): readonly number[] {
  try {
    return coresForLanes();
  } catch {
    return [];
  }
}
if (!isRoot)
  console.info('test/fault/lane-limits: the test of --lane-user is skipped, only root can give lanes another user');

describe('a lane', () => {
  it('that says what no lane says is replaced, and the gateway goes on', async () => {
    const said = JSON.stringify({ type: 'results', results: 5, busyMs: 0, decodeMs: 0, batches: [] });
    const given = [...process.execArgv];
    process.execArgv.push('--import', `data:text/javascript,setInterval(() => process.send(${said}), 200).unref()`);
    try {
      served = await startGateway({ lanes: 1 });
    } finally {
      process.execArgv.splice(0, Number.POSITIVE_INFINITY, ...given);
    }
    await until('it is dead', () => served!.deaths.length > 0);
    expect(served.deaths[0]).toContain('says what no lane says');
    await until('its lane is back', () => served!.gateway.laneCounts.ready === 1);
    await ask(served.app, await jpeg());
  });
});

describe('the memory of a lane', () => {
  it('that is above its ceiling ends the start with what it needs, rather than starting it for ever', async () => {
    await expect(startGateway({ lanes: 1, confinement: { memoryBytes: 40e6 } })).rejects.toThrow(
      /a lane does not start: takes \d+ MB of memory, more than the 40 of --lane-memory-mb/,
    );
  });

  it('that pictures drive above it replaces the lane: each is answered or refused, and others are answered', async () => {
    const first = await startGateway({ lanes: 1 });
    await ask(first.app, await jpeg());
    await until('it has told its memory', () => (first.gateway.lanes[0]?.residentBytes ?? 0) > 0);
    const usual = first.gateway.lanes[0]!.residentBytes;
    await first.gateway.close();
    served = await startGateway({ lanes: 1, confinement: { memoryBytes: usual + 30e6 } });
    // Interlaced: it has to be held whole while it is decoded. Again and again, until a beat falls into it.
    const blank = sharp({ create: { width: 4000, height: 4000, channels: 3, background: '#a06030' } });
    const heavy = await blank.png({ progressive: true }).toBuffer();
    for (let round = 0; round < 100 && served.deaths.length === 0; round++) {
      const answers = await Promise.all(Array.from({ length: 4 }, () => post(served!.app, heavy)));
      for (const answer of answers) {
        if (answer.status === 200) answerOf(answer);
        else expectProblem(answer, 422, 'poison_image');
      }
    }
    expect(served.deaths.length).toBeGreaterThan(0);
    for (const cause of served.deaths)
      expect(cause).toMatch(/^takes \d+ MB of memory, more than the \d+ of --lane-memory-mb$/);
    await until('its lane is back', () => served!.gateway.laneCounts.ready === 1);
    await ask(served.app, await jpeg());
  });
});

describe('the core of a lane', () => {
  it('is read from what the kernel allows', () => {
    expect(parseCores('0')).toEqual([0]);
    expect(parseCores('0-2,5,8-9')).toEqual([0, 1, 2, 5, 8, 9]);
  });

  it.skipIf(cores.length < 2)(
    'is one of its own for all of its threads, also for a lane that replaces it',
    async () => {
      served = await startGateway({ lanes: 2, confinement: { cores } });
      await ask(served.app, await jpeg());
      const coresOf = async (pid: number) => {
        const threads = await readdir(`/proc/${pid}/task`);
        const texts = await Promise.all(
          threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/status`, 'utf8')),
        );
        return [...new Set(texts.map((text) => /^Cpus_allowed_list:\s*(\S+)$/m.exec(text)![1]))];
      };
      const all = () => Promise.all(served!.gateway.lanes.map(({ pid }) => coresOf(pid!)));
      const own = cores.slice(0, 2).map((core) => [String(core)]);
      expect(await all()).toEqual(own);
      process.kill(served.gateway.lanes[1]!.pid!, 'SIGKILL');
      await until('a lane has died', () => served!.deaths.length === 1);
      await until('it is back', () => served!.gateway.laneCounts.ready === 2);
      expect(await all()).toEqual(own);
    },
  );
});

describe('the variables of a lane', () => {
  it('are those that libraries read, and none that may be secret', () => {
    const env = { PATH: '/bin', TMPDIR: '/x', LD_PRELOAD: 'a.so', ORT_DISABLE_TELEMETRY: '1', VIPS_CONCURRENCY: '1' };
    const secrets = {
      SLUICE_API_KEY_SHA256: 'a',
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=b',
      AWS_SECRET_ACCESS_KEY: 'c',
      HTTPS_PROXY: 'http://u:p@proxy',
      HOME: '/root',
      PATHOLOGY: 'd',
    };
    expect(laneEnvironment({ ...env, ...secrets })).toEqual(env);
  });

  it.skipIf(!isLinux)('hold in the process itself', async () => {
    process.env.SLUICE_TEST_SECRET = 'open sesame';
    served = await startGateway({ lanes: 1 });
    delete process.env.SLUICE_TEST_SECRET;
    const environ = await readFile(`/proc/${served.gateway.lanes[0]!.pid}/environ`, 'utf8');
    expect(environ).toContain('PATH=');
    expect(environ).not.toContain('open sesame');
  });
});

describe.skipIf(!isRoot || !isLinux)('lanes of another user', () => {
  it('run as that user, without groups, read the copies of the models, and answer', async () => {
    const user = { uid: 65534, gid: 65534 };
    const before = process.umask(0o077);
    const store = await ModelStore.open(user);
    try {
      const { cascades } = await loadRepository(MODELS);
      const kept = await store.keep(cascades.find(({ name }) => name === 'cifar10')!);
      const { mode, gid } = await stat(kept.rungs[0]!.stages[0]!.copy!);
      expect([mode & 0o777, gid]).toEqual([0o640, 65534]);
      served = await startGateway({ lanes: 1, cascades: [kept], confinement: { user } });
      const status = await readFile(`/proc/${served.gateway.lanes[0]!.pid}/status`, 'utf8');
      expect(status).toMatch(/^Uid:\t65534\t65534\t65534\t65534$/m);
      expect(status).toMatch(/^Gid:\t65534\t65534\t65534\t65534$/m);
      expect(status).toMatch(/^Groups:\s*$/m);
      expect(status).toMatch(/^CapEff:\t0+$/m);
      await ask(served.app, await jpeg());
    } finally {
      process.umask(before);
      store.close();
    }
  });
});
