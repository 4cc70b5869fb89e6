/** Asks for the API key, where the gateway wants one. */

import { useState } from 'preact/hooks';
import { keyFault } from './key-fault.js';

export interface KeyFormProps {
  /** The gateway was asked with it, and does not take it. */
  readonly isWrong: boolean;
  readonly isAsking: boolean;
  readonly onKey: (key: string) => void;
}

export function KeyForm({ isWrong, isAsking, onKey }: KeyFormProps) {
  const [key, setKey] = useState('');
  const [fault, setFault] = useState<string>();
  const trouble = fault ?? (isWrong ? 'The gateway does not know that key.' : undefined);
  return (
    <section class="card key-form" aria-labelledby="key-title">
      <h2 id="key-title">This gateway asks for an API key</h2>
      {trouble !== undefined && (
        <p class="trouble" role="alert">
          {trouble}
        </p>
      )}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const given = key.trim();
          setFault(keyFault(given));
          if (given !== '' && keyFault(given) === undefined) onKey(given);
        }}
      >
        <label for="key">API key</label>
        <input
          id="key"
          type="password"
          autocomplete="off"
          required
          value={key}
          aria-describedby="key-note"
          onInput={(event) => setKey(event.currentTarget.value)}
        />
        <button type="submit" class="primary">
          Use this key
        </button>
      </form>
      <p id="key-note" class="note">
        It is sent to this gateway only, and forgotten with this tab.
      </p>
      <p class="note" role="status">
        {isAsking ? 'Asking the gateway…' : ''}
      </p>
    </section>
  );
}
