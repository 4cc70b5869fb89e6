import { spawn } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { cpuBetween, killAll, MARK, processesOf, usageOf } from '../../bench/support/processes.js';

describe.runIf(process.platform === 'linux')('processes of a server that is measured', () => {
  it('are found also where one has left its parents, their work is counted, and all are killed', async () => {
    const run = `test-${process.pid}`;
    const mark = `${run}/server`;
    // One that works, one in a session of its own whose parent is gone, one that does nothing.
    const script = 'while :; do :; done & (setsid sleep 100 &) ; sleep 100';
    const shell = spawn('sh', ['-c', script], { env: { ...process.env, [MARK]: mark }, stdio: 'ignore' });
    try {
      await expect.poll(() => processesOf(mark).length).toBe(4);
      expect(processesOf(run)).toEqual(processesOf(mark));
      expect(processesOf('test')).toEqual([]);
      const before = usageOf(processesOf(mark));
      await expect
        .poll(() => cpuBetween(before, usageOf(processesOf(mark))), { timeout: 20_000 })
        .toBeGreaterThan(0.05);
      expect(before.memoryMb).toBeGreaterThan(0);
    } finally {
      killAll(mark);
    }
    expect(processesOf(mark)).toEqual([]);
    expect(shell.pid).toBeGreaterThan(0);
  });
});
