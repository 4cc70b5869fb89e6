/** Takes a picture in: picked, dropped anywhere onto the page, or pasted; also before there is a gateway to ask. */

import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { Refusal } from './refusal.js';

export interface Picture {
  readonly name: string;
  readonly bytes: Blob;
  /** Of the page's own copy. */
  readonly url: string;
}

export interface PictureNow {
  readonly picture: Picture | undefined;
  /** Something is held over the page. */
  readonly isOver: boolean;
  /** What is to be said of the last one that was given. */
  readonly notice: string;
  /** One that is still on its way is left where another one is given meanwhile. */
  readonly take: (file: File | Promise<File>, notice?: string) => void;
}

/** Larger files are read while they are sent: a gateway refuses them by their length. */
const MOST_HELD_BYTES = 64 * 2 ** 20;

export function usePicture(): PictureNow {
  const [picture, setPicture] = useState<Picture>();
  const [notice, setNotice] = useState('');
  const given = useRef(0);

  const take = useCallback(async (coming: File | Promise<File>, saying = '') => {
    given.current += 1;
    const mine = given.current;
    setNotice(saying);
    try {
      const file = await coming;
      const bytes = await heldOf(file);
      if (mine === given.current) setPicture({ name: file.name, bytes, url: URL.createObjectURL(bytes) });
    } catch (error) {
      if (mine !== given.current) return;
      setNotice(
        error instanceof Refusal ? error.sentence : 'This file cannot be read: it is a folder, or has changed.',
      );
    }
  }, []);
  useEffect(() => () => URL.revokeObjectURL(picture?.url ?? ''), [picture]);

  const isOver = useWindow(take, setNotice);
  return { picture, isOver, notice, take };
}

/** Drops and pastes on the whole page: without this, the browser would open a file in the place of the page. */
function useWindow(take: PictureNow['take'], say: (notice: string) => void): boolean {
  const [isOver, setOver] = useState(false);
  useEffect(() => {
    const takeOf = (files: FileList | undefined, nothing: string) => {
      const file = files?.[0];
      if (file === undefined) say(nothing);
      else take(file, files!.length === 1 ? '' : `Only the first of ${files!.length} was taken.`);
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
      takeOf(event.dataTransfer?.files, 'That was no file: save the picture first, or copy and paste it.');
    };
    const onPaste = (event: ClipboardEvent) => {
      // Whoever pastes a key or a word into a field means the field.
      if (event.target instanceof HTMLInputElement && event.target.type !== 'file') return;
      takeOf(event.clipboardData?.files, 'There is no picture to paste.');
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
  }, [take, say]);
  return isOver;
}

/** Read once: what is on disk may be another file, or none, when the next policy is asked. */
async function heldOf(file: File): Promise<Blob> {
  if (file.size > MOST_HELD_BYTES) return file;
  return new Blob([await file.arrayBuffer()], { type: file.type });
}
