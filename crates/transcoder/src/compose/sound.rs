//! Decoded sound on the composition's timeline, and the sum of it.
//!
//! Packets say in whole milliseconds when they were captured, and publishers' clocks drift: pieces are stretched by at
//! most a hundredth, unheard, so that they follow one another without a click and stay with the pictures. Only where
//! something is missing is there silence.

use std::collections::VecDeque;

/// Samples a second.
pub(crate) const RATE: i64 = 48_000;
/// Of a piece that ends where the next one begins, or nearly; 15 ms. Else there is a hole.
const SEAM: i64 = RATE * 15 / 1000;
/// Of a piece's samples, that it is stretched or shortened by at most.
const STRETCH: i64 = 100;

/// Left and right.
pub(crate) type StereoSample = [i16; 2];

/// The sound of one stream that has not been mixed yet. Positions count samples from the composition's beginning.
#[derive(Debug, Default)]
pub(crate) struct SoundQueue {
    samples: VecDeque<StereoSample>,
    /// Of the first of them.
    begin: i64,
}

impl SoundQueue {
    /// A piece captured at `at`. Pieces come in order; what lies before the last [`SoundQueue::mix_into`] is lost.
    pub(crate) fn push(&mut self, at: i64, piece: &[StereoSample]) {
        let end = self.begin + self.samples.len() as i64;
        let hole = at - end;
        let length = piece.len() as i64;
        match hole {
            0.. if self.samples.is_empty() => {
                self.begin = at;
                self.samples.extend(piece);
            }
            _ if hole.abs() <= SEAM && !self.samples.is_empty() => {
                let by = hole.clamp(-length / STRETCH, length / STRETCH);
                self.samples.extend(stretched(piece, (length + by) as usize));
            }
            0.. => {
                self.samples.extend(std::iter::repeat_n([0, 0], hole as usize));
                self.samples.extend(piece);
            }
            _ => self.samples.extend(piece.iter().skip(usize::try_from(-hole).unwrap_or(usize::MAX))),
        }
    }

    /// Adds what it has from `from` on, as much as `sum` takes. Tells how loud that was: its greatest amplitude.
    pub(crate) fn mix_into(&mut self, from: i64, sum: &mut [[i32; 2]]) -> u16 {
        let late = usize::try_from(from - self.begin).unwrap_or(0).min(self.samples.len());
        self.samples.drain(..late);
        self.begin = if self.samples.is_empty() { from.max(self.begin) } else { self.begin + late as i64 };
        let first = usize::try_from(self.begin - from).unwrap_or(0);
        let count = sum.len().saturating_sub(first).min(self.samples.len());
        let mut peak = 0;
        for (sum, [left, right]) in sum.iter_mut().skip(first).zip(self.samples.drain(..count)) {
            sum[0] += i32::from(left);
            sum[1] += i32::from(right);
            peak = peak.max(left.unsigned_abs()).max(right.unsigned_abs());
        }
        self.begin = (self.begin + count as i64).max(from + sum.len() as i64);
        peak
    }
}

/// What is played of a sum.
pub(crate) fn limited(sum: &[[i32; 2]]) -> impl Iterator<Item = StereoSample> {
    sum.iter().map(|sample| sample.map(|value| value.clamp(i16::MIN.into(), i16::MAX.into()) as i16))
}

/// The same in `length` samples.
fn stretched(piece: &[StereoSample], length: usize) -> impl Iterator<Item = StereoSample> {
    let step = piece.len() as f64 / length.max(1) as f64;
    (0..length).map(move |n| {
        let at = n as f64 * step;
        let (index, part) = (at as usize, at.fract());
        let [a, b] = [index, index + 1].map(|index| piece[index.min(piece.len() - 1)]);
        [0, 1].map(|side| (f64::from(a[side]) * (1.0 - part) + f64::from(b[side]) * part) as i16)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mixed(line: &mut SoundQueue, from: i64, count: usize) -> Vec<i32> {
        let mut sum = vec![[0, 0]; count];
        line.mix_into(from, &mut sum);
        sum.into_iter().map(|[left, _]| left).collect()
    }

    #[test]
    fn sound_is_where_it_was_captured() {
        let mut line = SoundQueue::default();
        line.push(100, &[[7, 7]; 960]);
        line.push(100 + 960, &[[8, 8]; 960]);
        line.push(9000, &[[9, 9]; 960]);
        let sum = mixed(&mut line, 0, 5000);
        assert_eq!([sum[99], sum[100], sum[1059], sum[1060], sum[2019], sum[2020]], [0, 7, 7, 8, 8, 0]);
        let sum = mixed(&mut line, 5000, 6000);
        assert_eq!([sum[3999], sum[4000], sum[4959], sum[4960]], [0, 9, 9, 0]);
    }

    #[test]
    fn a_drifting_clock_neither_clicks_nor_gets_away() {
        for drift in [-5i64, 5] {
            let mut line = SoundQueue::default();
            let step = 960 + drift;
            for n in 0..2000 {
                // Told in whole milliseconds.
                let at = n * step / 48 * 48;
                line.push(at, &[[100, 100]; 960]);
                let end = line.begin + line.samples.len() as i64;
                assert!((end - at - 960).abs() <= 100, "{} after {n}", end - at - 960);
                if n >= 2 {
                    let sum = mixed(&mut line, (n - 2) * step, step as usize);
                    assert!(sum.iter().all(|value| *value == 100), "a hole at {n}");
                }
            }
        }
    }

    #[test]
    fn what_comes_too_late_is_left_out() {
        let mut line = SoundQueue::default();
        assert_eq!(mixed(&mut line, 0, 1000), vec![0; 1000]);
        line.push(-2000, &[[5, 5]; 960]);
        line.push(500, &[[6, 6]; 960]);
        let sum = mixed(&mut line, 1000, 1000);
        assert_eq!([sum[0], sum[459], sum[460]], [6, 6, 0]);
    }

    #[test]
    fn loud_voices_together_stay_in_range() {
        let limited: Vec<StereoSample> = limited(&[[50_000, -50_000], [3, 4]]).collect();
        assert_eq!(limited, [[i16::MAX, i16::MIN], [3, 4]]);
    }
}
