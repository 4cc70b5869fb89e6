/**
 * What answers requests that name nothing. A mistake may not hand them to another cascade, nor to nobody, while the gateway says that it is
 * ready: the start is refused as a reload is.
 */

import { parse } from 'node:path';
import type { Command } from 'commander';
import { type ConfigError, StartError } from '../errors.js';
import { type Candidate, lostDefault } from '../gateway/catalog.js';
import type { Configuration } from '../gateway/configuration.js';
import type { Gateway } from '../gateway/gateway.js';
import { cascadeOfFile } from '../policy/check.js';
import type { Logger } from '../telemetry/log.js';
import { sourceOf } from './config-option.js';
import { print } from './fail.js';

export interface DefaultFlags {
  readonly models: string;
  readonly cascade?: string | undefined;
  readonly policy: string;
}

/** @throws StartError for a cascade or policy that was asked for and that nothing in the folders is named like */
export function refuseUnknown(
  command: Command,
  { cascade, policy }: DefaultFlags,
  { policies: { policies, broken } }: Configuration,
  candidates: readonly Candidate[],
): void {
  const cascades = candidates.map(({ name }) => name);
  if (cascade !== undefined) refuseOther(command, '--cascade', cascade, cascades);
  const names = [...policies.map(({ name }) => name), ...broken.map(({ file }) => parse(file).name)];
  if (isAsked(command)) refuseOther(command, '--policy', policy, names);
}

function refuseOther(command: Command, flag: string, value: string, known: readonly string[]): void {
  if (known.includes(value)) return;
  const source = sourceOf(command, command.options.find(({ long }) => long === flag)!);
  const from = source.endsWith(flag) ? '' : ` (${source})`;
  throw new StartError(`${flag}${from}: found "${value}"; there are: ${known.join(', ')}`);
}

/**
 * @param served the cascades that are left
 * @throws StartError where the default is none of them, with what is wrong with it
 */
export function refuseLostCascade(
  { models, cascade }: Pick<DefaultFlags, 'models' | 'cascade'>,
  served: readonly Candidate[],
  candidates: readonly Candidate[],
  leftOut: readonly ConfigError[],
): void {
  const lost = lostDefault(served, candidates, cascade);
  if (lost === undefined) return;
  const why = leftOut.filter(({ file }) => cascadeOfFile(models, file) === lost).map(({ message }) => message);
  const named = cascade === undefined ? 'the default cascade (--cascade names another)' : 'named by --cascade';
  throw new StartError(`${lost}, ${named}, cannot be served: ${why.join('; ')}`);
}

/** @throws StartError where nobody answers because of a mistake: the policy was asked for, or its file is left out */
export function refuseLostPolicy(
  command: Command,
  { policy }: DefaultFlags,
  gateway: Gateway,
  leftOut: readonly ConfigError[],
): void {
  if (answers(gateway, policy)) return;
  const cascade = gateway.defaultCascade;
  const why = leftOut.filter(({ file }) => parse(file).name === policy).map(({ message }) => message);
  if (why.length === 0 && !isAsked(command)) return;
  const reason = why.length > 0 ? why.join('; ') : `there are: ${policiesOf(gateway).join(', ')}`;
  throw new StartError(`nothing answers requests that name no policy ("${policy}" for ${cascade}): ${reason}`);
}

export function announce(gateway: Gateway, { policy }: DefaultFlags, url: string, log: Logger): void {
  const cascade = gateway.defaultCascade;
  if (answers(gateway, policy)) {
    log.info({ url, cascade, policy }, 'ready');
    print(`Sluice serves ${cascade} with policy ${policy} on ${url}`);
    return;
  }
  const known = policiesOf(gateway);
  log.warn({ cascade, policy, known }, 'no such policy for the default cascade: requests must name one');
  log.info({ url, cascade }, 'ready');
  print(`Sluice serves ${cascade} on ${url}; requests must name a policy: ${known.join(', ')}`);
}

/** By a flag, a variable or a file, not by Sluice itself. */
function isAsked(command: Command): boolean {
  return command.getOptionValueSource('policy') !== 'default';
}

function answers(gateway: Gateway, policy: string): boolean {
  return policiesOf(gateway).includes(policy);
}

/** Those that speak of the default cascade. */
function policiesOf({ services, defaultCascade }: Gateway): string[] {
  return services.filter(({ cascade }) => cascade === defaultCascade).map(({ policy }) => policy);
}
