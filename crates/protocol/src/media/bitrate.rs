//! How many bits of pictures a second go over one transport.

use serde::{Deserialize, Serialize};

/// Limits of what the pictures of one transport take, in kbit/s. Sound is never limited. The default is none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct BitrateLimits {
    /// At most.
    most: Option<u32>,
    least: u32,
}

impl BitrateLimits {
    /// Where `least` is above `most`, `most` counts. In `most`, 0 stands for no limit.
    pub fn kbps(least: u32, most: u32) -> Self {
        let most = (most > 0).then_some(most);
        Self { most, least: most.map_or(least, |most| least.min(most)) }
    }

    /// Not more than this; `None`: whatever there is.
    pub fn most(self) -> Option<u32> {
        self.most
    }

    /// While it is not known what the network carries, not less than this.
    pub fn least(self) -> u32 {
        self.least
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_upper_limit_counts_where_they_contradict_each_other() {
        let limits = |least, most| {
            let limits = BitrateLimits::kbps(least, most);
            (limits.least(), limits.most())
        };
        assert_eq!(limits(300, 1000), (300, Some(1000)));
        assert_eq!(limits(300, 100), (100, Some(100)));
        assert_eq!(limits(300, 0), (300, None));
        assert_eq!(BitrateLimits::default(), BitrateLimits::kbps(0, 0));
    }
}
