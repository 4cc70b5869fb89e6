import { spawn } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MODELS, ROOT } from '../support/gateway.js';
import { jpeg } from '../support/pictures.js';
import { ServeProcess, until } from '../support/process.js';
import { copyPolicies, SMALL } from '../support/small-folders.js';

const classify = (url: string, image: Uint8Array, query = '') =>
  fetch(`${url}/v1/classify${query}`, { method: 'POST', body: new Uint8Array(image) });

describe('what answers requests that name nothing', () => {
  let root: string;
  const flags = () => ['--models', join(root, 'models'), '--policies', join(root, 'policies'), '--lanes', '1'];
  const cascade = (name: string) => join(root, 'models', name);
  const edit = async (file: string, change: (text: string) => string) =>
    writeFile(file, change(await readFile(file, 'utf8')));
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'sluice-default-'));
    await copyPolicies(join(root, 'policies'));
    await cp(join(MODELS, 'cifar10'), cascade('cifar10'), { recursive: true });
  });
  afterEach(() => rm(root, { recursive: true }));
  /** A second one that could stand in for the first. */
  const another = async () => {
    await cp(cascade('cifar10'), cascade('zoo'), { recursive: true });
    await edit(join(cascade('cifar10'), 'cascade.yaml'), (text) => `default: true\n${text}`);
  };
  const refusedWith = async (said: RegExp, more: readonly string[], env: Readonly<Record<string, string>> = {}) => {
    await using gateway = new ServeProcess([...flags(), ...more], env);
    expect(await gateway.exited).toBe(1);
    await until('it has said why', () => gateway.log.some(({ msg }) => said.test(String(msg))));
    expect(gateway.stdout).toEqual([]);
  };

  it('is not another cascade where a stage file of the default is missing', async () => {
    await another();
    const [stage] = (await readdir(cascade('cifar10'))).filter((name) => name.endsWith('.onnx'));
    await rm(join(cascade('cifar10'), stage!));
    await refusedWith(
      /^sluice: cifar10, the default cascade .*cannot be served: .*cifar10\/cascade\.yaml: .*not exist/,
      [],
    );
    await using gateway = new ServeProcess([...flags(), '--cascade', 'zoo', '--policy', 'full']);
    await gateway.said('ready');
  });

  it('is not another cascade where no lane can load the one that is named', async () => {
    await another();
    const [stage] = (await readdir(cascade('zoo'))).filter((name) => name.endsWith('.onnx'));
    await writeFile(join(cascade('zoo'), stage!), 'no graph');
    await refusedWith(/^sluice: zoo, named by --cascade, cannot be served: .*not a graph/, ['--cascade', 'zoo']);
  });

  it.each([
    [['--cascade', 'cifar100'], {}, /^sluice: --cascade: found "cifar100"; there are: cifar10$/],
    [['--policy', 'quick'], {}, /^sluice: --policy: found "quick"; there are: adaptive, balanced, fast, full$/],
    [[], { SLUICE_POLICY: 'quick' }, /^sluice: --policy \(environment SLUICE_POLICY\): found "quick"; there are: /],
  ])('is nobody who is not there: %j %j', (more, env, said) => refusedWith(said, more, env as Record<string, string>));

  it('is a policy that speaks of the default cascade, where one is asked for', async () => {
    await another();
    await edit(join(root, 'policies', 'fast.yaml'), (text) => text.replace('cifar10:', 'zoo:'));
    await refusedWith(/^sluice: nothing .*"fast" for cifar10\): there are: adaptive, balanced, full$/, [
      '--policy',
      'fast',
    ]);
  });

  it('is nobody where the policy that Sluice itself would name is not there: requests must name one', async () => {
    await rm(join(root, 'policies', 'balanced.yaml'));
    await using gateway = new ServeProcess(flags());
    const url = await gateway.url();
    expect(await gateway.said('no such policy for the default cascade: requests must name one')).toMatchObject({
      cascade: 'cifar10',
      policy: 'balanced',
      known: ['adaptive', 'fast', 'full'],
    });
    await until('it is said', () => gateway.stdout.length > 0);
    expect(gateway.stdout.join()).toMatch(
      /^Sluice serves cifar10 on .*; requests must name a policy: adaptive, fast, full$/,
    );
    const image = await jpeg();
    expect((await classify(url, image)).status).toBe(404);
    expect((await classify(url, image, '?policy=fast')).status).toBe(200);
  });
});

describe('a policy that is broken at the start', () => {
  let root: string;
  const flags = () => [...SMALL, '--policies', join(root, 'policies'), '--lanes', '1'];
  const spoil = async (name: string) => {
    const file = join(root, 'policies', name);
    await writeFile(file, (await readFile(file, 'utf8')).replace('kind: threshold', 'kind: treshold'));
  };
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'sluice-broken-'));
    await copyPolicies(join(root, 'policies'));
  });
  afterEach(() => rm(root, { recursive: true }));

  it('is left out, and /metrics says so', async () => {
    await spoil('fast.yaml');
    await using gateway = new ServeProcess(flags());
    const url = await gateway.url();
    await gateway.said('ready');
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toContain('sluice_left_out{what="policies"} 1');
    expect(metrics).toContain('sluice_left_out{what="cascades"} 0');
    expect(metrics).toContain('sluice_reload_refused 0');
  });

  it('and is the default ends it: no gateway is ready that answers nobody', async () => {
    await spoil('balanced.yaml');
    await using gateway = new ServeProcess(flags());
    expect(await gateway.exited).toBe(1);
    const said = /^sluice: .*"balanced" for cifar10.*balanced\.yaml: kind: found "treshold"/;
    await until('it has said why', () => gateway.log.some(({ msg }) => said.test(String(msg))));
    expect(gateway.stdout.join('\n')).not.toContain('Sluice serves');
  });
});

describe('a low limit of open files', () => {
  it.runIf(process.platform === 'linux')('lowers that of connections, and the log says so', async () => {
    const limited = ['-c', 'ulimit -n 128 && exec "$0" "$@"', process.execPath, `${ROOT}dist/cli/main.js`, 'serve'];
    const flags = [...SMALL, '--host', '127.0.0.1', '--port', '0', '--lanes', '1'];
    const child = spawn('sh', [...limited, ...flags], { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    for await (const text of child.stderr.setEncoding('utf8')) {
      said += text;
      if (said.includes('ulimit -n')) break;
    }
    child.kill('SIGKILL');
    const line = said.split('\n').find((each) => each.includes('ulimit -n'))!;
    expect(JSON.parse(line)).toMatchObject({ openFiles: 128, wanted: 4096, connections: 62 });
  });
});
