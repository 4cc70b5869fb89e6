/** Structured logs: one JSON object a line on stderr, so that stdout stays free for reports. */

import { type Logger, pino } from 'pino';

export type { Logger };

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

export function createLog(level: (typeof LOG_LEVELS)[number]): Logger {
  return pino({ level, base: { service: 'sluice' }, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination(2));
}
