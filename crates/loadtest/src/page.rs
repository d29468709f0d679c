//! A report as one page: the table, and charts of how the figures went. It needs nothing from elsewhere.

use std::fmt::Write as _;

use crate::report::{Report, Sample};

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 160.0;
const STYLE: &str = "body{font:15px system-ui,sans-serif;margin:2em;color:#222}td{padding:.15em 1em .15em 0;vertical-align:top}\
svg{background:#f7f7f7;margin:.3em 0 1.2em}polyline{fill:none;stroke-width:2}text{font-size:11px;fill:#555}.bad{color:#b00020}";

type Line = (&'static str, &'static str, fn(&Sample) -> Option<f64>);

/// Title, unit, lines.
const CHARTS: &[(&str, &str, &[Line])] = &[
    (
        "Packets",
        "1/s",
        &[
            ("sent", "#888", |sample| Some(sample.sent_per_second)),
            ("received", "#06c", |sample| Some(sample.received_per_second)),
        ],
    ),
    (
        "Pictures by layer",
        "packets/s",
        &[
            ("smallest", "#bbb", |sample| sample.layers_per_second.first().copied()),
            ("middle", "#c60", |sample| sample.layers_per_second.get(1).copied()),
            ("best", "#06c", |sample| sample.layers_per_second.get(2).copied()),
        ],
    ),
    (
        "Delay",
        "ms",
        &[
            ("p50", "#06c", |sample| Some(sample.delay_ms.p50)),
            ("p99", "#c60", |sample| Some(sample.delay_ms.p99)),
            ("max", "#bbb", |sample| Some(sample.delay_ms.max)),
        ],
    ),
    ("Missing packets", "", &[("missing", "#b00020", |sample| Some(sample.missing as f64))]),
    ("CPU of the server", "% of a core", &[("CPU", "#06c", |sample| sample.cpu_percent)]),
    ("Memory of the server", "MB", &[("memory", "#06c", |sample| Some(sample.memory_kb? as f64 / 1024.0))]),
];

/// See the module.
pub(crate) fn write(report: &Report) -> String {
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Load test</title><style>{STYLE}</style>\n\
         <h1>Load test</h1>\n<table>\n"
    );
    for (name, value) in report.rows() {
        let _ = writeln!(page, "<tr><td>{}<td>{}", escaped(name), escaped(&value));
    }
    page.push_str("</table>\n");
    let shortcomings = report.shortcomings();
    if shortcomings.is_empty() {
        let text = if report.packets.lost == 0 {
            "Everything was delivered."
        } else {
            "What is missing is no more than may be."
        };
        let _ = writeln!(page, "<p>{text}</p>");
    }
    let reasons = report.failures.iter().map(|failure| format!("{} times: {}", failure.count, failure.reason));
    for text in shortcomings.into_iter().chain(reasons) {
        let _ = writeln!(page, "<p class=\"bad\">{}</p>", escaped(&text));
    }
    for (title, unit, lines) in CHARTS {
        page.push_str(&chart(title, unit, lines, &report.samples));
    }
    page.push_str("</html>\n");
    page
}

/// Nothing without values.
fn chart(title: &str, unit: &str, lines: &[Line], samples: &[Sample]) -> String {
    let values =
        |of: fn(&Sample) -> Option<f64>| samples.iter().filter_map(move |sample| Some((sample.second, of(sample)?)));
    let all: Vec<(f64, f64)> = lines.iter().flat_map(|(_, _, of)| values(*of)).collect();
    let (end, top) = all.iter().fold((0.0_f64, 0.0_f64), |(end, top), (at, value)| (end.max(*at), top.max(*value)));
    if all.is_empty() || end <= 0.0 {
        return String::new();
    }
    // An empty chart still has a scale.
    let top = if top > 0.0 { top * 1.05 } else { 1.0 };
    let (left, bottom) = (60.0, 20.0);
    let place = |at: f64, value: f64| (left + at / end * WIDTH, HEIGHT - value / top * HEIGHT + 10.0);
    let (width, height) = (WIDTH + left + 90.0, HEIGHT + bottom + 20.0);
    let mut svg = format!("<h3>{title}</h3>\n<svg width=\"{width}\" height=\"{height}\" role=\"img\">\n");
    for part in [0.0, 0.5, 1.0] {
        let (x, y) = place(0.0, top * part);
        let (right, label) = (x + WIDTH, scale(top * part));
        let _ = writeln!(svg, "<path d=\"M{x} {y:.1}H{right}\" stroke=\"#ddd\"/>");
        let _ = writeln!(svg, "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>", x - 6.0, y + 4.0);
    }
    let _ = writeln!(svg, "<text x=\"{left}\" y=\"{:.1}\">{unit} over {end:.0} s</text>", HEIGHT + 28.0);
    for (index, (name, colour, of)) in lines.iter().enumerate() {
        let points: Vec<String> = values(*of)
            .map(|(at, value)| {
                let (x, y) = place(at, value.max(0.0));
                format!("{x:.1},{y:.1}")
            })
            .collect();
        let _ = writeln!(svg, "<polyline stroke=\"{colour}\" points=\"{}\"/>", points.join(" "));
        let (x, y) = (left + WIDTH + 8.0, 20.0 + 16.0 * index as f64);
        let _ = writeln!(svg, "<text x=\"{x}\" y=\"{y}\" style=\"fill:{colour}\">{name}</text>");
    }
    svg + "</svg>\n"
}

fn scale(value: f64) -> String {
    if value >= 100.0 || value == 0.0 { format!("{value:.0}") } else { format!("{value:.1}") }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Failure, tests::report};

    #[test]
    fn a_page_has_a_chart_for_what_was_measured_and_none_for_what_was_not() {
        let page = write(&report());
        for title in ["Packets", "Delay", "Missing packets", "CPU of the server"] {
            assert!(page.contains(&format!("<h3>{title}</h3>")), "{title}");
        }
        assert!(!page.contains("Memory of the server</h3>") && !page.contains("Pictures by layer"));
        // The second of two samples stands at the right end.
        assert!(page.contains("points=\"380.0,") && page.contains(" 700.0,"), "{page}");
        assert!(!page.contains("NaN"));
    }

    #[test]
    fn texts_of_others_are_texts() {
        let failure = Failure { reason: "<script>alert(1)</script>".to_owned(), count: 1 };
        let page = write(&Report { failures: vec![failure], samples: vec![], ..report() });
        assert!(page.contains("&lt;script>") || page.contains("&lt;script&gt;"));
        assert!(!page.contains("<script") && !page.contains("<svg"));
    }
}
