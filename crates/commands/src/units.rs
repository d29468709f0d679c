//! Ages, times and sizes as people read them.

use jiff::{Timestamp, tz::TimeZone};

const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// How long ago that was, both in ms since 1970. A clock that is ahead of ours by a little makes it 0.
pub(crate) fn age(since: u64, now: u64) -> String {
    let ms = now.saturating_sub(since);
    match ms {
        0..MINUTE => format!("{} s", ms / SECOND),
        MINUTE..HOUR => format!("{} min", ms / MINUTE),
        HOUR..DAY => format!("{} h", ms / HOUR),
        _ => format!("{} d", ms / DAY),
    }
}

/// When, by the clock on the wall.
pub(crate) fn time(ms: u64) -> String {
    let at = i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    at.map_or_else(String::new, |at| at.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string())
}

/// How long something is.
pub(crate) fn length(seconds: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` keeps it in range")]
    let whole = seconds.round() as u64;
    let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{rest:02}") } else { format!("{minutes}:{rest:02}") }
}

/// With prefixes of a thousand, as disks have them.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    #[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
    let mut size = bytes as f64;
    let mut unit = "B";
    for next in UNITS {
        // As it would be shown: never "1000 kB".
        if size < 999.5 {
            break;
        }
        (size, unit) = (size / 1000.0, next);
    }
    if size < 9.95 { format!("{size:.1} {unit}") } else { format!("{size:.0} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_one_unit() {
        for (ms, text) in
            [(0, "0 s"), (59_999, "59 s"), (60_000, "1 min"), (HOUR - 1, "59 min"), (HOUR, "1 h"), (3 * DAY, "3 d")]
        {
            assert_eq!(age(1000, 1000 + ms), text);
        }
        assert_eq!(age(5000, 1000), "0 s", "their clock is ahead");
    }

    #[test]
    fn lengths_and_sizes_are_short() {
        for (seconds, text) in [(0.0, "0:00"), (7.4, "0:07"), (61.0, "1:01"), (3725.0, "1:02:05"), (f64::NAN, "0:00")] {
            assert_eq!(length(seconds), text);
        }
        for (size, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (9_949, "9.9 kB"),
            (9_950, "10 kB"),
            (999_499, "999 kB"),
            (999_500, "1.0 MB"),
            (12_345_678, "12 MB"),
            (5_000_000_000_000, "5.0 TB"),
        ] {
            assert_eq!(bytes(size), text);
        }
    }
}
