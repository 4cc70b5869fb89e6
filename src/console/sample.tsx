/** For who has no picture at hand: Chelsea the cat (CC0, by Stéfan van der Walt; test/pictures/README.md). */

import { refusalOf, unreachable } from './refusal.js';
import type { PictureNow } from './use-picture.js';

export function Sample({ take }: Pick<PictureNow, 'take'>) {
  return (
    <button type="button" onClick={() => take(sample())}>
      Try it with a cat
    </button>
  );
}

/** @throws Refusal */
async function sample(): Promise<File> {
  const response = await fetch('console/sample.jpg').catch(() => {
    throw unreachable();
  });
  if (!response.ok) throw refusalOf(response.status, await response.text());
  return new File([await response.blob()], 'cat.jpg', { type: 'image/jpeg' });
}
