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

pub use attempt::{AttemptOrigin, PasswordAttempt, SignInPurpose};
pub use devices::{KnownPlaces, forget_all as forget_devices, forget_others as forget_other_devices};
pub use lock_state::{AccountLocks, LockState};
pub use reauthenticate::Reauthentication;
pub use request_limits::RequestLimiter;
pub use service::{AuthService, SignInError};
pub use sign_in::{SignIn, SignedIn};
pub use store::{delete_stale_attempts, delete_stale_devices};
pub use throttle::attempts_kept;
