/** Holds what a gateway answers against its own OpenAPI document. */

import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { openApiDocument } from '../../src/http/openapi/document.js';

export interface HttpAnswer {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly status: number;
  readonly header: (name: string) => string | null | undefined;
  /** As it came; undefined: nobody has it as text. */
  readonly text: string | undefined;
}

interface Described {
  readonly headers?: Readonly<Record<string, { readonly required: boolean }>>;
  readonly content: Readonly<Record<string, object>>;
}
interface Operation {
  readonly responses: Readonly<Record<string, Described>>;
}

const document = openApiDocument();
const ajv = new Ajv2020({ strict: false, allErrors: true });
addFormats.default(ajv);
ajv.addSchema({ ...document, $id: 'openapi' });
const compiled = new Map<string, ValidateFunction>();

/** @returns what is not as the document says; undefined: all is */
export function undocumented(answer: HttpAnswer): string | undefined {
  // The page's own files and figures are no part of the document; what is wrong there is a problem all the same.
  if (answer.path.startsWith('/console/') && answer.status < 400) return undefined;
  const { description, at } = describedAt(answer);
  if (description === undefined) return told(answer, `is not in the document: ${at}`);
  for (const [name, { required }] of Object.entries(description.headers ?? {})) {
    const value = answer.header(name) ?? undefined;
    if (value === undefined && required) return told(answer, `has no header ${name}`);
    const wrong = value === undefined ? undefined : misfit([...at, 'headers', name, 'schema'], headerValue(value));
    if (wrong !== undefined) return told(answer, `has a header ${name} that does not fit: ${wrong}`);
  }
  if (Object.keys(description.content).length === 0)
    return (answer.text ?? '') === '' ? undefined : told(answer, 'has a body, which the document does not have');
  const type = (answer.header('content-type') ?? '').split(';')[0]!.trim();
  if (!(type in description.content)) return told(answer, `has the undocumented type "${type}"`);
  if (answer.method === 'HEAD' || answer.text === undefined) return undefined;
  const body = type.endsWith('json') ? JSON.parse(answer.text) : answer.text;
  const wrong = misfit([...at, 'content', type, 'schema'], body);
  return wrong === undefined ? undefined : told(answer, `does not fit: ${wrong}`);
}

/** For callers that speak HTTP by themselves. @param answer as it came, not in chunks */
export function undocumentedOnWire(method: string, path: string, answer: string): string | undefined {
  const end = answer.indexOf('\r\n\r\n');
  const [status = '', ...lines] = answer.slice(0, end).split('\r\n');
  const headers = new Map(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.split(': ', 2)[1]]),
  );
  const header = (name: string) => headers.get(name.toLowerCase());
  return undocumented({ method, path, status: Number(status.split(' ')[1]), header, text: answer.slice(end + 4) });
}

function describedAt({ method, path, status }: HttpAnswer): {
  description: Described | undefined;
  at: readonly string[];
} {
  // Express takes an address with a slash at its end for the one without.
  const plain = path.length > 1 ? path.replace(/\/$/, '') : path;
  const template = Object.keys(document.paths).find((each) => matches(each, plain));
  if (template === undefined) return [401, 404, 429].includes(status) ? outside(path, status) : none(path);
  const methods = document.paths[template]!;
  const name = method === 'HEAD' && 'get' in methods ? 'get' : method.toLowerCase();
  const operation = methods[name] as Operation | undefined;
  if (operation === undefined) return [401, 405, 429].includes(status) ? outside(path, status) : none(path);
  return {
    description: operation.responses[status],
    at: ['paths', template, name, 'responses', String(status)],
  };
}

/** Of addresses and methods that the document does not have; the key comes first. */
function outside(path: string, status: number): { description: Described; at: readonly string[] } {
  const isInference = /^\/v2\b/.test(path);
  const named = `${isInference ? 'V2' : ''}${status === 404 ? 'NotFound' : 'MethodNotAllowed'}`;
  const guarded = ['paths', isInference ? '/v2' : '/v1/cascades', 'get', 'responses', String(status)];
  const at = status === 404 || status === 405 ? ['components', 'responses', named] : guarded;
  const description = at.reduce<unknown>((here, key) => (here as Record<string, unknown>)[key], document) as Described;
  return { description, at };
}

function none(path: string): { description: undefined; at: readonly string[] } {
  return { description: undefined, at: [path] };
}

function matches(template: string, path: string): boolean {
  const parts = template.split('/');
  const given = path.split('/');
  return (
    parts.length === given.length &&
    parts.every((part, i) => (part.startsWith('{') ? given[i] !== '' : part === given[i]))
  );
}

/** Headers are text; a schema that wants a number gets one. */
function headerValue(value: string): string | number {
  return /^\d+$/.test(value) ? Number(value) : value;
}

function misfit(at: readonly string[], value: unknown): string | undefined {
  const pointer = at.map((key) => encodeURIComponent(key.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/');
  let fits = compiled.get(pointer);
  if (fits === undefined) {
    fits = ajv.compile({ $ref: `openapi#/${pointer}` });
    compiled.set(pointer, fits);
  }
  return fits(value) ? undefined : ajv.errorsText(fits.errors);
}

function told({ method, path, status, text }: HttpAnswer, what: string): string {
  return `the answer to ${method} ${path} ${what}\n${status} ${(text ?? '').slice(0, 500)}`;
}
