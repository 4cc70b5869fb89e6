import { cp, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Answer } from '../support/contract.js';
import { balancedWith, mountConfigMap } from '../support/deployed.js';
import { MODELS } from '../support/gateway.js';
import { jpeg } from '../support/pictures.js';
import { isAlive, ServeProcess, until } from '../support/process.js';

let root: string;
let models: string;
let policies: string;
const flags = () => ['--models', models, '--policies', policies];
const folderFor = async (name: string) => {
  root = await mkdtemp(join(tmpdir(), `sluice-${name}-`));
  [models, policies] = [join(root, 'models'), join(root, 'policies')];
  await cp(join(MODELS, 'cifar10'), join(models, 'cifar10'), { recursive: true });
};
const said = (gateway: ServeProcess, message: string) => gateway.log.filter(({ msg }) => msg === message);
const versionAt = async (url: string) => {
  const response = await fetch(`${url}/v1/classify`, { method: 'POST', body: new Uint8Array(await jpeg()) });
  return ((await response.json()) as Answer).route.policy_version;
};

describe('sluice serve', () => {
  let gateway: ServeProcess;
  let url: string;
  let version: string;
  beforeAll(async () => {
    await folderFor('configmap');
    await mountConfigMap(policies, '..2026_1', { 'balanced.yaml': balancedWith(0.5) });
    gateway = new ServeProcess(flags());
    url = await gateway.url();
    await gateway.said('ready');
  });
  afterAll(async () => {
    await gateway[Symbol.asyncDispose]();
    await rm(root, { recursive: true });
  });
  beforeEach(async () => {
    version = await versionAt(url);
  });

  it('takes an update of a mounted ConfigMap by itself', async () => {
    await mountConfigMap(policies, '..2026_2', { 'balanced.yaml': balancedWith(0.6) });
    await until('it is served', async () => (await versionAt(url)) !== version);
    expect(await (await fetch(`${url}/v1/policies`)).json()).toMatchObject({
      reload: { result: 'accepted', errors: [] },
    });
  });

  it('refuses a broken one in its log, in /v1/policies and in its metrics', async () => {
    await mountConfigMap(policies, '..2026_3', { 'balanced.yaml': balancedWith(3) });
    const error = await gateway.said('reload refused: what was served still is');
    const key = 'cascades.cifar10.route[0].thresholds[0]';
    const reason = 'found 3; allowed: 0 to 1';
    expect(error).toMatchObject({ file: join(policies, 'balanced.yaml'), key, reason });
    const { reload } = (await (await fetch(`${url}/v1/policies`)).json()) as { reload: object };
    expect(reload).toMatchObject({ result: 'rejected', errors: [{ file: 'policies/balanced.yaml', key, reason }] });
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toMatch(/^sluice_policy_reloads_total\{result="rejected"\} 1$/m);
    expect(await versionAt(url)).toBe(version);
    await mountConfigMap(policies, '..2026_4', { 'balanced.yaml': balancedWith(0.7) });
    await until('the mended one is served', async () => (await versionAt(url)) !== version);
  });

  it('takes a cascade that is moved in, and ends the lanes before', async () => {
    const before = gateway.lanePids;
    await cp(join(MODELS, 'cifar10'), join(root, 'next'), { recursive: true });
    await rename(join(root, 'next'), join(models, 'next'));
    await gateway.said('the lanes of the models before have ended');
    const { cascades } = (await (await fetch(`${url}/v1/cascades`)).json()) as { cascades: { name: string }[] };
    expect(cascades.map(({ name }) => name)).toEqual(['cifar10', 'next']);
    await until('they are gone', () => !before.some(isAlive));
  });

  it('exits 0 on SIGTERM while it reloads models', async () => {
    await cp(join(MODELS, 'cifar10'), join(root, 'third'), { recursive: true });
    await rename(join(root, 'third'), join(models, 'third'));
    await until('more lanes start', async () =>
      /^sluice_lanes\{state="starting"\} [1-9]/m.test(await (await fetch(`${url}/metrics`)).text()),
    );
    gateway.signal('SIGTERM');
    expect(await gateway.exited).toBe(0);
    await until('its lanes are gone', () => !gateway.lanePids.some(isAlive));
    expect(said(gateway, 'reload refused: what was served still is').length).toBe(1);
  });
});

describe('sluice serve --no-watch', () => {
  it('reloads on SIGHUP only', async () => {
    await folderFor('hangup');
    await mountConfigMap(policies, '..1', { 'balanced.yaml': balancedWith(0.5) });
    await using gateway = new ServeProcess([...flags(), '--lanes', '1', '--no-watch']);
    const url = await gateway.url();
    await gateway.said('ready');
    const version = await versionAt(url);
    await writeFile(join(policies, '..1', 'balanced.yaml'), balancedWith(0.6));
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(await versionAt(url)).toBe(version);
    gateway.signal('SIGHUP');
    await until('it is served', async () => (await versionAt(url)) !== version);
    await rm(root, { recursive: true });
  });
});
