import { Component, NgModule } from '@angular/core';
import { BrowserModule } from '@angular/platform-browser';
import { BrowserAnimationsModule } from '@angular/platform-browser/animations';
import { platformBrowserDynamic } from '@angular/platform-browser-dynamic';
import { OpenViduAngularModule } from 'openvidu-angular';

(globalThis as { global?: unknown }).global = globalThis;

const query = new URLSearchParams(location.search);

@Component({
  selector: 'app-root',
  template: `<ov-videoconference
    [tokens]="tokens"
    [participantName]="name"
    [prejoin]="false"
  ></ov-videoconference>`,
})
class App {
  readonly tokens = { webcam: query.get('webcam') ?? '', screen: query.get('screen') ?? '' };
  readonly name = query.get('name') ?? '';
}

@NgModule({
  declarations: [App],
  imports: [
    BrowserModule,
    BrowserAnimationsModule,
    OpenViduAngularModule.forRoot({ production: true }),
  ],
  bootstrap: [App],
})
class Original {}

platformBrowserDynamic().bootstrapModule(Original).catch(console.error);
