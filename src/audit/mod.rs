//! What happened that an administrator may want to know later: ids only, never a name or a secret.
//! `store.rs` holds the rows. What may not live here: the log (`tracing`), and who may read it.

mod store;

use crate::clock::Moment;
pub use store::{delete_old, record};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// A refresh token came that only a thief could still hold, and its session ended.
    RefreshTokenReused,
}

impl EventKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::RefreshTokenReused => "refresh_token_reused",
        }
    }
}

/// One thing that happened.
#[derive(Clone, Debug)]
pub struct Event {
    /// What.
    pub kind: EventKind,
    /// When.
    pub happened_at: Moment,
    /// To whose account, by its number.
    pub user_id: Option<i64>,
    /// Through which registered program.
    pub client_id: Option<String>,
    /// To which session.
    pub session_id: Option<String>,
    /// From where.
    pub network_address: Option<String>,
}
