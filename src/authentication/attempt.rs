//! The input of a sign-in: the credentials, their origin and the purpose.

use std::net::IpAddr;

use crate::clients::Client;
use crate::scope::Scopes;
use crate::secret::PlainSecret;
use crate::sessions::{SessionKind, SessionOrigin};
use crate::users::LookupName;
use crate::users::password::Password;

/// A username and password as they were presented.
#[derive(Clone)]
pub struct PasswordAttempt {
    /// The username, which may be an email address.
    pub username: LookupName,
    /// The password.
    pub password: Password,
    /// Where the attempt comes from.
    pub origin: AttemptOrigin,
}

/// Where an attempt comes from.
#[derive(Clone)]
pub struct AttemptOrigin {
    /// The client's IP address.
    pub client_ip: IpAddr,
    /// The `User-Agent` header, at most 256 characters.
    pub user_agent: Option<String>,
    /// The secret in the browser's known-device cookie.
    pub device: Option<PlainSecret>,
    /// The language tag of the page, for a mail to an account that has chosen no language.
    pub language: Option<&'static str>,
}

impl AttemptOrigin {
    /// The IP address as text, in its canonical form.
    #[must_use]
    pub fn network_address(&self) -> String {
        self.client_ip.to_canonical().to_string()
    }
}

/// What a successful sign-in creates.
#[derive(Clone)]
pub enum SignInPurpose {
    /// A browser session.
    Browser {
        /// Whether the person chose "Keep me signed in".
        is_remembered: bool,
        /// The secret of the session that this browser holds already; the new session replaces it.
        previous: Option<PlainSecret>,
    },
    /// Tokens by the password grant (RFC 6749 §4.3).
    PasswordGrant {
        /// The authenticated client, if the request names one.
        client: Option<Client>,
        /// The requested scopes.
        scope: Scopes,
    },
}

impl SignInPurpose {
    pub(super) fn kind(&self) -> SessionKind {
        match self {
            Self::Browser { .. } => SessionKind::Browser,
            Self::PasswordGrant { .. } => SessionKind::PasswordGrant,
        }
    }

    pub(super) fn client(&self) -> Option<&Client> {
        match self {
            Self::Browser { .. } => None,
            Self::PasswordGrant { client, .. } => client.as_ref(),
        }
    }

    /// The requested scopes; a browser session has none.
    pub(super) fn scope(&self) -> Scopes {
        match self {
            Self::Browser { .. } => Scopes::default(),
            Self::PasswordGrant { scope, .. } => scope.clone(),
        }
    }

    pub(super) fn is_remembered(&self) -> bool {
        matches!(self, Self::Browser { is_remembered: true, .. })
    }

    pub(super) fn previous(&self) -> Option<&PlainSecret> {
        match self {
            Self::Browser { previous, .. } => previous.as_ref(),
            Self::PasswordGrant { .. } => None,
        }
    }

    pub(super) fn session_origin(&self, origin: &AttemptOrigin) -> SessionOrigin {
        SessionOrigin {
            kind: self.kind(),
            network_address: Some(origin.network_address()),
            user_agent: origin.user_agent.clone(),
        }
    }
}
