//! A TCP connection that carries media, or claims to, cut into pieces: the framing of ICE and of TURN.

use stun::framing::StreamDecoder;

/// One input.
pub fn run(data: &[u8]) {
    let Some((piece, stream)) = data.split_first() else {
        return;
    };
    let mut decoder = StreamDecoder::default();
    let mut length = 0;
    for piece in stream.chunks(usize::from(*piece).max(1)) {
        decoder.push(piece);
        loop {
            match decoder.next_message() {
                Ok(Some(message)) => length += message.len(),
                Ok(None) => break,
                Err(_) => return,
            }
        }
    }
    assert!(length <= stream.len());
}
