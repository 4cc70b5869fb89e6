/** `sluice serve` with the small cascade only: its lanes are warm soon. */

import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MODELS } from './gateway.js';
import { ServeProcess } from './process.js';
import { copyPolicies } from './small-folders.js';

export class SmallGateway {
  private constructor(
    readonly process: ServeProcess,
    readonly url: string,
    /** Of its own, with its models and policies; gone when it is disposed of. */
    readonly folder: string,
  ) {}

  /** Resolves when it is ready. */
  static async start(flags: readonly string[] = []): Promise<SmallGateway> {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-small-'));
    const [models, policies] = [join(folder, 'models'), join(folder, 'policies')];
    await cp(join(MODELS, 'cifar10'), join(models, 'cifar10'), { recursive: true });
    await copyPolicies(policies);
    const served = new ServeProcess(['--models', models, '--policies', policies, ...flags]);
    const gateway = new SmallGateway(served, await served.url(), folder);
    await served.said('ready');
    return gateway;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process[Symbol.asyncDispose]();
    await rm(this.folder, { recursive: true, force: true });
  }
}
