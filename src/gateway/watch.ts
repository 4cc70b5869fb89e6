/** Watches a folder that others deploy into, and says when it has come to rest after a change. */

import { type FSWatcher, lstatSync, watch as watchEntry } from 'node:fs';
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
 * A write, a rename, a new file; a symbolic link that is swapped, within the folder (as Kubernetes mounts a ConfigMap), in place of
 * the folder itself or above it (a release that holds the folder). `changed` comes once more at the start: for what happened before the watch.
 */
export class FolderWatch {
  readonly #folder: string;
  readonly #events: WatchEvents;
  #entries: readonly FSWatcher[] = [];
  /** Folders above that are or were links: one that is taken away may come back. */
  #links: readonly string[] = [];
  #inside: ReturnType<typeof watch> | undefined;
  #quiet: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(folder: string, events: WatchEvents) {
    this.#folder = resolve(folder);
    this.#events = events;
    this.#look();
    this.#watchEntries();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#quiet);
    for (const entry of this.#entries) entry.close();
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

  /** The folder may be, or lie in, a link to a release: then swapping it shows only where the link lies. */
  #watchEntries(): void {
    for (const entry of this.#entries) entry.close();
    this.#links = [...new Set([...this.#links, ...linksAbove(this.#folder)])];
    const entries: FSWatcher[] = [];
    for (const path of [...this.#links, this.#folder]) {
      try {
        entries.push(this.#watchEntry(path));
      } catch (error) {
        // Below a link that is away nothing can be watched until it comes back.
        if (entries.length === 0) this.#events.failed(error as Error);
      }
    }
    this.#entries = entries;
  }

  #watchEntry(path: string): FSWatcher {
    const name = basename(path);
    return watchEntry(dirname(path), { persistent: false }, (_event, entry) => {
      if (entry !== name || this.#closed) return;
      this.#look();
      // What lies below a link is another folder now.
      if (path !== this.#folder) this.#watchEntries();
      this.#stirred();
    }).on('error', (error) => this.#events.failed(error));
  }

  #stirred(): void {
    clearTimeout(this.#quiet);
    if (!this.#closed) this.#quiet = setTimeout(() => this.#events.changed(), QUIET_MS);
  }
}

/** The folders above that are symbolic links, from the outside in. */
function linksAbove(folder: string): string[] {
  const above = dirname(folder);
  if (above === folder) return [];
  return [...linksAbove(above), ...(isLink(above) ? [above] : [])];
}

/** False for what may not be looked at, or is away. */
function isLink(path: string): boolean {
  try {
    return lstatSync(path).isSymbolicLink();
  } catch {
    return false;
  }
}
