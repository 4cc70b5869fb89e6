/** Watches a folder that others deploy into, and says when it has come to rest after a change. */

import { type FSWatcher, watch as watchEntry } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { watch } from 'chokidar';

/** Editors and deploys write several files, and each several times: so long after the last sign of it they are taken to be done. */
const QUIET_MS = 200;

export interface WatchEvents {
  changed(): void;
  /** The folder cannot be watched, or no longer. */
  failed(error: Error): void;
}

/**
 * A write, a rename, a new file; a symbolic link that is swapped, within the folder (as Kubernetes mounts a ConfigMap) or in place of
 * the folder itself. `changed` comes once more at the start: for what happened before the watch.
 */
export class FolderWatch {
  readonly #folder: string;
  readonly #events: WatchEvents;
  readonly #parent: FSWatcher | undefined;
  #inside: ReturnType<typeof watch> | undefined;
  #quiet: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(folder: string, events: WatchEvents) {
    this.#folder = resolve(folder);
    this.#events = events;
    this.#look();
    this.#parent = this.#watchEntry();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#quiet);
    this.#parent?.close();
    await this.#inside?.close();
  }

  #look(): void {
    void this.#inside?.close();
    this.#inside = watch(this.#folder, { ignoreInitial: true })
      .on('ready', () => this.#stirred())
      .on('all', () => this.#stirred())
      // Swapped links show in what the kernel says, whatever is made of it.
      .on('raw', () => this.#stirred())
      .on('error', (error) => this.#events.failed(error as Error));
  }

  /** The folder may be a link to a release: then swapping it shows only where the link lies. */
  #watchEntry(): FSWatcher | undefined {
    try {
      const name = basename(this.#folder);
      return watchEntry(dirname(this.#folder), { persistent: false }, (_event, entry) => {
        if (entry !== name || this.#closed) return;
        this.#look();
        this.#stirred();
      }).on('error', (error) => this.#events.failed(error));
    } catch (error) {
      this.#events.failed(error as Error);
      return undefined;
    }
  }

  #stirred(): void {
    clearTimeout(this.#quiet);
    if (!this.#closed) this.#quiet = setTimeout(() => this.#events.changed(), QUIET_MS);
  }
}
