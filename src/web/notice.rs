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
    /// The same, while a form was filled in.
    TextKept,
    /// After a link for a new password was asked for, whether or not one was mailed.
    ResetAsked,
    /// After a new password was chosen by a link.
    PasswordReset,
    /// After an address was confirmed.
    EmailVerified,
    /// After an account was asked for, whether or not a link was mailed.
    AccountAsked,
    /// After an account was made.
    AccountMade,
    /// After the profile was saved.
    ProfileSaved,
    /// After the person asked for another address.
    EmailAsked,
    /// After the person took that back.
    EmailCancelled,
    /// After the person changed their password.
    PasswordChanged,
    /// After the person ended one of their sessions.
    OneEnded,
    /// After the person ended all their other sessions.
    OthersEnded,
    /// After the person deleted their account.
    AccountDeleted,
}

impl Notice {
    const ALL: [Self; 17] = [
        Self::SignedOut,
        Self::SetUp,
        Self::Rescued,
        Self::SessionEnded,
        Self::TextKept,
        Self::ResetAsked,
        Self::PasswordReset,
        Self::EmailVerified,
        Self::AccountAsked,
        Self::AccountMade,
        Self::ProfileSaved,
        Self::EmailAsked,
        Self::EmailCancelled,
        Self::PasswordChanged,
        Self::OneEnded,
        Self::OthersEnded,
        Self::AccountDeleted,
    ];

    /// The word in the query, which is also the end of the message's key.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::SignedOut => "signed-out",
            Self::SetUp => "set-up",
            Self::Rescued => "rescued",
            Self::SessionEnded => "session-ended",
            Self::TextKept => "text-kept",
            Self::ResetAsked => "reset-asked",
            Self::PasswordReset => "password-reset",
            Self::EmailVerified => "email-verified",
            Self::AccountAsked => "account-asked",
            Self::AccountMade => "account-made",
            Self::ProfileSaved => "profile-saved",
            Self::EmailAsked => "email-asked",
            Self::EmailCancelled => "email-cancelled",
            Self::PasswordChanged => "password-changed",
            Self::OneEnded => "one-ended",
            Self::OthersEnded => "others-ended",
            Self::AccountDeleted => "account-deleted",
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
