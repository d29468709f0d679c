/**
 * Debian's Chromium (playwright-core) and Firefox ESR (puppeteer-core, WebDriver BiDi), each
 * started once per test file and shared by its participants: two cores are all there is.
 */

import { chromium } from 'playwright-core';
import puppeteer from 'puppeteer-core';

const chromiumPath = process.env.CHROMIUM ?? '/usr/bin/chromium';
const firefoxPath = process.env.FIREFOX ?? '/usr/bin/firefox-esr';

const chromiumFlags = [
  '--no-sandbox',
  '--disable-quic',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream',
  '--auto-select-desktop-capture-source=Entire screen',
  '--autoplay-policy=no-user-gesture-required',
  // Without it no candidate pair forms on 127.0.0.1.
  '--allow-loopback-in-peer-connection',
  '--disable-background-timer-throttling',
  '--disable-renderer-backgrounding',
  '--disable-backgrounding-occluded-windows',
];

// A page of another origin, as the test site is, may open a socket to a private address.
const otherOrigin =
  '--disable-features=WebRtcHideLocalIpsWithMdns,LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets,LocalNetworkAccessChecksWebRTC';

const firefoxPrefs = {
  'media.navigator.streams.fake': true,
  'media.navigator.permission.disabled': true,
  'media.peerconnection.ice.loopback': true,
  'media.peerconnection.ice.obfuscate_host_addresses': false,
  'media.autoplay.default': 0,
  // No calls to services that a test machine cannot reach.
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'app.normandy.enabled': false,
  'browser.safebrowsing.downloads.remote.enabled': false,
  'datareporting.policy.dataSubmissionEnabled': false,
  'extensions.update.enabled': false,
};

export class Browsers {
  #chromium;
  #firefox;
  #flags;
  #executable;
  #firefoxExecutable;
  #debuggingPort;
  #trust;

  /**
   * `ownOrigin`: the pages come from the server itself and must do without Chromium's leniency.
   * `camera`: a file (`.y4m`, `.mjpeg`) that Chromium's camera shows instead of its pattern.
   * `wrap`: what is started instead of a program; `debuggingPort`: gets Firefox one that leads to the same one where it runs. `trust`: an authority's; without one, certificates do not matter.
   * `cameras`: how many there are, with as many microphones, instead of one.
   * `microphone`: a WAV file that Chromium's microphones play, again and again.
   */
  constructor({
    ownOrigin = false,
    camera,
    wrap = (program) => program,
    debuggingPort = async () => undefined,
    trust,
    microphone,
    cameras,
  } = {}) {
    this.#debuggingPort = debuggingPort;
    this.#executable = wrap(chromiumPath);
    this.#firefoxExecutable = wrap(firefoxPath);
    this.#trust = trust;
    this.#flags = [...chromiumFlags];
    if (!ownOrigin) this.#flags.push(otherOrigin);
    if (camera) this.#flags.push(`--use-file-for-fake-video-capture=${camera}`);
    if (!trust) this.#flags.push('--ignore-certificate-errors');
    if (cameras) this.#flags.push(`--use-fake-device-for-media-stream=device-count=${cameras}`);
    if (microphone) this.#flags.push(`--use-file-for-fake-audio-capture=${microphone}`);
  }

  /** A fresh page: `browser` is `chromium` or `firefox`, `options` go to Chromium's context. */
  async page(browser = 'chromium', options = {}) {
    if (browser === 'firefox') {
      this.#firefox ??= this.#launchFirefox();
      return (await this.#firefox).newPage();
    }
    const context = await (await this.chromium()).newContext({
      ignoreHTTPSErrors: !this.#trust,
      permissions: ['camera', 'microphone'],
      ...options,
    });
    const page = await context.newPage();
    page.setDefaultTimeout(45_000);
    page.on('close', () => context.close().catch(() => {}));
    return page;
  }

  chromium() {
    this.#chromium ??= chromium.launch({
      executablePath: this.#executable,
      args: this.#flags,
      env: this.#trust ? { ...process.env, HOME: this.#trust.home } : process.env,
    });
    return this.#chromium;
  }

  async #launchFirefox() {
    return puppeteer.launch({
      browser: 'firefox',
      executablePath: this.#firefoxExecutable,
      headless: true,
      extraPrefsFirefox: firefoxPrefs,
      userDataDir: this.#trust?.profile,
      debuggingPort: await this.#debuggingPort(),
      protocolTimeout: 120_000,
    });
  }

  async stop() {
    // One that could not be started has been told of already.
    for (const browser of [this.#chromium, this.#firefox]) {
      await (await browser?.catch(() => undefined))?.close();
    }
  }
}
