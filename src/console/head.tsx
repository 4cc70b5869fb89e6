/** The top of the page: name, state of the lanes, light or dark. */

import { useState } from 'preact/hooks';
import type { Snapshot } from '../http/snapshot.js';
import { applyTheme, storedTheme, type Theme } from './theme.js';
import { counted } from './units.js';

const NAMES: Readonly<Record<Theme, string>> = { system: 'As the system', light: 'Light', dark: 'Dark' };

export interface HeadProps {
  readonly latest: Snapshot | undefined;
  readonly hasKey: boolean;
  readonly onForget: () => void;
}

export function Head({ latest, hasKey, onForget }: HeadProps) {
  return (
    <header class="head">
      <h1>
        <img src="console/icon.svg" alt="" width="32" height="32" />
        Sluice
      </h1>
      <LaneState latest={latest} />
      <div class="head-tools">
        {hasKey && (
          <button type="button" onClick={onForget}>
            Forget the key
          </button>
        )}
        <ThemeChoice />
      </div>
    </header>
  );
}

function LaneState({ latest }: { latest: Snapshot | undefined }) {
  if (latest === undefined) return <p class="lanes is-unknown">No figures of the gateway</p>;
  const { ready, starting } = latest.lanes;
  return (
    <p class={`lanes ${ready > 0 ? 'is-ready' : 'is-starting'}`}>
      {counted(ready, 'lane')} ready{starting > 0 ? `, ${starting} starting` : ''}
    </p>
  );
}

function ThemeChoice() {
  const [theme, setTheme] = useState(storedTheme);
  const choose = (chosen: Theme) => {
    applyTheme(chosen);
    setTheme(chosen);
  };
  return (
    <fieldset class="theme">
      <legend class="unseen">Colours</legend>
      {(Object.keys(NAMES) as Theme[]).map((each) => (
        <label key={each}>
          <input type="radio" name="theme" checked={theme === each} onChange={() => choose(each)} />
          <span>{NAMES[each]}</span>
        </label>
      ))}
    </fieldset>
  );
}
