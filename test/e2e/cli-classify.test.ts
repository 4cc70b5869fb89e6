import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { linesOf, printed, refusal, sluice } from '../support/cli.js';
import { Answer } from '../support/contract.js';
import { ROOT } from '../support/gateway.js';
import { FORMATS, jpeg } from '../support/pictures.js';

const CAT = `${ROOT}test/pictures/cat.jpg`;
/** The HTTP answer; the file stands where HTTP has the request's id. */
const FileAnswer = Answer.extend({ id: z.string().min(1) });
const answers = (stdout: string) => linesOf(stdout).map((line) => FileAnswer.parse(JSON.parse(line)));
const classify = (...args: string[]) => sluice(['classify', '--cascade', 'cifar10', '--lanes', '1', ...args]);

let folder: string;
let scene: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-classify-'));
  scene = join(folder, 'scene.webp');
  await writeFile(scene, await FORMATS.webp(60, 44));
  await writeFile(join(folder, 'damaged.jpg'), (await readFile(CAT)).subarray(0, 300));
  await writeFile(join(folder, 'short.jpg'), (await jpeg(600, 600)).subarray(0, 4000));
  await writeFile(join(folder, 'text.jpg'), 'not a picture');
  await writeFile(join(folder, 'empty.jpg'), '');
});
afterAll(() => rm(folder, { recursive: true }));

describe('sluice classify --json', () => {
  it('prints the HTTP answer of each picture on a line, in the order of the files', async () => {
    const [cat, drawn, ...more] = answers(printed(await classify(CAT, scene, '--json', '--policy', 'full')));
    expect(more).toEqual([]);
    expect([cat!.id, drawn!.id]).toEqual([CAT, scene]);
    for (const { cascade, policy, predictions, route, cost } of [cat!, drawn!]) {
      expect({ cascade, policy, reason: route.reason, ratio: cost.ratio }).toEqual({
        cascade: 'cifar10',
        policy: 'full',
        reason: 'final',
        ratio: 1,
      });
      expect(predictions.length).toBe(5);
      expect(route.steps).toBeUndefined();
    }
    expect(cat!.predictions).not.toEqual(drawn!.predictions);
  });

  it('answers the other pictures when some are damaged or missing, and names those with the reason', async () => {
    const wrong = {
      'damaged.jpg': /picture/,
      'short.jpg': /damaged or incomplete/,
      'missing.jpg': /cannot be read: ENOENT/,
      'text.jpg': /none of JPEG, PNG, WebP/,
      'empty.jpg': /empty/,
    };
    const files = [CAT, ...Object.keys(wrong).map((name) => join(folder, name)), scene];
    const { code, stdout, stderr } = await classify(...files, '--json', '--explain', '--top', '3');
    expect(code).toBe(1);
    const good = answers(stdout);
    expect(good.map(({ id }) => id)).toEqual([CAT, scene]);
    for (const { predictions, route } of good) {
      expect(predictions.length).toBe(3);
      expect(route.steps!.map(({ exited }) => exited)).toEqual(
        route.steps!.map((_, i, { length }) => i === length - 1),
      );
    }
    const reasons = linesOf(stderr);
    expect(reasons.length).toBe(5);
    for (const [index, [name, reason]] of Object.entries(wrong).entries()) {
      expect(reasons[index]!.startsWith(`sluice: ${join(folder, name)}: `)).toBe(true);
      expect(reasons[index]).toMatch(reason);
    }
  });
});

describe('sluice classify', () => {
  it('prints where a picture left, its cost, its classes and with --explain each exit', async () => {
    const args = [CAT, '--policy', 'full', '--explain', '--top', '4'];
    const [text, json] = await Promise.all([classify(...args), classify(...args, '--json')]);
    const [where, ...lines] = linesOf(printed(text));
    const [answer] = answers(printed(json));
    const { route, predictions } = answer!;
    expect(where).toBe(
      `${CAT}: ${route.backbone} width ${route.width} at ${route.resolution} px, exit ${route.exit} (final), 100 % of the full cost`,
    );
    expect(lines.slice(0, 4).map((line) => line.trim())).toEqual(
      predictions.map(({ label, probability }) => `${(100 * probability).toFixed(1)} %  ${label}`),
    );
    const exits = lines.slice(4);
    expect(exits.length).toBe(route.steps!.length);
    for (const [index, { exit, score }] of route.steps!.entries()) {
      expect(exits[index]).toContain(`exit ${exit}: score ${score.toFixed(3)}, no threshold`);
      expect(exits[index]!.endsWith('left here')).toBe(index === exits.length - 1);
    }
  });

  it('refuses a policy or cascade that does not exist once, not once a picture, and lists those that do', async () => {
    const [policy, cascade] = await Promise.all([
      classify(CAT, scene, '--policy', 'balance'),
      classify(CAT, scene, '--cascade', 'cifar11'),
    ]);
    expect(refusal(policy, 2)).toMatch(/"balance".*there are: .*\bfull\b/);
    expect(refusal(cascade, 2)).toMatch(/"cifar11".*there are: .*\bcifar10\b/);
  });

  it('refuses a picture with more pixels than --max-pixels', async () => {
    expect(refusal(await classify(scene, '--max-pixels', '2639'), 1)).toMatch(/60 x 44.* at most 2639/);
  });

  it('refuses folders that hold no models, or are not there', async () => {
    const nowhere = join(folder, 'nowhere');
    const [none, models, policies] = await Promise.all([
      classify(CAT, '--models', folder),
      classify(CAT, '--models', nowhere),
      classify(CAT, '--policies', nowhere),
    ]);
    expect(refusal(none, 1)).toContain(`${folder}: no folder here holds a cascade.yaml`);
    expect(refusal(models, 1)).toContain(`${nowhere}: the model repository cannot be read`);
    expect(refusal(policies, 1)).toContain(`${nowhere}: the policies cannot be read`);
  });
});
