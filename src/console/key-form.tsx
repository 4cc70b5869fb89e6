/** Asks for the API key, where the gateway wants one. */

import { useState } from 'preact/hooks';

export function KeyForm({ isWrong, onKey }: { isWrong: boolean; onKey: (key: string) => void }) {
  const [key, setKey] = useState('');
  return (
    <section class="card key-form" aria-labelledby="key-title">
      <h2 id="key-title">This gateway asks for an API key</h2>
      {isWrong && (
        <p class="trouble" role="alert">
          The gateway does not know that key.
        </p>
      )}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (key.trim() !== '') onKey(key.trim());
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
    </section>
  );
}
