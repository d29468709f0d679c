//! A client's side of negotiation, as far as tests of other clients' descriptions need it: what stands in a description, and the
//! answer that a client gives which wrote one (RFC 8829 §5.3). It reads independently of what is tested.

/// An `m=` section.
#[derive(Clone, Debug)]
pub(crate) struct Section {
    pub(crate) kind: String,
    pub(crate) port: u16,
    pub(crate) formats: Vec<Format>,
    pub(crate) mid: String,
    /// Number and URI.
    pub(crate) extensions: Vec<(u8, String)>,
    pub(crate) lines: Vec<String>,
}

/// A payload type.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Format {
    pub(crate) pt: u8,
    /// Upper case, with the rate; without the channels, which are two or, by webrtcbin, not told.
    pub(crate) name: String,
    pub(crate) parameters: String,
}

/// What stands in a description.
#[derive(Clone, Debug)]
pub(crate) struct Description {
    pub(crate) session: Vec<String>,
    pub(crate) sections: Vec<Section>,
}

impl Description {
    pub(crate) fn read(sdp: &str) -> Self {
        let mut session = Vec::new();
        let mut sections: Vec<Vec<String>> = Vec::new();
        for line in sdp.lines().map(str::to_owned) {
            if line.starts_with("m=") {
                sections.push(Vec::new());
            }
            sections.last_mut().unwrap_or(&mut session).push(line);
        }
        Self { session, sections: sections.into_iter().map(Section::read).collect() }
    }

    pub(crate) fn write(&self) -> String {
        let lines = self.session.iter().chain(self.sections.iter().flat_map(|section| &section.lines));
        lines.flat_map(|line| [line, "\r\n"]).collect()
    }

    pub(crate) fn section(&self, kind: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.kind == kind)
    }

    /// Mids of the group.
    pub(crate) fn bundle(&self) -> Vec<&str> {
        let group = self.session.iter().find_map(|line| line.strip_prefix("a=group:BUNDLE"));
        group.into_iter().flat_map(str::split_whitespace).collect()
    }

    /// The value of an attribute, of a section or else of the session.
    pub(crate) fn attribute<'a>(&'a self, section: &'a Section, name: &str) -> Option<&'a str> {
        section.attribute(name).or_else(|| value(&self.session, name))
    }

    /// The same with other credentials and another fingerprint.
    pub(crate) fn with_identity(&self, ufrag: &str, pwd: &str, fingerprint: &str) -> Self {
        let change = |line: &String| {
            [("a=ice-ufrag:", ufrag), ("a=ice-pwd:", pwd), ("a=fingerprint:sha-256 ", fingerprint)]
                .iter()
                .find(|(name, _)| line.starts_with(name))
                .map_or_else(|| line.clone(), |(name, value)| format!("{name}{value}"))
        };
        let mut changed = self.clone();
        let sections = changed.sections.iter_mut().flat_map(|section| &mut section.lines);
        changed.session.iter_mut().chain(sections).for_each(|line| *line = change(line));
        changed
    }

    /// What the same client offers to receive: no sources, no layers.
    pub(crate) fn receiving(&self) -> Self {
        let mut changed = self.clone();
        for section in &mut changed.sections {
            let sends = ["a=ssrc", "a=msid", "a=rid:", "a=simulcast:"];
            section.lines.retain(|line| !sends.iter().any(|start| line.starts_with(start)));
            for line in &mut section.lines {
                if matches!(line.as_str(), "a=sendrecv" | "a=sendonly") {
                    *line = "a=recvonly".to_owned();
                }
            }
        }
        changed
    }

    /// What a client that writes such descriptions answers to an offer: of each section the formats and header extensions that it
    /// knows, under the offer's numbers.
    pub(crate) fn answer(&self, offer: &Self) -> Self {
        let mut session = vec!["v=0".into(), "o=- 1 2 IN IP4 127.0.0.1".into(), "s=-".into(), "t=0 0".into()];
        let mut sections = Vec::new();
        let mut mids = Vec::new();
        for offered in &offer.sections {
            let known = self.section(&offered.kind);
            let knows = |format: &&Format| known.is_some_and(|own| own.decodes(format, offered));
            let formats: Vec<&Format> = offered.formats.iter().filter(knows).collect();
            let is_taken = formats.iter().any(|format| format.is_media());
            let types: Vec<String> = match is_taken {
                true => formats.iter().map(|format| format.pt.to_string()).collect(),
                false => vec![offered.formats[0].pt.to_string()],
            };
            let port = if is_taken { 9 } else { 0 };
            let mut lines = vec![
                format!("m={} {port} UDP/TLS/RTP/SAVPF {}", offered.kind, types.join(" ")),
                "c=IN IP4 0.0.0.0".into(),
                format!("a=mid:{}", offered.mid),
            ];
            if is_taken {
                mids.push(offered.mid.clone());
                lines.extend(["a=ice-ufrag:x", "a=ice-pwd:x", "a=fingerprint:sha-256 x"].map(str::to_owned));
                lines.extend(["a=setup:active", "a=recvonly", "a=rtcp-mux"].map(str::to_owned));
                let knows = |(_, uri): &&(u8, String)| known.is_some_and(|own| own.number(uri).is_some());
                let extensions = offered.extensions.iter().filter(knows);
                lines.extend(extensions.map(|(id, uri)| format!("a=extmap:{id} {uri}")));
                for Format { pt, .. } in &formats {
                    let of_format = [format!("a=rtpmap:{pt} "), format!("a=fmtp:{pt} "), format!("a=rtcp-fb:{pt} ")];
                    let is_of = |line: &&String| of_format.iter().any(|start| line.starts_with(start));
                    lines.extend(offered.lines.iter().filter(is_of).cloned());
                }
            }
            sections.push(Section::read(lines));
        }
        session.push(format!("a=group:BUNDLE {}", mids.join(" ")));
        Self { session, sections }
    }
}

impl Section {
    fn read(lines: Vec<String>) -> Self {
        let words: Vec<&str> = lines[0]["m=".len()..].split(' ').collect();
        let (kind, port) = (words[0].to_owned(), words[1].parse().unwrap());
        let types = words[3..].iter().filter_map(|word| word.parse().ok());
        let of = |name: &str, pt: u8| value(&lines, &format!("{name}:{pt} "));
        let read = |pt| {
            let name = of("rtpmap", pt)?.trim_end_matches("/2").to_ascii_uppercase();
            Some(Format { pt, name, parameters: of("fmtp", pt).unwrap_or_default().to_owned() })
        };
        let formats = types.filter_map(read).collect();
        let extensions = lines.iter().filter_map(|line| line.strip_prefix("a=extmap:")).filter_map(|line| {
            let (id, uri) = line.split_once(' ')?;
            Some((id.split('/').next()?.parse().ok()?, uri.to_owned()))
        });
        let extensions = extensions.collect();
        let mid = value(&lines, "mid:").unwrap_or_default().to_owned();
        Self { kind, port, formats, mid, extensions, lines }
    }

    /// The rest of the line that begins so.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        value(&self.lines, name)
    }

    pub(crate) fn has(&self, line: &str) -> bool {
        self.lines.iter().any(|own| own == line)
    }

    pub(crate) fn format(&self, pt: u8) -> Option<&Format> {
        self.formats.iter().find(|format| format.pt == pt)
    }

    /// The retransmissions of a payload type.
    pub(crate) fn rtx(&self, pt: u8) -> Option<u8> {
        let is_of = |format: &&Format| format.name == "RTX/90000" && format.parameter("apt") == Some(&pt.to_string());
        self.formats.iter().find(is_of).map(|format| format.pt)
    }

    /// Of a header extension.
    pub(crate) fn number(&self, uri: &str) -> Option<u8> {
        self.extensions.iter().find(|(_, own)| own == uri).map(|(id, _)| *id)
    }

    /// Source, and that of its retransmissions.
    pub(crate) fn sources(&self) -> Option<(u32, Option<u32>)> {
        let main = self.attribute("ssrc:")?.split(' ').next()?.parse().ok()?;
        let group = self.attribute("ssrc-group:FID ").and_then(|group| group.split_once(' '));
        match group {
            Some((main, rtx)) => Some((main.parse().ok()?, rtx.parse().ok())),
            None => Some((main, None)),
        }
    }

    pub(crate) fn rids(&self) -> Vec<&str> {
        self.attribute("simulcast:send ").map(|rids| rids.split(';').collect()).unwrap_or_default()
    }

    /// Whether who wrote this decodes a format of somebody else's section.
    pub(crate) fn decodes(&self, format: &Format, of: &Self) -> bool {
        match format.name.as_str() {
            "RTX/90000" => {
                let apt = format.parameter("apt").and_then(|apt| of.format(apt.parse().ok()?));
                apt.is_some_and(|main| self.formats.iter().any(|own| own.is_same(main) && self.rtx(own.pt).is_some()))
            }
            // What is repeated is of a format that is known by other numbers.
            "RED/48000" => self.formats.iter().any(|own| own.name == format.name),
            _ => self.formats.iter().any(|own| own.is_same(format)),
        }
    }
}

impl Format {
    /// Not one that belongs to others.
    pub(crate) fn is_media(&self) -> bool {
        !["RTX/", "RED/", "ULPFEC/"].iter().any(|start| self.name.starts_with(start))
    }

    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.split(';').find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
    }

    /// The same bitstream, as libwebrtc compares them: for H264 the profile, not its level, and how it is put into packets.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let same = |name, default| self.parameter(name).unwrap_or(default) == other.parameter(name).unwrap_or(default);
        let specific = match self.name.as_str() {
            "H264/90000" => same("packetization-mode", "0") && self.profile() == other.profile(),
            "VP9/90000" => same("profile-id", "0"),
            "AV1/90000" => same("profile", "0"),
            _ => true,
        };
        self.name == other.name && specific
    }

    /// Of H264: the profile, and whether it is the constrained one (RFC 6184 §8.1).
    pub(crate) fn profile(&self) -> (u32, bool) {
        let id = u32::from_str_radix(self.parameter("profile-level-id").unwrap_or("420010"), 16).unwrap();
        // Constraint set 1 of Baseline, sets 4 and 5 of High.
        let constraints = id >> 8 & 0xff;
        let is_constrained = match id >> 16 {
            0x42 => constraints & 0x40 != 0,
            _ => constraints & 0x0c == 0x0c,
        };
        (id >> 16, is_constrained)
    }
}

fn value<'a>(lines: &'a [String], name: &str) -> Option<&'a str> {
    lines.iter().find_map(|line| line.strip_prefix("a=")?.strip_prefix(name))
}
