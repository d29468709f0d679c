/** The page at `/dashboard/`: what happens on this server, and why a call failed. */

import './style/frame.css';
import './style/forms.css';
import './style/live.css';
import './style/session.css';
import './style/pages.css';
import './app';
import { live } from './connection';
import { startLanguage } from './text';
import { startTheme } from './theme';

startLanguage();
startTheme();
live.start();
