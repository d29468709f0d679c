/** The button that copies the room's link. */

import { el, icon } from './dom';
import { text } from './texts';

/** A button that copies `link()` and says so for a moment. */
export function copyButton(link: () => string): HTMLButtonElement {
  const words = el('span', { 'aria-live': 'polite' }, text('copyLink'));
  const button = el('button', { type: 'button', class: 'quiet copy' }, icon('link'), words);
  let timer = 0;
  button.addEventListener('click', async () => {
    await copy(link());
    button.replaceChildren(icon('check'), words);
    words.textContent = text('copied');
    clearTimeout(timer);
    timer = window.setTimeout(() => {
      button.replaceChildren(icon('link'), words);
      words.textContent = text('copyLink');
    }, 2500);
  });
  return button;
}

/** `navigator.clipboard` exists in secure contexts only; the old way works everywhere. */
async function copy(words: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(words);
  } catch {
    const field = el('textarea', { class: 'offscreen' });
    field.value = words;
    document.body.append(field);
    field.select();
    document.execCommand('copy');
    field.remove();
  }
}
