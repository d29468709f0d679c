import {
  Component,
  CUSTOM_ELEMENTS_SCHEMA,
  provideZonelessChangeDetection,
  signal,
} from '@angular/core';
import { bootstrapApplication } from '@angular/platform-browser';
import '@madang/call';

// Tests run it with another server, and as somebody.
const query = new URLSearchParams(location.search);

@Component({
  selector: 'app-root',
  schemas: [CUSTOM_ELEMENTS_SCHEMA],
  styles: ':host { display: block; height: 100% }',
  template: `
    @if (left()) {
      <p>Goodbye.</p>
    } @else {
      <madang-call
        room="garden"
        [server]="server"
        [participantName]="name"
        (onToolbarLeaveButtonClicked)="left.set(true)"
      ></madang-call>
    }
  `,
})
class App {
  readonly server = query.get('server') ?? 'http://localhost:4443';
  readonly name = query.get('name') ?? '';
  readonly left = signal(false);
}

bootstrapApplication(App, { providers: [provideZonelessChangeDetection()] }).catch(console.error);
