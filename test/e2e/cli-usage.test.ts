import { describe, expect, it } from 'vitest';
import { printed, refusal, sluice } from '../support/cli.js';

const GATEWAY = ['--models', '--policies', '--lanes', '--threads', '--max-pixels'];
const OPTIONS: Record<string, readonly string[]> = {
  serve: [...GATEWAY, '--host', '--port', '--queue', '--max-bytes', '--drain-ms', '--rate', '--api-key-sha256'],
  classify: [...GATEWAY, '--cascade', '--policy', '--top', '--explain', '--json', '<image...>'],
  evaluate: [...GATEWAY, '--cascade', '--policy', '--data', '--limit', '--json'],
  inspect: ['--models', '--resolution', '--json', '<what>'],
  import: [
    '--models',
    '--cascade',
    '--backbone',
    '--width',
    '--resolutions',
    '--labels',
    '--exits',
    '--uint8',
    '--mean',
  ].concat(['--std', '--scale', '--kernel', '--calibration', '--description', '--json', '<file>']),
  validate: [...GATEWAY, '--json'],
};
const COMMANDS = Object.keys(OPTIONS);
const EVALUATE = ['evaluate', '--cascade', 'cifar10', '--data'];
const IMPORT = ['import', 'net.onnx', '--cascade', 'tiny', '--backbone', 'net', '--resolutions', '16'];

describe.concurrent('sluice', () => {
  it('lists its commands', async () => {
    const help = printed(await sluice(['--help']));
    for (const command of COMMANDS) expect(help).toMatch(new RegExp(`^  ${command} `, 'm'));
  });

  it('says its version', async () => {
    expect(printed(await sluice(['--version']))).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('without a command shows the help, as wrong use', async () => {
    const { code, stdout, stderr } = await sluice([]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('Usage: sluice');
  });

  it('does not know a misspelt command, and says which one is meant', async () => {
    const run = await sluice(['clasify', 'cat.jpg']);
    expect(refusal(run, 2)).toContain("unknown command 'clasify'");
    expect(run.stderr).toContain('classify');
  });

  it.each(COMMANDS)('%s --help names each option', async (command) => {
    const help = printed(await sluice([command, '--help']));
    expect(help).toContain(`Usage: sluice ${command} `);
    for (const option of OPTIONS[command]!) expect(help).toMatch(new RegExp(`${option}(?![\\w-])`));
  });

  it.each([['serve'], ['classify', 'cat.jpg'], [...EVALUATE, '.'], ['inspect', 'cifar10'], IMPORT, ['validate']])(
    '%s refuses an option that it does not have',
    async (...args) => {
      expect(refusal(await sluice([...args, '--colour', 'red']), 2)).toContain("unknown option '--colour'");
    },
  );
});

describe.concurrent('wrong use', () => {
  it.each([
    [['classify'], /'image'/],
    [IMPORT.slice(0, -2), /'--resolutions <list>'/],
    [EVALUATE.slice(0, -1), /'--data <dir>'/],
    [['inspect', 'net.onnx'], /--resolution/],
  ])('is to leave out what is needed: sluice %j', async (args, needed) => {
    expect(refusal(await sluice(args), 2)).toMatch(needed);
  });

  it.each([
    [['classify', 'cat.jpg', '--lanes', '0'], /'0'.* from 1 to \d+/],
    [['serve', '--port', '70000'], /'70000'.* from 0 to 65535/],
    [['serve', '--api-key-sha256', 'secret'], /--api-key-sha256 .*is wrong; allowed: 64 hexadecimal digits/],
    [['inspect', 'net.onnx', '--resolution', '-5'], /'-5'.* from 8 to 2048/],
    [[...EVALUATE, '.', '--limit', '0'], /'0'.* from 1 /],
    [[...IMPORT, '--resolutions', '16,24.5'], /'16,24\.5'.* from 8 to 2048/],
    [[...IMPORT, '--uint8', '--mean', '1,,3'], /'1,,3'.* 3 numbers/],
    [[...IMPORT, '--kernel', 'bicubic'], /'bicubic'.* nearest, linear, cubic/],
    [[...IMPORT, '--cascade', '../up'], /'\.\.\/up'.* a-z 0-9/],
    [[...IMPORT, '--backbone', 'my net'], /'my net'.* a-z 0-9/],
  ])('is a value out of its range, answered with the range: sluice %j', async (args, sentence) => {
    expect(refusal(await sluice(args), 2)).toMatch(sentence);
  });

  it.each([
    [[...IMPORT, '--uint8', '--scale', '255'], /--scale.*--uint8/],
    [[...IMPORT, '--mean', '1,2,3'], /--mean.*--uint8/],
    [['inspect', 'cifar10', '--resolution', '32'], /--resolution is for \.onnx files/],
  ])('are options that do not go together: sluice %j', async (args, sentence) => {
    expect(refusal(await sluice(args), 2)).toMatch(sentence);
  });

  it('may also come from the environment, which is named', async () => {
    const run = await sluice(['classify', 'cat.jpg'], { env: { SLUICE_LANES: 'many' } });
    expect(refusal(run, 2)).toMatch(/'many' from env 'SLUICE_LANES'.* from 1 to/);
  });
});

describe('a reader who leaves early', () => {
  it('ends the command without a word', async () => {
    const { code, stderr } = await sluice(['inspect', 'cifar10'], { unread: true });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });
});
