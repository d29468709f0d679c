//! Prometheus' text format, version 0.0.4: families, each with its help and its type, and their samples. It knows no metric.

use std::fmt::{Display, Write as _};

/// As HTTP names the format.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What is written so far.
#[derive(Debug, Default)]
pub(crate) struct Exposition(String);

/// Names and values of labels. Values are never chosen by clients: each makes a series of its own.
pub(crate) type Labels<'a> = &'a [(&'static str, &'a str)];

impl Exposition {
    /// A family whose samples only grow.
    pub(crate) fn counter(&mut self, name: &'static str, help: &str) -> Family<'_> {
        self.family(name, help, "counter")
    }

    /// A family whose samples come and go.
    pub(crate) fn gauge(&mut self, name: &'static str, help: &str) -> Family<'_> {
        self.family(name, help, "gauge")
    }

    /// A family of distributions.
    pub(crate) fn histogram(&mut self, name: &'static str, help: &str) -> Family<'_> {
        self.family(name, help, "histogram")
    }

    fn family(&mut self, name: &'static str, help: &str, kind: &str) -> Family<'_> {
        // Into a text nothing fails.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
        Family { name, text: &mut self.0 }
    }

    pub(crate) fn finish(self) -> String {
        self.0
    }
}

/// Takes the samples of one family.
#[derive(Debug)]
pub(crate) struct Family<'a> {
    name: &'static str,
    text: &'a mut String,
}

impl Family<'_> {
    /// Without labels.
    pub(crate) fn value(&mut self, value: impl Display) {
        self.sample(&[], value);
    }

    pub(crate) fn sample(&mut self, labels: Labels<'_>, value: impl Display) -> &mut Self {
        self.line("", labels, None, value);
        self
    }

    /// `counts`: of values up to each bound, and last of those beyond.
    pub(crate) fn distribution(&mut self, labels: Labels<'_>, bounds: &[f64], counts: &[u64], sum: f64) -> &mut Self {
        let mut total = 0;
        for (index, count) in counts.iter().enumerate() {
            total += count;
            let bound = bounds.get(index).map_or_else(|| "+Inf".to_owned(), f64::to_string);
            self.line("_bucket", labels, Some(&bound), total);
        }
        self.line("_sum", labels, None, sum);
        self.line("_count", labels, None, total);
        self
    }

    fn line(&mut self, suffix: &str, labels: Labels<'_>, bound: Option<&str>, value: impl Display) {
        self.text.push_str(self.name);
        self.text.push_str(suffix);
        let labels = labels.iter().copied().chain(bound.map(|bound| ("le", bound)));
        let mut opens = '{';
        for (name, value) in labels {
            self.text.push(opens);
            opens = ',';
            let _ = write!(self.text, "{name}=\"");
            for character in value.chars() {
                match character {
                    '\\' => self.text.push_str("\\\\"),
                    '"' => self.text.push_str("\\\""),
                    '\n' => self.text.push_str("\\n"),
                    other => self.text.push(other),
                }
            }
            self.text.push('"');
        }
        if opens == ',' {
            self.text.push('}');
        }
        let _ = writeln!(self.text, " {value}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_follow_their_family_and_labels_are_escaped() {
        let mut exposition = Exposition::default();
        exposition.counter("a_total", "How many.").sample(&[("b", "x\"\\\ny"), ("c", "")], 3);
        exposition.gauge("d", "How much.").value(0.25);
        let expected = "# HELP a_total How many.\n# TYPE a_total counter\na_total{b=\"x\\\"\\\\\\ny\",c=\"\"} 3\n\
            # HELP d How much.\n# TYPE d gauge\nd 0.25\n";
        assert_eq!(exposition.finish(), expected);
    }

    #[test]
    fn buckets_add_up() {
        let mut exposition = Exposition::default();
        let labels: Labels<'_> = &[("to", "us")];
        exposition.histogram("h", "How long.").distribution(labels, &[0.5, 1.0], &[2, 0, 3], 7.5);
        let lines: Vec<_> = exposition.finish().lines().skip(2).map(str::to_owned).collect();
        let expected = [
            "h_bucket{to=\"us\",le=\"0.5\"} 2",
            "h_bucket{to=\"us\",le=\"1\"} 2",
            "h_bucket{to=\"us\",le=\"+Inf\"} 5",
            "h_sum{to=\"us\"} 7.5",
            "h_count{to=\"us\"} 5",
        ];
        assert_eq!(lines, expected);
    }
}
