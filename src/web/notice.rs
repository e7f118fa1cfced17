//! Notices at the top of a page, chosen by a code in the query.

use super::form::Parameters;
use super::pages::Layout;

/// A notice at the top of a page. The query carries only a code, so a crafted link cannot put its own text on the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// After signing out.
    SignedOut,
    /// After the first administrator was created.
    SetUp,
    /// After a new password was chosen by a rescue link.
    Rescued,
    /// After the session expired or was revoked.
    SessionEnded,
    /// After the session ended while a form was filled in; its text is kept.
    DraftKept,
    /// After a password reset was requested, whether or not a link was sent.
    PasswordResetRequested,
    /// After a new password was chosen by a reset link.
    PasswordReset,
    /// Before an address is confirmed.
    SignInToVerify,
    /// After an address was confirmed.
    EmailVerified,
    /// After an account was requested, whether or not a link was sent.
    AccountRequested,
    /// After an account was created.
    AccountCreated,
    /// After the profile was saved.
    ProfileSaved,
    /// After an email change was requested.
    EmailChangeRequested,
    /// After an email change was cancelled.
    EmailChangeCancelled,
    /// After the password was changed.
    PasswordChanged,
    /// After one of the account's sessions was ended.
    OneSessionEnded,
    /// After all other sessions of the account were ended.
    OtherSessionsEnded,
    /// After the account was deleted.
    AccountDeleted,
    /// After an administrator disabled a user.
    UserDisabled,
    /// After an administrator enabled a user.
    UserEnabled,
    /// After an administrator signed a user out.
    UserSignedOut,
    /// After an administrator ended a session of a user.
    UserSessionEnded,
    /// After an administrator cleared the failed sign-ins of a user.
    UserUnlocked,
    /// After an administrator mailed a link to a user.
    UserLinkMailed,
    /// After an administrator granted a role.
    UserRoleGranted,
    /// After an administrator revoked a role.
    UserRoleRevoked,
    /// After an administrator changed an email address.
    UserEmailSaved,
    /// After an invitation was mailed.
    InvitationMailed,
}

impl Notice {
    const ALL: [Self; 28] = [
        Self::SignedOut,
        Self::SetUp,
        Self::Rescued,
        Self::SessionEnded,
        Self::DraftKept,
        Self::PasswordResetRequested,
        Self::PasswordReset,
        Self::SignInToVerify,
        Self::EmailVerified,
        Self::AccountRequested,
        Self::AccountCreated,
        Self::ProfileSaved,
        Self::EmailChangeRequested,
        Self::EmailChangeCancelled,
        Self::PasswordChanged,
        Self::OneSessionEnded,
        Self::OtherSessionsEnded,
        Self::AccountDeleted,
        Self::UserDisabled,
        Self::UserEnabled,
        Self::UserSignedOut,
        Self::UserSessionEnded,
        Self::UserUnlocked,
        Self::UserLinkMailed,
        Self::UserRoleGranted,
        Self::UserRoleRevoked,
        Self::UserEmailSaved,
        Self::InvitationMailed,
    ];

    /// The code in the query, which is also the suffix of the message key.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::SignedOut => "signed-out",
            Self::SetUp => "set-up",
            Self::Rescued => "rescued",
            Self::SessionEnded => "session-ended",
            Self::DraftKept => "text-kept",
            Self::PasswordResetRequested => "reset-asked",
            Self::PasswordReset => "password-reset",
            Self::SignInToVerify => "verify-sign-in",
            Self::EmailVerified => "email-verified",
            Self::AccountRequested => "account-asked",
            Self::AccountCreated => "account-made",
            Self::ProfileSaved => "profile-saved",
            Self::EmailChangeRequested => "email-asked",
            Self::EmailChangeCancelled => "email-cancelled",
            Self::PasswordChanged => "password-changed",
            Self::OneSessionEnded => "one-ended",
            Self::OtherSessionsEnded => "others-ended",
            Self::AccountDeleted => "account-deleted",
            Self::UserDisabled => "user-disabled",
            Self::UserEnabled => "user-enabled",
            Self::UserSignedOut => "user-signed-out",
            Self::UserSessionEnded => "user-session-ended",
            Self::UserUnlocked => "user-unlocked",
            Self::UserLinkMailed => "user-link-mailed",
            Self::UserRoleGranted => "user-role-granted",
            Self::UserRoleRevoked => "user-role-revoked",
            Self::UserEmailSaved => "user-email-saved",
            Self::InvitationMailed => "invitation-mailed",
        }
    }

    /// The text of the notice in a query.
    #[must_use]
    pub fn in_query(query: &Parameters, layout: &Layout) -> Option<String> {
        let code = query.get("notice")?;
        let notice = Self::ALL.into_iter().find(|notice| notice.code() == code)?;
        Some(layout.word(&format!("notice-{}", notice.code())).to_owned())
    }
}
