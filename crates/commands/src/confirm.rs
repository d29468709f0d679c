//! Whether somebody really wants what cannot be undone.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use clap::Args;

use crate::{ExitStatus, Failure};

/// Of commands that end what others are in the middle of, or remove what cannot be made again.
#[derive(Args, Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Confirmation {
    /// Does not ask; needed where there is no terminal to ask on
    #[arg(long, short)]
    yes: bool,
}

impl Confirmation {
    /// `what` is a question. Where nobody can be asked, nothing is done: a script says `--yes`.
    pub(crate) fn ask(&self, what: &str) -> Result<(), Failure> {
        if self.yes {
            return Ok(());
        }
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return Err(Failure::new(ExitStatus::Usage, format!("{what} There is no terminal to ask on: add --yes")));
        }
        let mut error = io::stderr();
        let _ = write!(error, "{what} [y/N] ");
        let _ = error.flush();
        let mut answer = String::new();
        let read = io::stdin().lock().read_line(&mut answer);
        match read {
            Ok(_) if matches!(answer.trim(), "y" | "Y" | "yes" | "Yes") => Ok(()),
            _ => Err(Failure::new(ExitStatus::Failed, "nothing was done")),
        }
    }
}
