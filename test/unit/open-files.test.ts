import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { connectionsWithin, openFilesIn } from '../../src/cli/open-files.js';

const LIMITS = (soft: string) => `Limit                     Soft Limit           Hard Limit           Units
Max processes             100                  200                  processes
Max open files            ${soft.padEnd(20)} 1048576              files
Max locked memory         65536                65536                bytes
`;

describe('the limit of open files', () => {
  it('is the soft one', () => {
    expect(openFilesIn(LIMITS('1024'))).toBe(1024);
  });

  it.each([
    ['there is none', LIMITS('unlimited')],
    ['nothing says so', ''],
  ])('limits nothing where %s', (_, text) => {
    expect(openFilesIn(text)).toBeUndefined();
  });

  it.runIf(process.platform === 'linux')('is found in what the kernel says', async () => {
    expect(openFilesIn(await readFile('/proc/self/limits', 'utf8'))).toBeGreaterThan(0);
  });
});

describe('connections within the limit of open files', () => {
  const alone = { lanes: 2, servers: 1 };

  it('are those that are wanted where they fit', () => {
    expect(connectionsWithin(20_000, 4096, alone)).toBe(4096);
  });

  it('are what gateway, lanes and those turned away leave', () => {
    // 256 - 48 - 2 x 2, and a fifth less.
    expect(connectionsWithin(256, 4096, alone)).toBe(163);
    expect(connectionsWithin(256, 100, alone)).toBe(100);
    expect(connectionsWithin(256, 4096, { lanes: 64, servers: 1 })).toBe(64);
  });

  it('are shared by the servers', () => {
    expect(connectionsWithin(256, 4096, { lanes: 2, servers: 2 })).toBe(81);
  });

  it('are one at least', () => {
    expect(connectionsWithin(32, 4096, alone)).toBe(1);
  });
});
