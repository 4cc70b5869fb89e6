/** Where a picture is picked, and seen. */

import { useState } from 'preact/hooks';
import { amount } from './units.js';
import type { Picture, PictureNow } from './use-picture.js';

export function Intake({ picture, isOver, notice, take }: PictureNow) {
  return (
    <>
      <label class={`intake${isOver ? ' is-over' : ''}${picture === undefined ? '' : ' has-picture'}`}>
        <input
          class="unseen"
          type="file"
          accept="image/jpeg,image/png,image/webp,image/avif,image/gif,image/tiff"
          onChange={(event) => {
            const file = event.currentTarget.files?.[0];
            if (file !== undefined) take(file);
            // So that picking the same file again is a change.
            event.currentTarget.value = '';
          }}
        />
        {picture === undefined ? <Invitation /> : <Preview key={picture.url} picture={picture} />}
      </label>
      <p class="note" role="status">
        {notice}
      </p>
    </>
  );
}

function Invitation() {
  return (
    <span class="invitation">
      <svg viewBox="0 0 48 48" width="44" height="44" aria-hidden="true">
        <path d="M8 34l10-12 8 9 5-6 9 9M8 10h32v28H8z" />
        <circle cx="31" cy="18" r="3" />
      </svg>
      <strong>Drop a picture, paste it, or pick one</strong>
      <span>JPEG, PNG, WebP, AVIF, GIF or TIFF</span>
    </span>
  );
}

function Preview({ picture: { name, bytes, url } }: { picture: Picture }) {
  const [isShown, setShown] = useState(true);
  return (
    <>
      {isShown ? (
        <img src={url} alt={name} onError={() => setShown(false)} />
      ) : (
        <span class="invitation">This browser shows no preview of it.</span>
      )}
      <span class="caption">
        <span class="file-name">{name}</span> <span>{amount(bytes.size)}B · pick another</span>
      </span>
    </>
  );
}
