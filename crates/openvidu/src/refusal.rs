//! The one table of what clients are told when something is refused: code and text. The texts are the original's, flaws
//! included (some lack a quote): applications may compare them.

use protocol::error::ErrorCode;
use protocol::rpc::RpcError;
use session::command::{FilterAction, UnusableOptions};
use session::refusal::{MediaDirection, Offerer};
use session::{BroadcastStartFailure, RecordingStartFailure, Refusal, SignalLimits, SpeechEngineKind, SpeechRefusal};

/// The error that answers a client's request.
pub fn error(refusal: &Refusal) -> RpcError {
    let (code, text) = match refusal {
        // Made here before, with everything; a number that is none of ours cannot come back.
        Refusal::Rejected(rejection) => {
            let code = ErrorCode::from_number(rejection.code).unwrap_or(ErrorCode::Internal);
            return RpcError { code, message: rejection.text.clone() };
        }
        Refusal::Internal => (ErrorCode::Internal, "Internal server error".to_owned()),

        Refusal::TooManyRequests => {
            (ErrorCode::TransportResponse, "Too many requests are waiting to be processed".to_owned())
        }
        Refusal::NotJoined { client } => (
            ErrorCode::Transport,
            format!(
                "No connection found for participant with privateId {}. Method 'Session.connect()' must be the first operation called in any session",
                client.as_str()
            ),
        ),
        Refusal::AlreadyJoined => {
            (ErrorCode::TransportResponse, "Unable to join session. This client has joined one already".to_owned())
        }
        Refusal::NoLongerJoined { connection, session } => {
            (ErrorCode::UserNotFound, format!("User '{connection}' not found in session '{session}'"))
        }
        Refusal::RemovedMeanwhile { connection, session } => (
            ErrorCode::UserNotFound,
            format!("User '{connection}' was removed from session '{session}' before its request was done"),
        ),
        Refusal::UnknownClient => (ErrorCode::ReconnectionError, "reconnection error".to_owned()),
        Refusal::UnknownSession { session } => {
            (ErrorCode::RoomNotFound, format!("Unable to join session. Session {session} cannot be found"))
        }
        Refusal::InvalidToken { session, token } => {
            (ErrorCode::UserUnauthorized, format!("Unable to join session {session}. Token {token} is not valid"))
        }

        Refusal::MayNotPublish => {
            (ErrorCode::UserUnauthorized, "Unable to publish video. The user does not have a valid token".to_owned())
        }
        Refusal::NoTokenToPublish => {
            (ErrorCode::Internal, "A connection that was made with the secret cannot publish".to_owned())
        }
        Refusal::AlreadyPublishing { connection, session } => {
            (ErrorCode::UserAlreadyStreaming, format!("User {connection} is already publishing in session {session}"))
        }
        Refusal::PublishedFilterUnreadable { why } => {
            (ErrorCode::FilterNotApplied, format!("'filter' parameter wrong:{why}"))
        }
        Refusal::MayNotPublishFiltered { connection, kind } => (
            ErrorCode::FilterNotApplied,
            format!(
                "Error applying filter for publishing user {connection}. The token has no permissions to apply filter {kind}"
            ),
        ),
        Refusal::PublishedFilterUnavailable { connection, why } => (
            ErrorCode::FilterNotApplied,
            format!(
                "Error applying filter for publishing user {connection}. Filters of the server are not available: {why}"
            ),
        ),
        Refusal::OfferUnusable { connection } => {
            (ErrorCode::MediaSdp, format!("Error generating SDP response for publishing user {connection}"))
        }
        Refusal::CodecMissing { codec, connection, direction, session, sdp } => {
            let (codec, doing) = (codec.as_str(), doing(*direction));
            let text = format!(
                "Error forcing codec: '{codec}', for PARTICIPANT: '{connection}' {doing} in SESSION: '{session}'. The codec is not in the SDP:\n{sdp}"
            );
            (ErrorCode::ForcedCodecNotFound, text)
        }
        Refusal::NotPublishing { connection } => {
            (ErrorCode::UserNotStreaming, format!("Participant '{connection}' is not streaming media"))
        }
        Refusal::NoStreamToChange { connection } => {
            (ErrorCode::Internal, format!("Connection '{connection}' publishes no stream whose property could change"))
        }
        Refusal::UnknownStream { stream, session } => {
            (ErrorCode::UserNotStreaming, format!("Stream '{stream}' does not exist in Session '{session}'"))
        }

        Refusal::NotAStream { stream } => {
            (ErrorCode::Internal, format!("Parameter 'sender' must be a stream id, not '{stream}'"))
        }
        Refusal::PublisherNotThere { publisher, session } => {
            (ErrorCode::UserNotFound, format!("User '{publisher} not found in session '{session}'"))
        }
        Refusal::NotStreaming { publisher, session } => {
            (ErrorCode::UserNotStreaming, format!("User '{publisher} not streaming media in session '{session}'"))
        }
        Refusal::OwnStream => (ErrorCode::UserNotStreaming, "Can loopback only when publishing media".to_owned()),
        Refusal::SubscriptionFailed { connection, publisher, offerer } => {
            let what = match offerer {
                Offerer::Server => "offer",
                Offerer::Client => "answer",
            };
            let text = format!("Unable to generate SDP {what} for '{connection}' to subscribe to '{publisher}'");
            (ErrorCode::MediaSdp, text)
        }
        Refusal::NothingOffered => {
            (ErrorCode::MediaSdp, "Unable to process SDP answer: there is no offer to answer".to_owned())
        }
        Refusal::AnswerUnusable { connection } => {
            (ErrorCode::MediaSdp, format!("Unable to process SDP answer of subscriber '{connection}'"))
        }
        Refusal::NothingToRestart => {
            (ErrorCode::MediaSdp, "There is no peer connection on which ICE could begin anew".to_owned())
        }
        Refusal::StreamEnded => (ErrorCode::UserNotStreaming, "The stream ended before it was subscribed".to_owned()),
        Refusal::UnknownPublisher { publisher, session } => {
            (ErrorCode::UserNotFound, format!("User {publisher} not found in session {session}"))
        }
        Refusal::NothingToRenewWith => (
            ErrorCode::Internal,
            "Parameter 'sdpString' or 'sdpOffer' of method 'reconnectStream' is missing".to_owned(),
        ),

        Refusal::MayNotDisconnect => {
            (ErrorCode::UserUnauthorized, "Unable to force disconnect. The user does not have a valid token".to_owned())
        }
        Refusal::UnknownConnection => {
            (ErrorCode::UserNotFound, "Connection not found when calling 'forceDisconnect'".to_owned())
        }
        Refusal::MayNotUnpublish => {
            (ErrorCode::UserUnauthorized, "Unable to force unpublish. The user does not have a valid token".to_owned())
        }
        Refusal::StreamOfCamera => {
            let text = "The stream of an IP camera cannot be unpublished: close its connection";
            (ErrorCode::UserGeneric, text.to_owned())
        }
        Refusal::MayNotFilter { action } => {
            let text = format!("Unable to {}. The user does not have a valid token", filtering(*action));
            (ErrorCode::UserUnauthorized, text)
        }
        Refusal::UnknownFilteredStream { action: FilterAction::AddListener, stream, session } => {
            (ErrorCode::UserNotFound, format!("Not user found for streamId '{stream}' in session '{session}'"))
        }
        Refusal::UnknownFilteredStream { stream, session, .. } => {
            (ErrorCode::UserNotFound, format!("Owner of stream '{stream}' not found in session '{session}'"))
        }
        Refusal::FilterOptions(UnusableOptions::Missing) => {
            (ErrorCode::Internal, "Parameter 'options' of method 'applyFilter' is missing".to_owned())
        }
        Refusal::FilterOptions(UnusableOptions::NoObject) => {
            (ErrorCode::Internal, "Parameter 'options' of method 'applyFilter' must be a JSON object".to_owned())
        }
        Refusal::FilterOptions(UnusableOptions::Unreadable(why)) => {
            (ErrorCode::FilterNotApplied, format!("'options' parameter is not a JSON object: {why}"))
        }
        Refusal::FilterUnavailable { stream, why } => (
            ErrorCode::FilterNotApplied,
            format!("Filters of the server are not available: nothing was applied to stream '{stream}'. {why}"),
        ),
        Refusal::FilterFailed { why } => (ErrorCode::Internal, why.clone()),
        Refusal::AlreadyFiltered { connection, session } => (
            ErrorCode::FilterAlreadyApplied,
            format!("User '{connection} already has a filter applied in session '{session}'"),
        ),
        Refusal::NoFilter { connection, session } => {
            (ErrorCode::FilterNotApplied, format!("User '{connection} has no filter applied in session '{session}'"))
        }
        Refusal::UnknownFilterEvent { stream, kind, event } => (
            ErrorCode::FilterListenerNotFound,
            format!(
                "Request to addFilterEventListener to stream {stream} gone wrong: Filter {kind} has no event '{event}'"
            ),
        ),
        Refusal::NoFilterListener { stream, kind } => (
            ErrorCode::FilterListenerNotFound,
            format!(
                "Request to removeFilterEventListener to stream {stream} gone wrong: Filter {kind} has no listener added"
            ),
        ),

        Refusal::AddresseeMissing => {
            (ErrorCode::SignalToInvalid, "Signal \"to\" field invalid format: null".to_owned())
        }
        Refusal::UnknownAddressee => (
            ErrorCode::SignalToInvalid,
            "Signal \"to\" field invalid format: some connectionId does not exist in this session".to_owned(),
        ),

        Refusal::SignalTooLong { bytes, longest } => (
            ErrorCode::SignalFormatInvalid,
            format!("Signal is too long: type, data and addressees have {bytes} bytes, and may have {longest}"),
        ),
        Refusal::TooManySignals { limits: SignalLimits { signals, bytes, .. } } => (
            ErrorCode::TransportResponse,
            format!(
                "Too many signals: a connection may send {} per second ({} at once) with {} bytes per second ({} at once)",
                signals.per_second, signals.burst, bytes.per_second, bytes.burst
            ),
        ),

        Refusal::Speech(refusal) => {
            let code =
                if *refusal == SpeechRefusal::Off { ErrorCode::SpeechToTextOff } else { ErrorCode::SpeechToText };
            (code, speech(refusal))
        }

        // Of applications, which get a status of HTTP for it. No client asks for what is refused so.
        Refusal::NotFound(_)
        | Refusal::SessionExists
        | Refusal::Signal(_)
        | Refusal::StartRecording(_)
        | Refusal::StopRecording(_)
        | Refusal::GuestPlace(_)
        | Refusal::RecordingFailed(_)
        | Refusal::Broadcast(_)
        | Refusal::BroadcastFailed(_) => (ErrorCode::Internal, "Internal server error".to_owned()),
    };
    RpcError::new(code, text)
}

/// What REST says of a recording that was begun and does not run.
pub fn recording_start_failure(failure: &RecordingStartFailure) -> String {
    match failure {
        RecordingStartFailure::DiskTooSlow => "the disk takes too long".to_owned(),
        RecordingStartFailure::NoMedia => "no media arrived in time".to_owned(),
        RecordingStartFailure::SessionEnded => "the session ended before the recording ran".to_owned(),
        RecordingStartFailure::EndedAtOnce => "it ended at once".to_owned(),
        RecordingStartFailure::Overloaded => "too many streams are being recorded".to_owned(),
        RecordingStartFailure::Stream(why) => why.clone(),
        RecordingStartFailure::Recorder(failure) => failure.to_string(),
    }
}

/// What REST says of a broadcast that was begun and does not run: of its target as ffmpeg says it, which is what applications
/// look for.
pub fn broadcast_start_failure(failure: &BroadcastStartFailure) -> String {
    match failure {
        BroadcastStartFailure::Unavailable(why) | BroadcastStartFailure::Overloaded(why) => why.clone(),
        BroadcastStartFailure::Page(why) => why.clone(),
        BroadcastStartFailure::TooSlow => "nothing came to the target in time".to_owned(),
        BroadcastStartFailure::SessionEnded => "the session ended before the broadcast ran".to_owned(),
        BroadcastStartFailure::Target { url, why } if why == "Protocol not found" => format!("{url}: {why}"),
        BroadcastStartFailure::Target { url, why } => {
            format!("Cannot open connection {}\n{url}: {why}", transport(url))
        }
    }
}

/// Protocol, host and port below the target's own protocol: nothing of a key.
fn transport(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let (below, port) = match scheme.to_ascii_lowercase().as_str() {
        "rtmp" => ("tcp", ":1935"),
        "rtmps" => ("tls", ":443"),
        _ => (scheme, ""),
    };
    // After the bracket of an IPv6 address.
    let has_port = host.rsplit(']').next().is_some_and(|end| end.contains(':'));
    format!("{below}://{host}{}", if has_port { "" } else { port })
}

/// Applications know some of these by heart, such as the one that says to try again.
fn speech(refusal: &SpeechRefusal) -> String {
    match refusal {
        SpeechRefusal::Off => "Speech To Text service is not enabled".to_owned(),
        SpeechRefusal::UnknownSpeaker { connection, session } => {
            format!("Connection {connection} not found in session {session}")
        }
        SpeechRefusal::AlreadySubscribed { connection, language } => {
            format!("Already subscribed to Speech To Text events for Connection {connection} in language {language}")
        }
        SpeechRefusal::NoSubscriptions { session } => format!("Session {session} has no speech to text subscriptions"),
        SpeechRefusal::NotSubscribed { connection } => {
            format!("There is no active Speech To Text subscriptions for Connection {connection}")
        }
        SpeechRefusal::UnknownLanguage { language, engine } => {
            let service = match engine {
                SpeechEngineKind::Vosk => "Vosk Speech to Text",
                SpeechEngineKind::Transcribe => "AWS Transcribe",
                SpeechEngineKind::Azure => "Azure Speech to Text",
            };
            format!("{service} does not support language \"{language}\"")
        }
        SpeechRefusal::NotLoaded { language } => format!(
            "Vosk model for language \"{language}\" is not loaded and OPENVIDU_PRO_SPEECH_TO_TEXT_VOSK_MODEL_LOAD_STRATEGY is \"manual\""
        ),
        SpeechRefusal::Unavailable => "io.grpc.StatusRuntimeException: UNAVAILABLE: io exception".to_owned(),
        SpeechRefusal::Overloaded { why } => format!("io.grpc.StatusRuntimeException: RESOURCE_EXHAUSTED: {why}"),
        // Of applications.
        SpeechRefusal::AlreadyLoaded => "The model is already loaded".to_owned(),
        SpeechRefusal::InUse => "The model is in use".to_owned(),
    }
}

fn doing(direction: MediaDirection) -> &'static str {
    match direction {
        MediaDirection::Publishing => "publishing",
        MediaDirection::Subscribing => "subscribing",
    }
}

fn filtering(action: FilterAction) -> &'static str {
    match action {
        FilterAction::Apply => "apply filter",
        FilterAction::Remove => "remove filter",
        FilterAction::Execute => "execute filter method",
        FilterAction::AddListener => "add filter event listener",
        FilterAction::RemoveListener => "remove filter event listener",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broadcast_fails_in_the_words_of_ffmpeg() {
        for (url, why, told) in [
            (
                "rtmps://127.0.0.1/live",
                "Connection refused",
                "Cannot open connection tls://127.0.0.1:443\nrtmps://127.0.0.1/live: Connection refused",
            ),
            (
                "rtmp://not.exists",
                "Input/output error (no such name)",
                "Cannot open connection tcp://not.exists:1935\nrtmp://not.exists: Input/output error (no such name)",
            ),
            (
                "rtmp://u:p@[::1]:19/a/b?c@d:5",
                "x",
                "Cannot open connection tcp://[::1]:19\nrtmp://u:p@[::1]:19/a/b?c@d:5: x",
            ),
            ("schemefail://127.0.0.1/live", "Protocol not found", "schemefail://127.0.0.1/live: Protocol not found"),
        ] {
            let failure = BroadcastStartFailure::Target { url: url.to_owned(), why: why.to_owned() };
            assert_eq!(broadcast_start_failure(&failure), told);
        }
    }
}
