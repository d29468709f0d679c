//! Whether the guide of the command line, in both languages, has what there is: every command and option, every exit
//! status, and examples that are understood.

use std::collections::BTreeSet;

use clap::{CommandFactory as _, Parser as _};

use crate::command_line::CommandLine;

const GUIDES: [&str; 2] =
    [include_str!("../../../docs/command-line.md"), include_str!("../../../docs/command-line.ko.md")];

/// Commands whose options stand in guides of their own.
const ELSEWHERE: [&str; 4] = ["capacity", "doctor", "install", "load-test"];

/// Those that do something, by what is typed.
fn commands(of: &clap::Command, typed: &str, found: &mut Vec<(String, clap::Command)>) {
    for command in of.get_subcommands().filter(|command| !command.is_hide_set() && command.get_name() != "help") {
        let typed = format!("{typed} {}", command.get_name());
        if command.has_subcommands() {
            commands(command, &typed, found);
        } else {
            found.push((typed, command.clone()));
        }
    }
}

/// Long options in a text of Markdown.
fn options(text: &str) -> BTreeSet<String> {
    let quoted = text.split('`').skip(1).step_by(2);
    let options = quoted.filter_map(|code| code.split(' ').next()).filter_map(|word| word.strip_prefix("--"));
    options.map(str::to_owned).collect()
}

#[test]
fn every_command_has_a_row_with_all_its_options() {
    let mut all = vec![];
    let line = CommandLine::command();
    commands(&line, "madang", &mut all);
    assert!(all.len() > 30, "{}", all.len());
    for guide in GUIDES {
        let rows: Vec<_> = guide.lines().filter(|line| line.starts_with("| `madang ")).collect();
        for (typed, command) in &all {
            let mut own = rows.iter().filter(|row| {
                let code = row.split('`').nth(1).unwrap_or_default();
                code.strip_prefix(typed.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
            });
            let (Some(row), None) = (own.next(), own.next()) else { panic!("not one row: {typed}") };
            if ELSEWHERE.contains(&command.get_name()) {
                continue;
            }
            let there = command.get_arguments().filter(|argument| !argument.is_global_set());
            let there = there.filter_map(|argument| argument.get_long()).filter(|long| *long != "help");
            // The one column of options; what is said of them may be behind it.
            let column = row.split('|').nth(2).unwrap_or_default();
            let server = ["url", "trust", "insecure", "json"];
            let is_asked = typed.starts_with("madang token") || typed.starts_with("madang call");
            let there = there.filter(|long| !(is_asked && server.contains(long)));
            assert_eq!(options(column), there.map(str::to_owned).collect(), "{typed}");
        }
        assert_eq!(rows.len(), all.len(), "rows of commands that are not there");
    }
}

#[test]
fn examples_are_understood_and_the_same_in_both_languages() {
    let examples = GUIDES.map(examples);
    assert!(examples[0].len() > 20);
    assert_eq!(examples[0], examples[1]);
    for words in &examples[0] {
        if let Err(error) = CommandLine::try_parse_from(words) {
            panic!("{words:?}: {error}");
        }
    }
}

/// Words of whatever calls the program in the guide's blocks for the shell.
fn examples(guide: &str) -> Vec<Vec<String>> {
    let blocks = guide.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    let lines = blocks.flat_map(str::lines).filter_map(|line| line.split_once("madang ").map(|(_, rest)| rest));
    lines
        .map(|line| {
            let mut words = vec!["madang".to_owned()];
            // Texts in quotes are one word each.
            for (index, part) in line.split('\'').enumerate() {
                if index % 2 == 1 {
                    words.push(part.to_owned());
                    continue;
                }
                let end = part.find(['#', '|', ')', '>']).unwrap_or(part.len());
                words.extend(part[..end].split_whitespace().map(str::to_owned));
                if end < part.len() {
                    break;
                }
            }
            words
        })
        .collect()
}

#[test]
fn every_exit_status_is_explained_in_the_guide_and_in_the_help() {
    use commands::ExitStatus::{Done, Failed, NotFound, Refused, Settings, Unreachable, Usage};
    let help = CommandLine::command().render_long_help().to_string();
    for status in [Done, Failed, Usage, NotFound, Refused, Unreachable, Settings] {
        let code = status.code();
        assert!(help.contains(&format!("\n  {code:<3} ")), "{code}: {help}");
        for guide in GUIDES {
            assert!(guide.contains(&format!("\n| {code} | ")), "{code}");
        }
    }
}
