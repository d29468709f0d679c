//! What is seen and heard at one moment: [`Figure`]s, drawn into one picture and mixed into one sound. Which moment that is, and
//! what becomes of it, is the business of whoever asks.

use protocol::transcoder::{Layout, Picture};

use super::caption;
use super::figure::Figure;
use super::layout::{self, LayoutMember, Tile};
use super::picture::{self, Canvas, Fit};
use super::speaker::SpeakerDetector;
use super::text::Typesetter;
use crate::CompositionError;

/// See the module. Figures are the same in the same order, unless [`Scene::rearrange`] said otherwise.
#[derive(Debug)]
pub(crate) struct Scene {
    /// Without pictures there is none.
    drawing: Option<Drawing>,
    has_audio: bool,
    speaker: SpeakerDetector,
}

#[derive(Debug)]
struct Drawing {
    picture: Picture,
    canvas: Canvas,
    tiles: Vec<Tile>,
    /// Where figures go has to be decided anew.
    is_rearranged: bool,
    /// If tiles have captions.
    typesetter: Option<Typesetter>,
}

impl Scene {
    /// Odd sides lose a pixel. Without a size there are no pictures: an error.
    pub(crate) fn new(picture: Option<Picture>, has_audio: bool) -> Result<Self, CompositionError> {
        let drawing = picture.map(Drawing::new).transpose()?;
        Ok(Self { drawing, has_audio, speaker: SpeakerDetector::default() })
    }

    /// What its pictures are like.
    pub(crate) fn picture(&self) -> Option<&Picture> {
        self.drawing.as_ref().map(|drawing| &drawing.picture)
    }

    /// Figures have come or gone, or were switched.
    pub(crate) fn rearrange(&mut self) {
        if let Some(drawing) = &mut self.drawing {
            drawing.is_rearranged = true;
        }
    }

    /// The picture as it is now.
    pub(crate) fn draw(&mut self, figures: &mut [&mut Figure]) -> Option<&Canvas> {
        let drawing = self.drawing.as_mut()?;
        let speaker = self.speaker.present().filter(|_| drawing.picture.layout == Layout::Speaker);
        drawing.draw(figures, speaker, self.has_audio);
        Some(&drawing.canvas)
    }

    /// The sum of `count` samples from `from` on, and who speaks.
    pub(crate) fn mix(&mut self, from: i64, count: usize, figures: &mut [&mut Figure]) -> Vec<[i32; 2]> {
        let mut sum = vec![[0; 2]; count];
        for figure in figures {
            let loudness = figure.sound.mix_into(from, &mut sum);
            self.speaker.hear(&figure.key, loudness);
        }
        self.speaker.decide();
        sum
    }
}

impl Drawing {
    fn new(mut picture: Picture) -> Result<Self, CompositionError> {
        // Colours are stored for two by two pixels.
        (picture.width, picture.height) = (picture.width / 2 * 2, picture.height / 2 * 2);
        if picture.width == 0 || picture.height == 0 || picture.frame_rate == 0 {
            return Err(CompositionError::Manifest("its pictures have no size".to_owned()));
        }
        Ok(Self {
            canvas: Canvas::new(picture.width, picture.height)?,
            tiles: Vec::new(),
            is_rearranged: true,
            typesetter: picture.has_captions.then(Typesetter::new),
            picture,
        })
    }

    fn draw(&mut self, figures: &mut [&mut Figure], speaker: Option<&String>, has_audio: bool) {
        let (width, height) = (self.picture.width, self.picture.height);
        // A stream of sound only takes no place.
        let members: Vec<LayoutMember> = figures
            .iter()
            .filter(|figure| figure.has_video)
            .map(|figure| LayoutMember {
                is_large: figure.is_screen || speaker == Some(&figure.key),
                shape: figure.picture.as_ref().map(picture::Picture::shape),
            })
            .collect();
        let tiles = layout::arrange(self.picture.layout, width, height, &members);
        let is_rearranged = std::mem::take(&mut self.is_rearranged) || tiles != self.tiles;
        self.tiles = tiles;
        if is_rearranged {
            self.canvas.clear(Tile { left: 0, top: 0, width, height });
        }
        // What lies over a picture that is drawn is drawn, too.
        let mut is_covered = is_rearranged;
        let lies_over = self.picture.layout == Layout::PictureInPicture;
        let seen = figures.iter_mut().filter(|figure| figure.has_video);
        for (figure, tile) in seen.zip(&self.tiles) {
            if std::mem::take(&mut figure.is_new) || is_covered {
                draw(&mut self.canvas, figure, *tile, self.typesetter.as_mut(), has_audio);
                is_covered |= lies_over;
            }
        }
    }
}

/// Draws a stream into its tile, and over it what there is to say.
fn draw(canvas: &mut Canvas, figure: &mut Figure, tile: Tile, typesetter: Option<&mut Typesetter>, has_audio: bool) {
    let (fit, is_muted) = (figure.fit(), has_audio && figure.is_muted());
    match &figure.picture {
        Some(picture) => {
            if fit == Fit::Contain && typesetter.is_some() {
                // Where the picture leaves room, captions would get darker and darker.
                canvas.clear(tile);
            }
            canvas.draw(picture, tile, fit, &mut figure.scaler);
        }
        None => canvas.clear(tile),
    }
    let Some(typesetter) = typesetter else { return };
    let name = figure.name.as_deref();
    if !figure.video_active {
        canvas.fill(tile, caption::BACKGROUND);
        if let Some((disc, place)) = figure.caption.disc(typesetter, name, tile) {
            canvas.cover(disc, place);
        }
    }
    if let Some((strip, place)) = figure.caption.strip(typesetter, name, is_muted, tile) {
        canvas.cover(strip, place);
    }
}
