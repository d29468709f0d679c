use std::io::Cursor;

use proptest::prelude::*;

use super::*;

fn description() -> Mp4Description {
    let sound = Some(AacTrack { config: vec![0x11, 0x90], delay: 1024 });
    Mp4Description { width: 320, height: 180, frame_rate: 25, avc: vec![1, 66, 0, 10, 0xff, 0xe0, 0], sound }
}

fn samples(count: usize, seed: u8) -> Vec<EncodedSample> {
    let sample = |n: usize| EncodedSample { data: vec![seed.wrapping_add(n as u8); 5 + n], key: n.is_multiple_of(10) };
    (0..count).map(sample).collect()
}

/// A file of some fragments, and where each ends.
fn written() -> (Mp4<Cursor<Vec<u8>>>, Vec<u64>) {
    let mut mp4 = Mp4::create(Cursor::default(), description()).unwrap();
    let mut ends = vec![mp4.end()];
    for n in 0..4 {
        mp4.write_fragment(&samples(25, n), &samples(46 + usize::from(n), 100 + n)).unwrap();
        ends.push(mp4.end());
    }
    (mp4, ends)
}

fn same(a: &Mp4<Cursor<Vec<u8>>>, b: &Mp4<Cursor<Vec<u8>>>) -> bool {
    (&a.video, &a.audio, a.end, a.fragments) == (&b.video, &b.audio, b.end, b.fragments)
}

#[test]
fn a_file_cut_anywhere_goes_on_behind_its_last_whole_fragment() {
    let (mp4, ends) = written();
    let bytes = mp4.file.get_ref();
    for cut in ends[0]..=ends[4] {
        let resumed = Mp4::resume(Cursor::new(bytes[..cut as usize].to_vec()), description()).unwrap().unwrap();
        let whole = ends.iter().rposition(|end| *end <= cut).unwrap();
        assert_eq!((resumed.end(), resumed.pictures()), (ends[whole], 25 * whole as u64), "cut at {cut}");
    }
    let too_short = bytes[..ends[0] as usize - 1].to_vec();
    assert!(Mp4::resume(Cursor::new(too_short), description()).unwrap().is_none());
}

#[test]
fn a_whole_file_can_be_continued() {
    let (mut mp4, _) = written();
    mp4.finish().unwrap();
    let mut resumed = Mp4::resume(mp4.file.clone(), description()).unwrap().unwrap();
    assert!(same(&mp4, &resumed));
    let other = Mp4Description { width: 322, ..description() };
    assert!(Mp4::resume(mp4.file.clone(), other).unwrap().is_none(), "it was begun otherwise");
    resumed.finish().unwrap();
    assert_eq!(resumed.file.get_ref(), mp4.file.get_ref());
}

#[test]
fn pictures_are_found_again() {
    let (mut mp4, _) = written();
    let group = mp4.group_of(25 + 13).unwrap();
    assert_eq!(group, samples(25, 1)[10..=13]);
}

proptest! {
    #[test]
    fn a_damaged_file_is_read_without_panic(at in 0usize..20_000, garbage in proptest::collection::vec(any::<u8>(), 1..30)) {
        let (mp4, _) = written();
        let mut bytes = mp4.file.into_inner();
        let at = at % bytes.len();
        let end = bytes.len().min(at + garbage.len());
        bytes[at..end].copy_from_slice(&garbage[..end - at]);
        if let Some(resumed) = Mp4::resume(Cursor::new(bytes.clone()), description()).unwrap() {
            prop_assert!(resumed.end() <= bytes.len() as u64);
        }
    }
}
