/** Numbers as people read them, each with its unit. */

import type { Place } from './api-types.js';

const SIZES = [
  [1e12, 'T'],
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
] as const;

/** Three digits that say something. */
function short(value: number): string {
  const size = Math.abs(value);
  return value.toFixed(size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2);
}

/** 42505168: 42.5 M. */
export function amount(value: number): string {
  const [size, letter] = SIZES.find(([least]) => Math.abs(value) >= least * 0.9995) ?? [1, ''];
  if (size === 1) return Number.isInteger(value) ? String(value) : short(value);
  return `${short(value / size)} ${letter}`;
}

/** Multiply-accumulates. */
export function macs(value: number): string {
  return `${amount(value)} MACs`;
}

/** 0.7409: 74.1 %. No more than 100 is shown of what is less. */
export function percent(share: number, digits = 1): string {
  const shown = (100 * share).toFixed(digits);
  const whole = Number(shown) === 100 && share < 1 ? `>${(100 - 10 ** -digits).toFixed(digits)}` : shown;
  return `${whole} %`;
}

/** 8.057: 8.06 ms; 1240: 1.24 s. */
export function duration(milliseconds: number): string {
  return milliseconds >= 999.5 ? `${short(milliseconds / 1000)} s` : `${short(milliseconds)} ms`;
}

/** What is known roughly: 38.4: ≈ 38 ms; 1240: ≈ 1.2 s. */
export function roughly(milliseconds: number): string {
  const two = Number(milliseconds.toPrecision(2));
  return `≈ ${two >= 1000 ? `${two / 1000} s` : `${two} ms`}`;
}

/** 14:03:22, by the clock of who looks. */
export function timeOfDay(milliseconds: number): string {
  return new Date(milliseconds).toLocaleTimeString('en-GB', {
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  });
}

/** 3 October, 14:03. */
export function dayAndTime(milliseconds: number): string {
  return new Date(milliseconds).toLocaleString('en-GB', {
    day: 'numeric',
    month: 'long',
    hour: '2-digit',
    minute: '2-digit',
  });
}

/** A score or a threshold: three digits, without zeros that say nothing. */
export function score(value: number): string {
  return String(Number(value.toFixed(3)));
}

/** `1 request`, `2 requests`. */
export function counted(value: number, noun: string): string {
  return `${value.toLocaleString('en')} ${noun}${value === 1 ? '' : 's'}`;
}

/** A rung as people say it. */
export function rungName({ backbone, width, resolution }: Omit<Place, 'exit'>): string {
  return `${backbone}, width ${width}, at ${resolution} px`;
}
