//! Lines of SDP, as far as they have to be told apart here. Not a reader of SDP: media has one.

/// Clients have one section for sound and one for pictures.
const MAX_SECTIONS: usize = 16;

/// A description, or a fragment of one.
#[derive(Debug)]
pub(crate) struct Lines<'a> {
    /// Attributes in front of all sections, without `a=`.
    pub(crate) attributes: Vec<&'a str>,
    pub(crate) sections: Vec<Section<'a>>,
}

/// A section.
#[derive(Debug)]
pub(crate) struct Section<'a> {
    /// Without `m=`.
    pub(crate) media: &'a str,
    /// Without `a=`.
    pub(crate) attributes: Vec<&'a str>,
}

/// More sections than anybody has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TooMany;

impl<'a> Lines<'a> {
    /// Lines of other kinds are skipped.
    pub(crate) fn of(text: &'a str) -> Result<Self, TooMany> {
        let mut lines = Self { attributes: vec![], sections: vec![] };
        for line in text.split(['\r', '\n']).map(str::trim_end) {
            if let Some(media) = line.strip_prefix("m=") {
                if lines.sections.len() == MAX_SECTIONS {
                    return Err(TooMany);
                }
                lines.sections.push(Section { media, attributes: vec![] });
            } else if let Some(attribute) = line.strip_prefix("a=") {
                let place = lines.sections.last_mut().map_or(&mut lines.attributes, |section| &mut section.attributes);
                place.push(attribute);
            }
        }
        Ok(lines)
    }

    /// The first of that name, wherever it stands.
    pub(crate) fn find(&self, name: &str) -> Option<&'a str> {
        let sections = self.sections.iter().find_map(|section| section.find(name));
        find(&self.attributes, name).or(sections)
    }

    /// Mids of the first group of sections that share a transport.
    pub(crate) fn bundled(&self) -> impl Iterator<Item = &'a str> {
        let groups = self.attributes.iter().filter_map(|attribute| attribute.strip_prefix("group:BUNDLE"));
        groups.take(1).flat_map(str::split_ascii_whitespace)
    }
}

impl<'a> Section<'a> {
    /// `audio`, `video`…
    pub(crate) fn kind(&self) -> &'a str {
        self.media.split(' ').next().unwrap_or_default()
    }

    pub(crate) fn find(&self, name: &str) -> Option<&'a str> {
        find(&self.attributes, name)
    }
}

/// The value of the first attribute of that name; empty, if it has none.
fn find<'a>(attributes: &[&'a str], name: &str) -> Option<&'a str> {
    attributes.iter().find_map(|attribute| {
        let value = attribute.strip_prefix(name)?;
        if value.is_empty() { Some(value) } else { value.strip_prefix(':') }
    })
}
