/** A request that got no answer, as one sentence for people. */

interface Problem {
  readonly title?: unknown;
  readonly detail?: unknown;
  readonly code?: unknown;
}

export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    /** One sentence with its full stop. */
    readonly sentence: string,
  ) {
    super(sentence);
    this.name = 'Refusal';
  }
}

/** @param body of an error: problem+json of the gateway, or whatever a proxy before it made up */
export function refusalOf(status: number, body: string): Refusal {
  const { title, detail, code } = problemIn(body);
  if (typeof title !== 'string' || typeof detail !== 'string')
    return new Refusal(status, '', `The gateway, or what stands before it, refused with status ${status}.`);
  return new Refusal(status, String(code), `${title}: ${detail}.`);
}

/** Nothing came back at all. */
export function unreachable(): Refusal {
  return new Refusal(0, 'unreachable', 'The gateway cannot be reached: it may be restarting, or the network is gone.');
}

/** It was asked, and said nothing for so long. */
export function silent(limitMs: number): Refusal {
  return new Refusal(0, 'unreachable', `The gateway does not answer: nothing came within ${limitMs / 1000} seconds.`);
}

/** An answer with a good status that is no JSON: the sign-in of a proxy, say. */
export function noGateway(status: number): Refusal {
  const sentence = 'What answered is not the gateway: perhaps a proxy before it wants a sign-in. Reload the page.';
  return new Refusal(status, 'no_gateway', sentence);
}

function problemIn(body: string): Problem {
  try {
    return (JSON.parse(body) as Problem | null) ?? {};
  } catch {
    return {};
  }
}
