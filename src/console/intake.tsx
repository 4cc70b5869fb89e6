/** Takes a picture in: picked, dropped anywhere onto the page, or pasted. */

import { useEffect, useRef, useState } from 'preact/hooks';
import { amount } from './units.js';

export interface Picture {
  readonly file: File;
  /** Of the page's own copy. */
  readonly url: string;
}

export interface IntakeProps {
  readonly picture: Picture | undefined;
  readonly onPicture: (file: File) => void;
}

export function Intake({ picture, onPicture }: IntakeProps) {
  const [isOver, setOver] = useState(false);
  const [notice, setNotice] = useState('');
  const input = useRef<HTMLInputElement>(null);

  useEffect(() => {
    const take = (files: FileList | undefined, nothing: string) => {
      const file = files?.[0];
      setNotice(file === undefined ? nothing : '');
      if (file !== undefined) onPicture(file);
    };
    const onDragOver = (event: DragEvent) => {
      event.preventDefault();
      setOver(true);
    };
    const onDragLeave = (event: DragEvent) => {
      if (event.relatedTarget === null) setOver(false);
    };
    const onDrop = (event: DragEvent) => {
      event.preventDefault();
      setOver(false);
      take(event.dataTransfer?.files, 'That was no file: save the picture first, or copy and paste it.');
    };
    const onPaste = (event: ClipboardEvent) => {
      // Whoever pastes a key or a word into a field means the field.
      if (event.target instanceof HTMLInputElement && event.target.type !== 'file') return;
      take(event.clipboardData?.files, 'There is no picture to paste.');
    };
    window.addEventListener('dragover', onDragOver);
    window.addEventListener('dragleave', onDragLeave);
    window.addEventListener('drop', onDrop);
    document.addEventListener('paste', onPaste);
    return () => {
      window.removeEventListener('dragover', onDragOver);
      window.removeEventListener('dragleave', onDragLeave);
      window.removeEventListener('drop', onDrop);
      document.removeEventListener('paste', onPaste);
    };
  }, [onPicture]);

  return (
    <>
      <label class={`intake${isOver ? ' is-over' : ''}${picture === undefined ? '' : ' has-picture'}`}>
        <input
          ref={input}
          class="unseen"
          type="file"
          accept="image/jpeg,image/png,image/webp,image/avif,image/gif,image/tiff"
          onChange={(event) => {
            const file = event.currentTarget.files?.[0];
            if (file !== undefined) onPicture(file);
            setNotice('');
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

function Preview({ picture: { file, url } }: { picture: Picture }) {
  const [isShown, setShown] = useState(true);
  return (
    <>
      {isShown ? (
        <img src={url} alt={file.name} onError={() => setShown(false)} />
      ) : (
        <span class="invitation">This browser shows no preview of it.</span>
      )}
      <span class="caption">
        <span class="file-name">{file.name}</span> <span>{amount(file.size)}B · pick another</span>
      </span>
    </>
  );
}
