//! Text to [`Description`]. Strict about what is acted on, blind to the rest; every list is bounded.

use super::{
    Description, Direction, Fingerprint, Format, MAX_ATTRIBUTES, MAX_LAYERS, MAX_LENGTH, MAX_NAME, MAX_SECTIONS,
    SdpError, Section, SectionKind, Setup,
};

impl Description {
    /// Reads an offer or answer.
    pub(crate) fn parse(text: &str) -> Result<Self, SdpError> {
        if text.len() > MAX_LENGTH {
            return Err(SdpError::new(format!("longer than {MAX_LENGTH} bytes")));
        }
        let mut lines = text.lines().map(str::trim_end).filter(|l| !l.is_empty());
        if lines.next() != Some("v=0") {
            return Err(SdpError::new("v=0 must be the first line"));
        }
        let mut description = Self {
            sections: Vec::new(),
            bundle: Vec::new(),
            ice_lite: false,
            is_mixed: false,
            ufrag: None,
            pwd: None,
            fingerprint: None,
            setup: None,
        };
        for line in lines {
            let Some((key, value)) = line.split_once('=') else {
                return Err(SdpError::new("a line without '='"));
            };
            match key {
                "m" => {
                    if description.sections.len() == MAX_SECTIONS {
                        return Err(SdpError::new(format!("more than {MAX_SECTIONS} m= sections")));
                    }
                    description.sections.push(media_line(value)?);
                }
                "a" => match description.sections.last_mut() {
                    Some(section) => section.attribute(value)?,
                    None => description.session_attribute(value)?,
                },
                _ => {}
            }
        }
        if description.sections.is_empty() {
            return Err(SdpError::new("no m= section"));
        }
        for (index, section) in description.sections.iter_mut().enumerate() {
            section.is_mixed |= description.is_mixed;
            section.finish(index)?;
        }
        let mids: Vec<_> = description.sections.iter().map(|s| s.mid.as_str()).collect();
        if (1..mids.len()).any(|i| mids[..i].contains(&mids[i])) {
            return Err(SdpError::new("a=mid: used twice"));
        }
        Ok(description)
    }

    fn session_attribute(&mut self, text: &str) -> Result<(), SdpError> {
        let (name, value) = text.split_once(':').unwrap_or((text, ""));
        match name {
            "group" => {
                let mut words = value.split_whitespace();
                if words.next() == Some("BUNDLE") && self.bundle.is_empty() {
                    self.bundle = words.take(MAX_SECTIONS).map(str::to_owned).collect();
                }
            }
            "ice-lite" => self.ice_lite = true,
            "extmap-allow-mixed" => self.is_mixed = true,
            "ice-ufrag" => self.ufrag = Some(ufrag(value)?),
            "ice-pwd" => self.pwd = Some(pwd(value)?),
            "fingerprint" => fingerprint(&mut self.fingerprint, value)?,
            "setup" => self.setup = setup(value)?,
            _ => {}
        }
        Ok(())
    }
}

impl Section {
    fn attribute(&mut self, text: &str) -> Result<(), SdpError> {
        let (name, value) = text.split_once(':').unwrap_or((text, ""));
        match name {
            "mid" => {
                let value = value.trim();
                let fits = |c: char| c.is_ascii_alphanumeric() || "-_.+".contains(c);
                if value.is_empty() || value.len() > MAX_NAME || !value.chars().all(fits) {
                    return Err(SdpError::new(format!("a=mid: must be 1 to {MAX_NAME} characters of a token")));
                }
                self.mid = value.to_owned();
            }
            "sendrecv" => self.direction = Direction::SendRecv,
            "sendonly" => self.direction = Direction::SendOnly,
            "recvonly" => self.direction = Direction::RecvOnly,
            "inactive" => self.direction = Direction::Inactive,
            "rtpmap" => {
                let Some((pt, encoding)) = payload_type_and_rest(value) else {
                    return Err(SdpError::new("a=rtpmap: must be <payload type> <name>/<clock rate>"));
                };
                let mut parts = encoding.split('/');
                let name = parts.next().unwrap_or_default().to_ascii_lowercase();
                let clock_rate = parts.next().and_then(|r| r.trim().parse().ok());
                let clock_rate = clock_rate.ok_or_else(|| SdpError::new("a=rtpmap: the clock rate is missing"))?;
                let format = self.format(pt)?;
                format.name = name;
                format.clock_rate = clock_rate;
            }
            // Firefox writes a=fmtp and a=rtcp-fb before the a=rtpmap they belong to.
            "fmtp" => {
                if let Some((pt, parameters)) = payload_type_and_rest(value) {
                    self.format(pt)?.fmtp = parameters.to_owned();
                }
            }
            "rtcp-fb" => {
                let list = if let Some(feedback) = value.trim().strip_prefix("* ") {
                    Some((&mut self.feedback, feedback))
                } else if let Some((pt, feedback)) = payload_type_and_rest(value) {
                    Some((&mut self.format(pt)?.feedback, feedback))
                } else {
                    None
                };
                if let Some((list, feedback)) = list.filter(|(list, _)| list.len() < MAX_ATTRIBUTES) {
                    list.push(feedback.trim().to_owned());
                }
            }
            "extmap" => {
                let mut words = value.split_whitespace();
                let id = words.next().unwrap_or_default();
                // Firefox: `2/recvonly`.
                let id = id.split('/').next().unwrap_or_default();
                // Ids from 4096 on only name what both sides shall find a number for (RFC 8285 §7).
                let (Ok(id), Some(uri)) = (id.parse(), words.next()) else {
                    return Err(SdpError::new("a=extmap: must be <id>[/<direction>] <uri>"));
                };
                bounded(&mut self.extensions, (id, uri.to_owned()), "a=extmap")?;
            }
            "extmap-allow-mixed" => self.is_mixed = true,
            "simulcast" => self.simulcast_send = simulcast_send(value)?,
            "ssrc" => {
                let number = value.split_whitespace().next().unwrap_or_default();
                let ssrc = number.parse().map_err(|_| SdpError::new("a=ssrc: must start with a 32-bit number"))?;
                if !self.ssrcs.contains(&ssrc) {
                    bounded(&mut self.ssrcs, ssrc, "a=ssrc")?;
                }
            }
            "ssrc-group" => {
                let mut words = value.split_whitespace();
                if words.next() == Some("FID")
                    && let (Some(Ok(media)), Some(Ok(rtx))) =
                        (words.next().map(str::parse), words.next().map(str::parse))
                {
                    bounded(&mut self.fid, (media, rtx), "a=ssrc-group")?;
                }
            }
            "ice-ufrag" => self.ufrag = Some(ufrag(value)?),
            "ice-pwd" => self.pwd = Some(pwd(value)?),
            "fingerprint" => fingerprint(&mut self.fingerprint, value)?,
            "setup" => self.setup = setup(value)?,
            "candidate" => bounded(&mut self.candidates, text.to_owned(), "a=candidate")?,
            _ => {}
        }
        Ok(())
    }

    fn format(&mut self, pt: u8) -> Result<&mut Format, SdpError> {
        if let Some(at) = self.formats.iter().position(|f| f.pt == pt) {
            return Ok(&mut self.formats[at]);
        }
        let format = Format { pt, name: String::new(), clock_rate: 0, fmtp: String::new(), feedback: Vec::new() };
        bounded(&mut self.formats, format, "a=rtpmap")?;
        self.formats.last_mut().ok_or_else(|| SdpError::new("a=rtpmap"))
    }

    /// Puts the formats into the order of the `m=` line, which is the order of preference, and drops those that are
    /// not in it or have no `rtpmap`.
    fn finish(&mut self, index: usize) -> Result<(), SdpError> {
        if self.mid.is_empty() {
            // RFC 8829 §5.8 allows a description without a=mid; the index is then the only name it has.
            self.mid = index.to_string();
        }
        for format in &mut self.formats {
            format.feedback.extend(self.feedback.iter().cloned());
        }
        let order: Vec<Option<u8>> = self.payload_types.iter().map(|p| p.parse().ok()).collect();
        self.formats.retain(|f| !f.name.is_empty() && order.contains(&Some(f.pt)));
        self.formats.sort_by_key(|f| order.iter().position(|p| *p == Some(f.pt)));
        Ok(())
    }
}

fn media_line(value: &str) -> Result<Section, SdpError> {
    let mut words = value.split_whitespace();
    let (Some(media), Some(port), Some(protocol)) = (words.next(), words.next(), words.next()) else {
        return Err(SdpError::new("m=: must be <media> <port> <protocol> <formats>"));
    };
    let port = port.split('/').next().unwrap_or_default();
    let port = port.parse().map_err(|_| SdpError::new("m=: the port must be a number"))?;
    let token = |t: &str| t.len() <= 64 && t.chars().all(|c| c.is_ascii_graphic());
    let payload_types: Vec<String> = words.take(MAX_ATTRIBUTES).map(str::to_owned).collect();
    if !token(media) || !token(protocol) || !payload_types.iter().all(|p| token(p)) {
        return Err(SdpError::new("m=: not a token"));
    }
    let kind = match media {
        "audio" => SectionKind::Audio,
        "video" => SectionKind::Video,
        _ => SectionKind::Other,
    };
    Ok(Section {
        kind,
        media: media.to_owned(),
        port,
        protocol: protocol.to_owned(),
        payload_types,
        mid: String::new(),
        direction: Direction::SendRecv,
        formats: Vec::new(),
        extensions: Vec::new(),
        is_mixed: false,
        simulcast_send: Vec::new(),
        ssrcs: Vec::new(),
        fid: Vec::new(),
        ufrag: None,
        pwd: None,
        fingerprint: None,
        setup: None,
        candidates: Vec::new(),
        feedback: Vec::new(),
    })
}

fn bounded<T>(list: &mut Vec<T>, item: T, name: &str) -> Result<(), SdpError> {
    if list.len() >= MAX_ATTRIBUTES {
        return Err(SdpError::new(format!("{name}: more than {MAX_ATTRIBUTES}")));
    }
    list.push(item);
    Ok(())
}

fn payload_type_and_rest(value: &str) -> Option<(u8, &str)> {
    let (pt, rest) = value.trim().split_once(' ')?;
    let pt = pt.parse().ok().filter(|pt| *pt < 128)?;
    Some((pt, rest.trim()))
}

/// `send rdiv4;rdiv2;~rdiv1,alternative recv x` (RFC 8853). A layer whose rid is none is left out, as an answer may.
fn simulcast_send(value: &str) -> Result<Vec<String>, SdpError> {
    let mut words = value.split_whitespace();
    let mut rids = Vec::new();
    while let (Some(direction), Some(list)) = (words.next(), words.next()) {
        if direction != "send" {
            continue;
        }
        // Draft syntax of old browsers: `send rid=a;b`.
        let list = list.strip_prefix("rid=").unwrap_or(list);
        for group in list.split(';') {
            let rid = group.split(',').next().unwrap_or_default().trim_start_matches('~');
            if rids.len() == MAX_LAYERS {
                return Err(SdpError::new(format!("a=simulcast: more than {MAX_LAYERS} layers")));
            }
            if is_rid(rid) {
                rids.push(rid.to_owned());
            }
        }
    }
    Ok(rids)
}

/// RFC 8851 §10.
fn is_rid(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    (1..=MAX_NAME).contains(&text.len()) && text.chars().all(fits)
}

fn ice_text(value: &str, name: &str, lengths: std::ops::RangeInclusive<usize>) -> Result<String, SdpError> {
    let value = value.trim();
    // RFC 8839 asks for ALPHA / DIGIT / "+" / "/"; some stacks add "-" and "_".
    let fits = |c: char| c.is_ascii_alphanumeric() || "+/-_=".contains(c);
    if !lengths.contains(&value.len()) || !value.chars().all(fits) {
        return Err(SdpError::new(format!("{name}: must be {} to {} characters", lengths.start(), lengths.end())));
    }
    Ok(value.to_owned())
}

fn ufrag(value: &str) -> Result<String, SdpError> {
    ice_text(value, "a=ice-ufrag", 4..=256)
}

fn pwd(value: &str) -> Result<String, SdpError> {
    ice_text(value, "a=ice-pwd", 22..=256)
}

/// The first one with SHA-256 counts; there may be others before and after it.
fn fingerprint(known: &mut Option<Fingerprint>, value: &str) -> Result<(), SdpError> {
    let error = || SdpError::new("a=fingerprint: must be <hash> <hex bytes with colons>");
    let (hash, hex) = value.trim().split_once(' ').ok_or_else(error)?;
    if !hash.eq_ignore_ascii_case("sha-256") {
        known.get_or_insert(Fingerprint::Other);
        return Ok(());
    }
    if hex.len() > 256 {
        return Err(error());
    }
    let bytes: Result<Vec<u8>, _> = hex.trim().split(':').map(|b| u8::from_str_radix(b, 16)).collect();
    let bytes = <[u8; 32]>::try_from(bytes.map_err(|_| error())?);
    let bytes = bytes.map_err(|_| SdpError::new("a=fingerprint: sha-256 has 32 bytes"))?;
    if !matches!(known, Some(Fingerprint::Sha256(_))) {
        *known = Some(Fingerprint::Sha256(bytes));
    }
    Ok(())
}

fn setup(value: &str) -> Result<Option<Setup>, SdpError> {
    match value.trim() {
        "actpass" => Ok(Some(Setup::ActPass)),
        "active" => Ok(Some(Setup::Active)),
        "passive" => Ok(Some(Setup::Passive)),
        _ => Err(SdpError::new("a=setup: must be actpass, active or passive")),
    }
}
