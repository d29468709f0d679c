//! OpenVidu as a front door of sessions.
