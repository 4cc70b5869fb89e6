/**
 * HTTP on a raw socket, one request at a time: requests are made beforehand and of an answer only its end is looked for. Load
 * generators share the cores with who is measured, so they take as little as they can.
 */

import { connect, type Socket } from 'node:net';

export interface Asked {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** A POST with that body, ready to be sent. */
export function requestBytes({ host, port, path, headers }: Asked, body: Uint8Array): Buffer {
  const lines = Object.entries({ Host: `${host}:${port}`, ...headers, 'Content-Length': String(body.length) });
  const head = `POST ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
}

/** A whole answer. */
export class RawAnswer {
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get status(): number {
    return Number(this.#bytes.toString('latin1', STATUS_AT, STATUS_AT + 3));
  }

  get statusLine(): string {
    return this.#bytes.toString('latin1', 0, this.#bytes.indexOf('\r\n'));
  }

  /** Of one that tells its length. */
  get body(): string {
    return this.#bytes.toString('utf8', this.#bytes.indexOf(HEAD_END) + HEAD_END.length);
  }
}

export class RawConnection {
  readonly #socket: Socket;
  #held: Buffer | undefined;
  #answered: ((answer: RawAnswer | undefined) => void) | undefined;
  #isOpen = true;

  constructor({ host, port }: Pick<Asked, 'host' | 'port'>) {
    this.#socket = connect({ host, port, noDelay: true });
    this.#socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    // The close that follows says it.
    this.#socket.on('error', () => undefined);
    this.#socket.on('close', () => this.#close());
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** @param answered is called once: with the whole answer, or with undefined when the connection closed without one */
  ask(request: Buffer, answered: (answer: RawAnswer | undefined) => void): void {
    this.#answered = answered;
    this.#socket.write(request);
  }

  end(): void {
    this.#socket.end();
  }

  #receive(chunk: Buffer): void {
    this.#held = this.#held === undefined ? chunk : Buffer.concat([this.#held, chunk]);
    const head = headOf(this.#held);
    if (head === undefined || !isWhole(head, this.#held)) return;
    if (/\r\nconnection: *close/i.test(head)) this.#isOpen = false;
    const answer = new RawAnswer(this.#held);
    this.#held = undefined;
    this.#settle(answer);
  }

  #close(): void {
    this.#isOpen = false;
    this.#settle(undefined);
  }

  #settle(answer: RawAnswer | undefined): void {
    const answered = this.#answered;
    this.#answered = undefined;
    answered?.(answer);
  }
}

const STATUS_AT = 'HTTP/1.1 '.length;
const HEAD_END = Buffer.from('\r\n\r\n');
const LAST_CHUNK = Buffer.from('\r\n0\r\n\r\n');

function headOf(answer: Buffer): string | undefined {
  const end = answer.indexOf(HEAD_END);
  return end < 0 ? undefined : answer.toString('latin1', 0, end);
}

/** One answer at a time on a connection: nothing follows its last byte. */
function isWhole(head: string, answer: Buffer): boolean {
  const length = /\r\ncontent-length: *(\d+)/i.exec(head);
  if (length !== null) return answer.length >= head.length + HEAD_END.length + Number(length[1]);
  if (/\r\ntransfer-encoding: *chunked/i.test(head)) return answer.subarray(-LAST_CHUNK.length).equals(LAST_CHUNK);
  throw new Error('an answer that does not tell its length');
}
