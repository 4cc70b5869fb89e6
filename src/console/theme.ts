/** Light or dark: as the system has it, until the person says otherwise. */

import { Kept } from './storage.js';

export type Theme = 'system' | 'light' | 'dark';

const NAME = 'sluice-theme';
const THEMES: readonly Theme[] = ['system', 'light', 'dark'];
const kept = new Kept(() => localStorage);

export function storedTheme(): Theme {
  const stored = kept.get(NAME);
  return THEMES.find((theme) => theme === stored) ?? 'system';
}

export function applyTheme(theme: Theme): void {
  if (theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  kept.set(NAME, theme === 'system' ? '' : theme);
}

export function isDark(): boolean {
  const { theme } = document.documentElement.dataset;
  return theme === undefined ? matchMedia('(prefers-color-scheme: dark)').matches : theme === 'dark';
}

/** Calls when the page has become light or dark. @returns stops that */
export function onThemeChange(changed: () => void): () => void {
  const system = matchMedia('(prefers-color-scheme: dark)');
  const observer = new MutationObserver(changed);
  observer.observe(document.documentElement, { attributeFilter: ['data-theme'] });
  system.addEventListener('change', changed);
  return () => {
    observer.disconnect();
    system.removeEventListener('change', changed);
  };
}
