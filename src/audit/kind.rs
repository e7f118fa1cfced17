//! The kinds of events.

/// Declares the kinds, each with its database value.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $text:literal,)+) => {
        /// The kind of an event.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum EventKind {
            $($(#[$doc])* $kind,)+
        }

        impl EventKind {
            /// All kinds.
            pub const ALL: &'static [Self] = &[$(Self::$kind,)+];

            /// The database value, in lower-case letters and `_`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$kind => $text,)+
                }
            }
        }
    };
}

kinds! {
    /// A sign-in in a browser, or of a client from a network that was new to the account.
    SignedIn = "signed_in",
    /// A later sign-in in a browser that was new to the account.
    SignedInFromNewDevice = "signed_in_from_new_device",
    /// Wrong passwords for the account from one network on one day.
    SignInFailed = "sign_in_failed",
    /// Too many wrong passwords; the account rejects sign-ins for a while.
    SignInsBlocked = "sign_ins_blocked",
    /// Sign-ins that were rejected within a minute without a look at the password.
    SignInsRejected = "sign_ins_rejected",
    /// A refresh token was reused, and its session ended.
    RefreshTokenReused = "refresh_token_reused",
    /// The user changed their password.
    PasswordChanged = "password_changed",
    /// An admin set the password, or the user set it through a link.
    PasswordSet = "password_set",
    /// An admin created or mailed a link with which the user sets a password.
    PasswordLinkCreated = "password_link_created",
    /// An admin required a new password.
    NewPasswordRequired = "new_password_required",
    /// The user ended one session from another one, or an admin did.
    SessionEnded = "session_ended",
    /// The user ended all sessions but the current one.
    OtherSessionsEnded = "other_sessions_ended",
    /// An admin ended all sessions of the account.
    SignedOutByAdmin = "signed_out_by_admin",
    /// An admin ended all sessions of all accounts and clients.
    AllSessionsEnded = "all_sessions_ended",
    /// An admin cleared the failed sign-ins of the account.
    Unlocked = "unlocked",
    /// The display name or, by an admin, the language was changed.
    ProfileChanged = "profile_changed",
    /// The email address was changed.
    EmailChanged = "email_changed",
    /// The account was created.
    Created = "created",
    /// Accounts were imported from a file.
    UsersImported = "users_imported",
    /// An admin disabled the account.
    Disabled = "disabled",
    /// An admin enabled the account.
    Enabled = "enabled",
    /// The account was deleted.
    Deleted = "deleted",
    /// A role was granted to the account.
    RoleGranted = "role_granted",
    /// A role was revoked from the account.
    RoleRevoked = "role_revoked",
    /// The scopes that a role allows were replaced.
    RoleChanged = "role_changed",
    /// A role was deleted, and revoked from all users.
    RoleDeleted = "role_deleted",
    /// An invitation was created.
    InvitationCreated = "invitation_created",
    /// An invitation was revoked.
    InvitationRevoked = "invitation_revoked",
    /// A client was registered.
    ClientAdded = "client_added",
    /// The rights of a client were changed.
    ClientChanged = "client_changed",
    /// The secret of a client was replaced.
    ClientSecretRotated = "client_secret_rotated",
    /// A client was deleted.
    ClientDeleted = "client_deleted",
    /// An admin issued an access token for a script.
    ScriptTokenIssued = "script_token_issued",
    /// A signing key was added.
    SigningKeyAdded = "signing_key_added",
    /// A signing key was retired, by an admin or because its last token had expired.
    SigningKeyRetired = "signing_key_retired",
    /// The signing keys were sealed with another server key.
    SigningKeysResealed = "signing_keys_resealed",
}

impl EventKind {
    /// The kind with this database value; `None` for one that only a newer release knows.
    #[must_use]
    pub fn from_name(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text)
    }

    /// The kinds that users see in the list of their account's activity, except for [`Self::SignInFailed`], which has a
    /// list of its own.
    pub(super) const OF_ACCOUNT: [Self; 20] = [
        Self::SignedIn,
        Self::SignedInFromNewDevice,
        Self::SignInsBlocked,
        Self::RefreshTokenReused,
        Self::PasswordChanged,
        Self::PasswordSet,
        Self::PasswordLinkCreated,
        Self::NewPasswordRequired,
        Self::SessionEnded,
        Self::OtherSessionsEnded,
        Self::SignedOutByAdmin,
        Self::Unlocked,
        Self::ProfileChanged,
        Self::EmailChanged,
        Self::Disabled,
        Self::Enabled,
        Self::Deleted,
        Self::RoleGranted,
        Self::RoleRevoked,
        Self::ScriptTokenIssued,
    ];

    /// The most events of this kind that are kept for one account, or of all that belong to no account. A client may sign
    /// in all the time, and anyone can guess passwords for made-up names; what admins do is kept longer.
    pub(super) fn max_kept(self, is_of_account: bool) -> i64 {
        match self {
            Self::SignInFailed | Self::SignInsBlocked => 100,
            _ if is_of_account => 100,
            _ => 10_000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::EventKind;
    use crate::i18n;

    #[test]
    fn every_kind_has_its_own_name_and_a_label_in_every_language() {
        for kind in EventKind::ALL {
            assert_eq!(EventKind::from_name(kind.as_str()), Some(*kind));
            for words in i18n::languages() {
                assert!(words.has(&kind.label_key()), "{} in {}", kind.label_key(), words.language());
            }
        }
    }
}
