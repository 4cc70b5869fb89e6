import { describe, expect, it } from 'vitest';
import { printed, refusal, sluice } from '../support/cli.js';
import { ServeProcess } from '../support/process.js';

const asBrowser = { headers: { Accept: 'text/html' } };

describe('sluice serve', () => {
  it('has the console at /, and for curl JSON', async () => {
    await using gateway = new ServeProcess(['--lanes', '1']);
    const url = await gateway.url();
    const page = await fetch(url, asBrowser);
    expect(await page.text()).toContain('<title>Sluice</title>');
    expect((await fetch(`${url}/console/console.js`)).status).toBe(200);
    expect(await (await fetch(url)).json()).toMatchObject({ service: 'sluice' });
  });

  it('has none with --no-console', async () => {
    await using gateway = new ServeProcess(['--lanes', '1', '--no-console']);
    const url = await gateway.url();
    expect(await (await fetch(url, asBrowser)).json()).toMatchObject({ service: 'sluice' });
    expect((await fetch(`${url}/console/console.js`)).status).toBe(404);
  });

  it('says so in its help, and refuses a value that is neither yes nor no', async () => {
    expect(printed(await sluice(['serve', '--help']))).toContain('SLUICE_CONSOLE');
    expect(refusal(await sluice(['serve'], { env: { SLUICE_CONSOLE: 'perhaps' } }), 2)).toContain('yes, no');
  });
});
