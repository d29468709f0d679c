//! Who speaks: who is clearly louder than the one before for half a second.

use std::collections::HashMap;

/// Blocks of sound, of some 20 ms, that somebody has to be louder.
const BLOCKS: u32 = 25;
/// Amplitudes below this are noise.
const NOISE: f32 = 600.0;
/// Of a block in what is remembered.
const WEIGHT: f32 = 0.1;
/// Times as loud as the present speaker.
const CLEARLY: f32 = 2.0;

/// Who speaks.
#[derive(Debug, Default)]
pub(crate) struct SpeakerDetector {
    present: Option<String>,
    /// By stream.
    levels: HashMap<String, f32>,
    rival: Option<String>,
    /// How long the rival has been louder.
    blocks: u32,
}

impl SpeakerDetector {
    /// The last one who spoke.
    pub(crate) fn present(&self) -> Option<&String> {
        self.present.as_ref()
    }

    /// How loud a stream is in the present block.
    pub(crate) fn hear(&mut self, stream: &str, amplitude: u16) {
        match self.levels.get_mut(stream) {
            Some(level) => *level += (f32::from(amplitude) - *level) * WEIGHT,
            None => drop(self.levels.insert(stream.to_owned(), f32::from(amplitude) * WEIGHT)),
        }
    }

    /// After every stream of a block was heard.
    pub(crate) fn decide(&mut self) {
        let level = |stream: &Option<String>| stream.as_ref().and_then(|stream| self.levels.get(stream)).copied();
        let least = (level(&self.present).unwrap_or(0.0) * CLEARLY).max(NOISE);
        let loudest = self.levels.iter().max_by(|a, b| a.1.total_cmp(b.1)).filter(|(_, level)| **level >= least);
        let rival = loudest.map(|(stream, _)| stream.clone()).filter(|stream| Some(stream) != self.present.as_ref());
        self.blocks = if rival.is_some() && rival == self.rival { self.blocks + 1 } else { 0 };
        self.rival = rival;
        if self.blocks >= BLOCKS {
            self.present = self.rival.take();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn speak(speaker: &mut SpeakerDetector, blocks: usize, levels: [(&str, u16); 2]) {
        for _ in 0..blocks {
            levels.iter().for_each(|(stream, level)| speaker.hear(stream, *level));
            speaker.decide();
        }
    }

    #[test]
    fn who_speaks_on_is_the_speaker() {
        let mut speaker = SpeakerDetector::default();
        speak(&mut speaker, 100, [("ann", 50), ("bob", 300)]);
        assert_eq!(speaker.present(), None, "that is noise");
        speak(&mut speaker, 100, [("ann", 9000), ("bob", 300)]);
        assert_eq!(speaker.present().unwrap(), "ann");
        speak(&mut speaker, 10, [("ann", 0), ("bob", 20_000)]);
        assert_eq!(speaker.present().unwrap(), "ann", "a cough is no speech");
        speak(&mut speaker, 100, [("ann", 50), ("bob", 9000)]);
        assert_eq!(speaker.present().unwrap(), "bob");
        speak(&mut speaker, 500, [("ann", 50), ("bob", 50)]);
        assert_eq!(speaker.present().unwrap(), "bob", "silence changes nothing");
    }
}
