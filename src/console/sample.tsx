/** For who has no picture at hand: Chelsea the cat (CC0, by Stéfan van der Walt; test/pictures/README.md). */

import { useState } from 'preact/hooks';

export function Sample({ onPicture }: { onPicture: (file: File) => void }) {
  const [notice, setNotice] = useState('');
  const take = async () => {
    try {
      const response = await fetch('console/sample.jpg');
      onPicture(new File([await response.blob()], 'cat.jpg', { type: 'image/jpeg' }));
    } catch {
      setNotice('The gateway cannot be reached.');
    }
  };
  return (
    <>
      <button type="button" onClick={take}>
        Try it with a cat
      </button>
      {notice !== '' && (
        <p class="trouble" role="alert">
          {notice}
        </p>
      )}
    </>
  );
}
