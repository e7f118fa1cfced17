//! Authentication: verifying a password under throttling, starting the session and signing the token.

mod attempt;
mod buckets;
mod devices;
pub mod granted_scopes;
mod known_browser;
mod lock_state;
mod reauthenticate;
mod request_limits;
mod reservation;
mod service;
mod sign_in;
mod sign_in_rate;
mod store;
mod throttle;
mod wait_queue;

use diesel::QueryResult;

use crate::db::DbConnection;
use crate::secret::{KeyPurpose, ServerKey};
use crate::users::LookupName;
pub use attempt::{AttemptOrigin, PasswordAttempt, SignInPurpose};
pub use devices::{KnownPlaces, forget_all as forget_devices, forget_others as forget_other_devices};
pub use lock_state::{LockReader, LockState};
pub use reauthenticate::Reauthentication;
pub use request_limits::RequestLimiter;
pub use service::{AuthService, SignInError};
pub use sign_in::{SignIn, SignedIn};
pub use store::{delete_stale_attempts, delete_stale_devices};
pub use throttle::attempts_kept;

/// Forgets the failures counted for the names with which an account signs in, from all networks and devices. Returns the
/// number of buckets deleted.
pub fn unlock(conn: &mut DbConnection, server_key: &ServerKey, names: &[LookupName]) -> QueryResult<usize> {
    let key = server_key.derive(KeyPurpose::Throttling);
    let mut deleted = 0;
    for name in names {
        deleted += store::delete_attempts_of(conn, &buckets::account_name(&key, name.throttling_key()))?;
    }
    Ok(deleted)
}
