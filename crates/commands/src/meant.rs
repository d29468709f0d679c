//! What somebody meant who named a thing that is not there.

/// As many are told of as fit on a line or two.
const MANY: usize = 8;
/// Letters of a beginning that count as a name cut short.
const BEGINNING: usize = 3;

/// Of `known`, the one that `name` probably stands for: cut short, in other letters, or misspelt.
pub(crate) fn closest<'a>(name: &str, known: &'a [String]) -> Option<&'a str> {
    let lower = name.to_lowercase();
    let same = known.iter().find(|known| known.to_lowercase() == lower);
    let mut longer = known.iter().filter(|known| known.to_lowercase().starts_with(&lower));
    let cut_short = match (longer.next(), longer.next()) {
        (Some(only), None) if name.chars().count() >= BEGINNING => Some(only),
        _ => None,
    };
    let misspelt = || {
        let with_mistakes = known.iter().map(|known| (strsim::osa_distance(&lower, &known.to_lowercase()), known));
        // Ids made up by chance are all as far apart as their letters are many.
        let few = |known: &str| (known.chars().count() / 4).min(2);
        with_mistakes.filter(|(mistakes, known)| *mistakes <= few(known)).min().map(|(_, known)| known)
    };
    same.or(cut_short).or_else(misspelt).map(String::as_str)
}

/// What to say behind "there is no session 'x'".
pub(crate) fn hint(name: &str, known: &[String]) -> String {
    match (closest(name, known), known) {
        (Some(meant), _) => format!("; is '{meant}' meant?"),
        (None, []) => "; there is none at all".to_owned(),
        (None, [only]) => format!("; there is only '{only}'"),
        (None, several) if several.len() <= MANY => format!("; there are {}", several.join(", ")),
        (None, many) => format!("; there are {} others, and `list` shows them", many.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_name_may_be_cut_short_misspelt_or_in_other_letters() {
        let names = known(&["garden", "garage", "lesson-7", "con_Kx81Ab3dQz", "가든파티"]);
        for (typed, meant) in [
            ("Garden", Some("garden")),
            ("gardne", Some("garden")),
            ("les", Some("lesson-7")),
            ("con_Kx81", Some("con_Kx81Ab3dQz")),
            ("con_kx81ab3dqz", Some("con_Kx81Ab3dQz")),
            ("가든퍼티", Some("가든파티")),
            ("gar", None),
            ("le", None),
            ("con_Mm77Tt5pLw", None),
            ("kitchen", None),
        ] {
            assert_eq!(closest(typed, &names), meant, "{typed}");
        }
    }

    #[test]
    fn who_meant_nothing_like_it_is_told_what_there_is() {
        assert_eq!(hint("x", &[]), "; there is none at all");
        assert_eq!(hint("x", &known(&["garden"])), "; there is only 'garden'");
        assert_eq!(hint("x", &known(&["garden", "yard"])), "; there are garden, yard");
        let many: Vec<_> = (0..20).map(|number| format!("room-{number}")).collect();
        assert_eq!(hint("x", &many), "; there are 20 others, and `list` shows them");
    }
}
