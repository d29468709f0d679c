//! Who gets which step of what there is, were there no yesterday.

use super::Class;
use super::consumer::Consumer;

/// One that wants pictures. Entries stand in the order of class, priority and age.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// Among the consumers.
    pub(super) index: usize,
    pub(super) class: Class,
    pub(super) priority: u8,
    /// The step with all that there is, and the one that leaves headroom.
    pub(super) full: usize,
    pub(super) reserved: usize,
}

/// Sets `step` of each entry. What does not fit for one is left for the next.
pub(super) fn divide(
    entries: &mut [Entry],
    budget: f64,
    consumers: &[(u32, Option<Consumer>)],
    step: impl Fn(&mut Entry) -> &mut usize,
) {
    let mut left = budget;
    let mut raise = |entry: &mut Entry| {
        let Some(consumer) = &consumers[entry.index].1 else { return false };
        let step = step(entry);
        if *step >= consumer.steps() {
            return false;
        }
        let more = consumer.rate(*step + 1).saturating_sub(consumer.rate(*step)).as_f64();
        let fits = more <= left;
        if fits {
            left -= more;
            *step += 1;
        }
        fits
    };
    for class in entries.chunk_by_mut(|one, other| one.class == other.class) {
        for entry in class.iter_mut() {
            raise(entry);
        }
        for equals in class.chunk_by_mut(|one, other| one.priority == other.priority) {
            // Who cannot rise now cannot rise later, since nothing is given back; so this ends.
            while equals.iter_mut().map(&mut raise).filter(|risen| *risen).count() > 0 {}
        }
    }
}
