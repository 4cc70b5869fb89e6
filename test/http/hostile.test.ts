import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answerOf, ask, expectProblem, post } from '../support/contract.js';
import { ROOT, startGateway, type TestGateway } from '../support/gateway.js';
import { jpeg } from '../support/pictures.js';

const FOLDER = `${ROOT}../shared/data/hostile`;
const present = existsSync(`${FOLDER}/index.csv`);
if (!present) console.info('test/http/hostile: skipped, the collection of hostile pictures is not beside the checkout');

interface Row {
  readonly file: string;
  readonly expect: 'accept' | 'reject' | 'either';
  readonly type: string;
}

/** Columns: file, kind, expect, content_type, note. Quotes occur in the last one only. */
async function rows(): Promise<Row[]> {
  const [, ...lines] = (await readFile(`${FOLDER}/index.csv`, 'utf8')).trim().split(/\r?\n/);
  return lines.map((line) => {
    const [file, , expected, type] = line.split(',') as [string, string, Row['expect'], string];
    return { file, expect: expected, type };
  });
}

describe.skipIf(!present)(`hostile pictures${present ? '' : ' (missing: ../shared/data/hostile)'}`, async () => {
  let served: TestGateway;
  beforeAll(async () => {
    served = await startGateway();
  });
  afterAll(() => served?.gateway.close());

  const index = present ? await rows() : [];
  const read = (file: string) => readFile(`${FOLDER}/${file}`);

  it('are listed in the index, some of each kind', () => {
    expect(new Set(index.map((row) => row.expect))).toEqual(new Set(['accept', 'reject', 'either']));
  });

  it.each(index)('$file: $expect', async ({ file, expect: expected, type }) => {
    const response = await post(served.app, await read(file), {}, type);
    const answered = response.status === 200;
    if (expected !== 'either') expect(answered, JSON.stringify(response.body)).toBe(expected === 'accept');
    if (answered) answerOf(response);
    else {
      expect(response.status, JSON.stringify(response.body)).toBeGreaterThanOrEqual(400);
      expect(response.status, JSON.stringify(response.body)).toBeLessThan(500);
      expectProblem(response, response.status, response.body.code);
    }
  });

  it('turned by EXIF get the answer of the upright one', async () => {
    const turned = index.filter(({ file }) => /exif-orientation-\d/.test(file));
    expect(turned.length).toBeGreaterThan(1);
    const answers = await Promise.all(turned.map(async ({ file }) => ask(served.app, await read(file))));
    for (const { predictions } of answers) {
      expect(predictions[0]!.label).toBe(answers[0]!.predictions[0]!.label);
      expect(Math.abs(predictions[0]!.probability - answers[0]!.predictions[0]!.probability)).toBeLessThan(0.1);
    }
  });

  it('all at once, 5 times over, between good ones: the good ones are answered and no lane dies', async () => {
    const pids = served.gateway.lanes.map(({ pid }) => pid);
    const good = await jpeg();
    const images = await Promise.all(index.map(({ file }) => read(file)));
    const asked = Array.from({ length: 5 }, () =>
      images.flatMap((image) => [post(served.app, image), post(served.app, good)]),
    );
    const statuses = (await Promise.all(asked.flat())).map(({ status }) => status);
    expect(statuses.filter((status) => status >= 500)).toEqual([]);
    expect(statuses.filter((_, i) => i % 2 === 1).every((status) => status === 200)).toBe(true);
    expect(served.deaths).toEqual([]);
    expect(served.gateway.lanes.map(({ pid }) => pid)).toEqual(pids);
  });
});
