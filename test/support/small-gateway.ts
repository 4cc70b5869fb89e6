/** `sluice serve` with the small cascade only: its lanes are warm soon. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ServeProcess } from './process.js';

export class SmallGateway {
  private constructor(
    readonly process: ServeProcess,
    readonly url: string,
    /** For what a test needs beside it; gone when it is disposed of. */
    readonly folder: string,
  ) {}

  /** Resolves when it is ready. */
  static async start(flags: readonly string[] = []): Promise<SmallGateway> {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-small-'));
    const served = new ServeProcess(flags);
    const gateway = new SmallGateway(served, await served.url(), folder);
    await served.said('ready');
    return gateway;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process[Symbol.asyncDispose]();
    await rm(this.folder, { recursive: true, force: true });
  }
}
