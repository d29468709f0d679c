/** A question before something is done, with what it needs to know, and the server's answer in its place. */

import { html, nothing, render, type TemplateResult } from 'lit';
import { icon } from './icon';
import { notices } from './notices';
import { text } from './text';

export interface Question {
  title: string;
  /** What will happen. */
  explanation: string;
  /** Inputs with names. */
  fields?: TemplateResult;
  confirm: string;
  danger?: boolean;
  /** Does it. Gives what to say then; an error's words are shown, and the dialog stays. */
  run: (answers: FormData) => Promise<string>;
}

export function ask(question: Question): void {
  const dialog = document.createElement('dialog');
  dialog.className = 'ask';
  dialog.setAttribute('aria-labelledby', 'ask-title');
  let running = false;
  let error: string | null = null;
  const close = () => dialog.close();

  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (running) return;
    const answers = new FormData(event.target as HTMLFormElement);
    running = true;
    error = null;
    draw();
    try {
      notices.say(await question.run(answers));
      close();
    } catch (failure) {
      running = false;
      error = (failure as Error).message;
      draw();
    }
  };

  const draw = () =>
    render(
      html`<form @submit=${submit}>
        <header>
          <h2 id="ask-title">${question.title}</h2>
          <button type="button" class="bare" aria-label=${text('close')} @click=${close}>
            ${icon('close')}
          </button>
        </header>
        <p>${question.explanation}</p>
        ${question.fields ?? nothing}
        <div role="alert">
          ${error === null ? nothing : html`<p class="trouble" data-error>${icon('bad')}<span>${error}</span></p>`}
        </div>
        <footer>
          <button type="button" data-action="cancel" @click=${close}>${text('cancel')}</button>
          <button
            class=${question.danger ? 'danger' : 'primary'}
            data-action="confirm"
            ?disabled=${running}
          >
            ${running ? text('running') : question.confirm}
          </button>
        </footer>
      </form>`,
      dialog,
    );

  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  draw();
  dialog.showModal();
  // A question is not answered by a second Enter; one with inputs begins at the first.
  const first = dialog.querySelector<HTMLElement>('input, select, textarea');
  (first ?? dialog.querySelector<HTMLElement>('[data-action=cancel]'))?.focus();
}

/** An input with its words. */
export const field = (words: string, input: TemplateResult, hint = ''): TemplateResult =>
  html`<label class="field"><span>${words}</span>${input}${hint ? html`<small>${hint}</small>` : nothing}</label>`;

export const check = (name: string, words: string, checked: boolean): TemplateResult =>
  html`<label class="check"><input type="checkbox" name=${name} ?checked=${checked} />${words}</label>`;

export const select = (name: string, options: [string, string][]): TemplateResult =>
  html`<select name=${name}>
    ${options.map(([value, words]) => html`<option value=${value}>${words}</option>`)}
  </select>`;

export const said = (answers: FormData, name: string): string =>
  String(answers.get(name) ?? '').trim();
