/**
 * Reads models/ and policies/ again while the gateway serves. All or nothing: what is on disk is served as a whole, or what was served
 * before still is. One reload at a time; what changes during one is looked at after it.
 */

import { tmpdir } from 'node:os';
import { dirname, resolve } from 'node:path';
import { ConfigError, ConfigErrors } from '../errors.js';
import { findings } from '../policy/check.js';
import { type Configuration, type Folders, readModels, readPolicies } from './configuration.js';
import type { Gateway } from './gateway.js';
import type { ModelStore } from './model-store.js';

export interface ReloadReport {
  readonly at: Date;
  readonly result: 'accepted' | 'rejected';
  /** Why it was rejected. */
  readonly errors: readonly ConfigError[];
  /** Cascades on disk that no lane could load at the start: an accepted reload may leave them out still. */
  readonly leftOut: readonly string[];
}

export interface ReloadEvents {
  reloaded?(report: ReloadReport): void;
  /** Lanes of the models before have finished what they took. */
  retired?(): void;
}

/** What to read again. */
export interface ReloadRequest {
  readonly models?: boolean;
  readonly policies?: boolean;
  /** Also where both are as they were when they were rejected, or a cascade left out at the start: what failed may have been the machine. */
  readonly again?: boolean;
}

export class Reloader {
  readonly #gateway: Gateway;
  readonly #folders: Folders;
  readonly #store: ModelStore;
  readonly #events: ReloadEvents;
  /** As last read, and as served. */
  #read: Configuration;
  #served: Configuration;
  /** What was read, whether it was then accepted or not: the same is not tried twice. */
  #tried: string;
  /** What was asked for when reading failed: it is read with the next request. */
  #unread: ReloadRequest = {};
  #last: ReloadReport | undefined;
  #pending: ReloadRequest | undefined;
  #sweep = false;
  #running: Promise<void> | undefined;
  #closed = false;

  /** @param started what `gateway` was started with */
  constructor(
    gateway: Gateway,
    folders: Folders,
    store: ModelStore,
    started: Configuration,
    events: ReloadEvents = {},
  ) {
    this.#gateway = gateway;
    this.#folders = folders;
    this.#store = store;
    this.#events = events;
    this.#read = started;
    this.#served = started;
    this.#tried = modelsDigest(started) + policiesDigest(started);
  }

  /** The last reload; undefined before the first. */
  get last(): ReloadReport | undefined {
    return this.#last;
  }

  /** Resolves when all that was asked for so far is done; never rejects: {@link last} says what came of it. */
  reload(request: ReloadRequest): Promise<void> {
    const { models = false, policies = false, again = false } = this.#pending ?? {};
    this.#pending = {
      models: models || request.models === true,
      policies: policies || request.policies === true,
      again: again || request.again === true,
    };
    this.#running ??= this.#run();
    return this.#running;
  }

  /** Starts no further reload. */
  close(): void {
    this.#closed = true;
  }

  async #run(): Promise<void> {
    // What changes while the lanes warm up is looked at when they are warm; a start that fails ends the process.
    await this.#gateway.start().catch(() => this.close());
    while (!this.#closed && (this.#pending !== undefined || this.#sweep)) {
      const request = this.#pending;
      this.#pending = undefined;
      if (request !== undefined) await this.#reload(request);
      if (this.#sweep) {
        this.#sweep = false;
        // What was read and refused may be tried again together with other policies.
        const held = [...this.#gateway.heldCascades, ...this.#read.models.cascades];
        await this.#store.sweep(held).catch(() => {});
      }
    }
    this.#running = undefined;
  }

  async #reload(request: ReloadRequest): Promise<void> {
    const models = (request.models ?? false) || this.#unread.models === true;
    const policies = (request.policies ?? false) || this.#unread.policies === true;
    this.#unread = { models, policies };
    try {
      const read = {
        models: models ? await readModels(this.#folders.models, this.#store) : this.#read.models,
        policies: policies ? await readPolicies(this.#folders.policies) : this.#read.policies,
      };
      this.#unread = {};
      this.#read = read;
      const now = modelsDigest(read) + policiesDigest(read);
      // Only where nothing else has changed: a change of policies shall not wait for a cascade that does not load.
      const lacking = request.again === true && now === this.#tried && this.#leftOut(read).length > 0;
      if (now === this.#tried && !lacking && !(request.again && this.#last?.result === 'rejected')) return;
      this.#tried = now;
      const errors = findings(this.#folders.models, read.models, read.policies);
      if (errors.length > 0) throw new ConfigErrors(errors);
      await this.#serve(read, lacking);
      this.#served = read;
      this.#report('accepted', []);
    } catch (error) {
      // A gateway that closes meanwhile has refused nothing.
      if (this.#closed) return;
      // A folder that could not be read this time is read again, even where nothing else has changed since.
      if (!(error instanceof ConfigErrors)) this.#tried = '';
      this.#report('rejected', reasonsOf(error, this.#folders.models));
      this.#sweep = true;
    }
  }

  #leftOut({ models }: Configuration): string[] {
    const served = new Set(this.#gateway.cascades.map(({ name }) => name));
    return models.cascades.map(({ name }) => name).filter((name) => !served.has(name));
  }

  async #serve({ models, policies }: Configuration, anew: boolean): Promise<void> {
    if (!anew && modelsDigest(this.#served) === modelsDigest({ models, policies })) {
      this.#gateway.setPolicies(policies.policies);
      return;
    }
    const { ended } = await this.#gateway.setModels(models.cascades, policies.policies);
    void ended.then(() => {
      this.#events.retired?.();
      this.#sweep = true;
      this.#running ??= this.#run();
    });
  }

  #report(result: ReloadReport['result'], errors: readonly ConfigError[]): void {
    this.#last = { at: new Date(), result, errors, leftOut: this.#leftOut(this.#read) };
    this.#events.reloaded?.(this.#last);
  }
}

/** What a cascade is to those who serve it: copies have their content as their name. */
function modelsDigest({ models }: Configuration): string {
  return JSON.stringify([models.cascades, models.broken.map(({ message }) => message)]);
}

function policiesDigest({ policies }: Configuration): string {
  const names = policies.policies.map(({ name, version }) => [name, version]);
  return JSON.stringify([names, policies.broken.map(({ message }) => message)]);
}

function reasonsOf(error: unknown, models: string): readonly ConfigError[] {
  if (error instanceof ConfigErrors) return error.errors;
  if (error instanceof ConfigError) return [error];
  return [new ConfigError(models, '', error instanceof Error ? error.message : String(error))];
}

/** An error as callers may see it: paths from the folders on, not where those lie on this machine. */
export function shownError(
  { file, key, reason }: ConfigError,
  { models, policies }: Folders,
): { readonly file: string; readonly key: string; readonly reason: string } {
  // What was given relative is absolute in some texts.
  const short = (text: string) =>
    [models, policies]
      .reduce((sofar, folder) => sofar.replaceAll(`${dirname(resolve(folder))}/`, ''), text)
      .replaceAll(tmpdir(), '$TMPDIR');
  return { file: short(file), key, reason: short(reason) };
}
