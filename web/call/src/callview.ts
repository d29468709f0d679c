/** The page during the call: header, stage, controls. */

import { Backgrounds } from './backgrounds';
import type { Call } from './call';
import { Captions } from './captions';
import { Controls } from './controls';
import { el, icon } from './dom';
import { linkTo } from './room';
import { copyButton } from './share';
import { Stage } from './stage';
import { text } from './texts';

export class CallView {
  private readonly count = el('span', {});
  private readonly alone = el('p', { class: 'alone', hidden: true }, text('alone'));
  readonly captions = new Captions();
  private readonly stage: Stage;
  private readonly controls: Controls;
  private readonly backgrounds: Backgrounds;
  readonly element: HTMLElement;

  constructor(
    private readonly call: Call,
    room: string,
    onBlocked: (video: HTMLVideoElement) => void,
  ) {
    this.stage = new Stage(onBlocked);
    this.controls = new Controls(call, true, () => this.refresh());
    this.backgrounds = new Backgrounds(call);
    this.controls.element.append(
      this.backgrounds.element,
      el(
        'button',
        {
          type: 'button',
          class: 'round leave',
          title: text('leave'),
          'aria-label': text('leave'),
          onclick: () => call.leave(),
        },
        icon('leave'),
      ),
    );
    this.element = el(
      'section',
      { class: 'call' },
      el(
        'header',
        {},
        el('img', { src: '/icon.svg', alt: 'Madang', width: '26', height: '26' }),
        el('h1', {}, room),
        el(
          'span',
          { class: 'count', title: text('participants', { n: '' }) },
          icon('people'),
          this.count,
        ),
        copyButton(() => linkTo(room)),
      ),
      this.stage.element,
      this.alone,
      this.captions.element,
      this.controls.element,
    );
    this.refresh();
  }

  refresh(): void {
    const participants = [...this.call.participants.values()];
    const people = participants.filter((p) => !p.screen).length;
    this.count.textContent = String(people);
    this.count.setAttribute('aria-label', text('participants', { n: people }));
    this.alone.hidden = people > 1;
    this.stage.show(participants);
    if (!this.call.captioning) this.captions.clear();
    this.controls.refresh();
    this.backgrounds.refresh();
  }

  close(): void {
    this.controls.close();
    this.backgrounds.close();
    this.element.remove();
  }
}
