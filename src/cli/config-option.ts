/** `--config FILE` and `--print-config`: settings from a file, below flags and variables, and what came of all three. */

import { type Command, Option } from 'commander';
import { readYaml } from '../config-file.js';
import { CONFIG_VARIABLE, fileSchema, isSecret, type Setting, settingsOf } from './settings.js';

export interface ConfigFlags {
  config?: string;
  printConfig: boolean;
}

export function withConfig(command: Command): Command {
  return command
    .addOption(
      new Option('--config <file>', 'YAML with settings; a flag goes before its variable, that before this file').env(
        CONFIG_VARIABLE,
      ),
    )
    .option('--print-config', 'print the settings, and where each comes from, and end', false)
    .hook('preAction', takeFile);
}

/** @throws ConfigError for the first key or value that is wrong */
async function takeFile(command: Command): Promise<void> {
  const { config } = command.opts<ConfigFlags>();
  if (config === undefined) return;
  const settings = settingsOf(command);
  const given = await readYaml(fileSchema(settings), config);
  for (const { key, option } of settings) {
    const name = option.attributeName();
    const isBelow = ['cli', 'env'].includes(command.getOptionValueSource(name) ?? '');
    if (given[key] !== undefined && !isBelow) command.setOptionValueWithSource(name, given[key], 'config');
  }
}

/** As YAML that `--config` takes; what is secret or not set stands in comments. */
export function effectiveConfig(command: Command): string {
  const lines = settingsOf(command).map((setting) => lineOf(command, setting));
  return ['# sluice serve: flag, then environment, then file, then default', ...lines].join('\n');
}

function lineOf(command: Command, setting: Setting): string {
  const { key, option } = setting;
  const value: unknown = command.getOptionValue(option.attributeName());
  const source = sourceOf(command, option);
  if (value === undefined) return `# ${key}: ${option.defaultValueDescription ?? 'not set'} # ${source}`;
  if (isSecret(setting)) return `# ${key}: ${[value].flat().length} hidden # ${source}`;
  return `${key}: ${JSON.stringify(value)} # ${source}`;
}

/** Where its value comes from, in words. */
export function sourceOf(command: Command, option: Option): string {
  switch (command.getOptionValueSource(option.attributeName())) {
    case 'cli':
      return `flag ${option.long}`;
    case 'env':
      return `environment ${option.envVar}`;
    case 'config':
      return `file ${command.opts<ConfigFlags>().config}`;
    default:
      return 'default';
  }
}
