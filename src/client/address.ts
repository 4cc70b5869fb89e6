/** Where the gateway is, and who asks: looked at once, as `fetch` would throw at each attempt, as it does where nobody answers. */

/**
 * The folder that addresses are below.
 * @throws TypeError
 */
export function baseOf(baseUrl: string | URL): URL {
  // A page may name its own gateway by a path.
  const here = (globalThis as { location?: { href: string } }).location?.href;
  const base = URL.canParse(String(baseUrl), here) ? new URL(baseUrl, here) : undefined;
  // "localhost:8080" is an address of the scheme "localhost".
  if (base === undefined || !/^https?:$/.test(base.protocol)) {
    throw new TypeError(
      `baseUrl: found ${JSON.stringify(baseUrl)}; allowed: http://HOST or https://HOST, in a page a path too`,
    );
  }
  if (base.username !== '' || base.password !== '') {
    throw new TypeError('baseUrl: has a user or a password, which fetch does not send; keys are for apiKey');
  }
  if (!base.pathname.endsWith('/')) base.pathname += '/';
  return base;
}

/** @throws TypeError, without the key in it */
export function authorizationOf(apiKey: string): { Authorization: string } {
  const headers = { Authorization: `Bearer ${apiKey}` };
  try {
    new Headers(headers);
  } catch {
    throw new TypeError('apiKey has characters that a header cannot carry');
  }
  return headers;
}
