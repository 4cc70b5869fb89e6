import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { Auth } from '../../src/http/auth.js';

const from = (remoteAddress: string) => ({ headers: {}, socket: { remoteAddress } }) as unknown as IncomingMessage;

describe('the rate of callers without keys', () => {
  it('is by address, of IPv6 by the network that one household has for itself', async () => {
    const auth = new Auth({ keyHashes: [], ratePerSecond: 1 });
    await auth.admit(from('10.0.0.1'));
    await auth.admit(from('2001:db8:1:2::1'));
    for (const again of ['10.0.0.1', '::ffff:10.0.0.1', '2001:db8:1:2::1', '2001:db8:1:2:ffff::9']) {
      await expect(auth.admit(from(again)), again).rejects.toMatchObject({ code: 'rate_limited' });
    }
    await auth.admit(from('10.0.0.2'));
    await auth.admit(from('2001:db8:1:3::1'));
  });
});
