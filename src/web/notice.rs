//! What a page tells on arrival: the codes that may stand in the query, and their words. What may not live here: alerts.

use super::form::Parameters;
use super::pages::Layout;

/// What a page tells on arrival; in the query as one of these words only, so that nobody can make our page say theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// After signing out.
    SignedOut,
    /// After the first administrator was made.
    SetUp,
    /// After a new password was chosen by a rescue link.
    Rescued,
    /// After a session ended by itself.
    SessionEnded,
}

impl Notice {
    const ALL: [Self; 4] = [Self::SignedOut, Self::SetUp, Self::Rescued, Self::SessionEnded];

    /// The word in the query, which is also the end of the message's key.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::SignedOut => "signed-out",
            Self::SetUp => "set-up",
            Self::Rescued => "rescued",
            Self::SessionEnded => "session-ended",
        }
    }

    /// The notice in a query, in words.
    #[must_use]
    pub fn in_query(query: &Parameters, layout: &Layout) -> Option<String> {
        let code = query.get("notice")?;
        let notice = Self::ALL.into_iter().find(|notice| notice.code() == code)?;
        Some(layout.word(&format!("notice-{}", notice.code())).to_owned())
    }
}
