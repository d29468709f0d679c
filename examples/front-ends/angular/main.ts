import {
  Component,
  Directive,
  ElementRef,
  effect,
  inject,
  input,
  provideZonelessChangeDetection,
  signal,
} from '@angular/core';
import { bootstrapApplication } from '@angular/platform-browser';
import { OpenVidu, type StreamManager } from 'openvidu-browser';
import { Call } from '../call.js';
import { token } from '../token.js';

@Directive({ selector: 'video[media]' })
class MediaDirective {
  readonly media = input.required<StreamManager>();
  readonly #video = inject<ElementRef<HTMLVideoElement>>(ElementRef).nativeElement;

  constructor() {
    effect(() => {
      this.media().addVideoElement(this.#video);
    });
  }
}

@Component({
  selector: 'app-root',
  imports: [MediaDirective],
  template: `
    @let shown = view();
    @if (shown.state === 'out') {
      <form (submit)="join($event, name.value)">
        <label>Your name <input #name required /></label>
        <button type="submit">Join</button>
      </form>
    }
    <p role="status">{{ shown.state === 'reconnecting' ? 'Reconnecting…' : shown.trouble }}</p>
    @if (shown.state === 'in' || shown.state === 'reconnecting') {
      <div>
        <button type="button" (click)="call.mute()">{{ shown.muted ? 'Unmute' : 'Mute' }}</button>
        <button type="button" (click)="call.hide()">
          {{ shown.hidden ? 'Show camera' : 'Hide camera' }}
        </button>
        <button type="button" (click)="call.share()">
          {{ shown.sharing ? 'Stop sharing' : 'Share screen' }}
        </button>
        <button type="button" (click)="call.leave()">Leave</button>
      </div>
    }
    <div class="people">
      @for (person of shown.people; track person.id) {
        <figure class="tile">
          <video [media]="person.media"></video>
          <figcaption>{{ person.name }}</figcaption>
        </figure>
      }
    </div>
  `,
})
class App {
  readonly call = new Call(OpenVidu, token);
  readonly view = signal(this.call.view);

  constructor() {
    this.call.subscribe(() => this.view.set(this.call.view));
  }

  join(event: Event, name: string) {
    event.preventDefault();
    this.call.join(name);
  }
}

bootstrapApplication(App, { providers: [provideZonelessChangeDetection()] }).catch(console.error);
