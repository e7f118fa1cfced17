//! What an admin does with accounts, roles and programs: use cases for the command line and, later, pages. Each is one transaction over several
//! capabilities. `accounts.rs` holds the steps on one account, `roles.rs` and `clients.rs` what is done with those, `tokens.rs` makes
//! tokens for scripts, `keys.rs` the signing keys, `setup.rs` the first admin and the link for a locked-out one, `recovery.rs` a new password by a link, `addresses.rs` a proved address, `invites.rs` new accounts,
//! `fields.rs` the checks of what was typed, `seed*.rs` the seeding from a file.
//! What may not live here: SQL (`store.rs` files), prompts and output (`cli`), pages.

mod accounts;
mod addresses;
pub mod clients;
pub mod fields;
mod invites;
mod keys;
mod recovery;
pub mod roles;
pub mod seed;
mod seed_apply;
pub mod seed_clients;
pub mod seed_file;
mod seed_plan;
pub mod seed_roles;
pub mod seed_users;
mod setup;
pub mod tokens;

use zeroize::Zeroizing;

use crate::audit::ClientInfo;
use crate::authentication;
use crate::clock::Clock;
use crate::db::{Db, DbConnection, DbError};
use crate::mail::{MailKind, Outbox};
use crate::secret::ServerKey;
use crate::sessions::{self, Lifetimes};
use crate::users::hash_pool::{HashPool, HashPoolFull};
use crate::users::password::{Owner, Password, PasswordPolicy};
use crate::users::{LookupName, User, UserId, Username};
pub use accounts::{
    Account, Added, Deletion, Disabling, Enabling, LINKS_REVOKED_ON_CREDENTIAL_CHANGE, PasswordSetting, UserFields,
    add, delete, disable, enable, find_account, find_user, list_accounts, set_password, sign_out,
};
pub use addresses::{Verification, ask_for_address, mail_verification, verify};
pub use invites::{Accepted, Invited, accept, ask_for_account, invite};
pub use keys::KeyRotation;
pub use recovery::{Reset, ResetLink, find_reachable, mail_reset, queue_notification, reset, reset_link};
pub use setup::{FirstAdmin, SetupLink, create_first_admin, setup_link};

/// Accounts that one query of a list returns.
pub const LIST_BATCH: i64 = 500;
/// The most sessions that are looked through for one user.
const MAX_SESSIONS: i64 = 10_000;
/// How often a transaction is tried while the database is busy with others; on SQLite each try waits three seconds by itself.
const TRIES: u32 = 10;

/// A fault that kept a use case from being decided.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The database gave no answer.
    #[error(transparent)]
    Database(#[from] DbError),
    /// No room for another hash now.
    #[error(transparent)]
    HashPoolFull(#[from] HashPoolFull),
}

/// The services that the use cases need. Cheap to clone.
#[derive(Clone)]
pub struct AdminService {
    /// The database.
    pub db: Db,
    /// The clock.
    pub clock: Clock,
    /// The threads that hash.
    pub hash_pool: HashPool,
    /// What a new password may be.
    pub password_policy: PasswordPolicy,
    /// Where mails are left to be sent.
    pub mail: Outbox,
}

/// What became of a wish to forget an account's failed sign-ins.
#[derive(Clone, Debug)]
pub enum Unlocking {
    /// They are forgotten.
    Done {
        /// Whose they were.
        user: User,
        /// How many counters there were: 0 when nothing stood against the account.
        forgotten: usize,
    },
    /// Nobody has this name.
    NoSuchUser,
}

impl AdminService {
    /// Adds a user.
    ///
    /// # Errors
    /// [`AdminError`]; nothing was changed.
    pub async fn add(&self, fields: UserFields, password: Option<&Zeroizing<String>>) -> Result<Added, AdminError> {
        let (mut new, roles) = match fields.check() {
            Ok(checked) => checked,
            Err(fault) => return Ok(Added::Invalid(fault)),
        };
        if let Some(typed) = password {
            match Password::choose(typed, &Owner::from(&new), &self.password_policy) {
                Ok(password) => new.password_hash = Some(self.hash_pool.hash(password).await?),
                Err(error) => return Ok(Added::Invalid(error.into())),
            }
        }
        let clock = self.clock.clone();
        Ok(self.write(move |conn| add(conn, new.clone(), &roles, clock.now())).await?)
    }

    /// The next accounts after number `after`, at most [`LIST_BATCH`]; none means that there are no more.
    ///
    /// # Errors
    /// When a query fails.
    pub async fn list(&self, after: UserId) -> Result<Vec<Account>, DbError> {
        self.db.read(move |conn| list_accounts(conn, after, LIST_BATCH)).await
    }

    /// Finds an account by name, with how many of its sessions are live.
    ///
    /// # Errors
    /// When a query fails.
    pub async fn show(&self, name: &LookupName, lifetimes: Lifetimes) -> Result<Option<(Account, usize)>, DbError> {
        let (name, now) = (name.clone(), self.clock.now());
        self.db
            .read(move |conn| {
                let Some(account) = find_account(conn, &name)? else { return Ok(None) };
                let sessions = sessions::list_live_of_user(conn, account.user.id, MAX_SESSIONS)?;
                let live = sessions.iter().filter(|session| lifetimes.is_live(session, now)).count();
                Ok(Some((account, live)))
            })
            .await
    }

    /// Finds a user by name.
    ///
    /// # Errors
    /// When the query fails.
    pub async fn find(&self, name: &LookupName) -> Result<Option<User>, DbError> {
        let name = name.clone();
        self.db.read(move |conn| find_user(conn, &name)).await
    }

    /// Sets a user's password; all their sessions end.
    ///
    /// # Errors
    /// [`AdminError`]; nothing was changed.
    pub async fn set_password(
        &self,
        name: &LookupName,
        typed: &Zeroizing<String>,
    ) -> Result<PasswordSetting, AdminError> {
        let Some(user) = self.find(name).await? else { return Ok(PasswordSetting::NoSuchUser) };
        let password = match Password::choose(typed, &Owner::from(&user), &self.password_policy) {
            Ok(password) => password,
            Err(error) => return Ok(PasswordSetting::Invalid(error)),
        };
        let hash = self.hash_pool.hash(password).await?;
        let (found, clock, outbox) = (user.clone(), self.clock.clone(), self.mail.clone());
        let ended = self.write(move |conn| -> Result<_, DbError> {
            let ended = set_password(conn, found.id, (&hash, &ClientInfo::default()), clock.now())?;
            queue_notification(
                conn,
                &outbox,
                &found,
                MailKind::PasswordChanged { username: found.username.clone() },
                clock.now(),
            )?;
            Ok(ended)
        });
        let ended = ended.await?;
        Ok(ended.map_or(PasswordSetting::NoSuchUser, |ended_sessions| PasswordSetting::Done { user, ended_sessions }))
    }

    /// Turns an account off; its sessions end.
    ///
    /// # Errors
    /// When a query fails.
    pub async fn disable(&self, name: &LookupName, is_forced: bool) -> Result<Disabling, DbError> {
        let (name, clock) = (name.clone(), self.clock.clone());
        self.write(move |conn| disable(conn, &name, is_forced, clock.now())).await
    }

    /// Turns an account on.
    ///
    /// # Errors
    /// When a query fails.
    pub async fn enable(&self, name: &LookupName) -> Result<Enabling, DbError> {
        let name = name.clone();
        let clock = self.clock.clone();
        self.write(move |conn| enable(conn, &name, clock.now())).await
    }

    /// Deletes an account; its sessions end, its name and number stay taken.
    ///
    /// # Errors
    /// When a query fails.
    pub async fn delete(&self, name: &LookupName, is_forced: bool) -> Result<Deletion, DbError> {
        let (name, clock) = (name.clone(), self.clock.clone());
        self.write(move |conn| delete(conn, &name, is_forced, clock.now())).await
    }

    /// Ends all sessions of a user. Returns the user and how many sessions ended; `None` when nobody has this name.
    ///
    /// # Errors
    /// When a query fails.
    pub async fn sign_out(&self, name: &LookupName) -> Result<Option<(User, usize)>, DbError> {
        let (name, clock) = (name.clone(), self.clock.clone());
        self.write(move |conn| sign_out(conn, &name, clock.now())).await
    }

    /// Forgets the failed sign-ins counted for an account. The counters' names are made with the server's key.
    ///
    /// # Errors
    /// When a query fails.
    pub async fn unlock(&self, name: &LookupName, server_key: &ServerKey) -> Result<Unlocking, DbError> {
        let (name, server_key) = (name.clone(), server_key.clone());
        self.write(move |conn| {
            let Some(user) = find_user(conn, &name)? else { return Ok(Unlocking::NoSuchUser) };
            // A stored name passed the rules; given as its own e-mail it does so whatever became of the address since.
            let username = Username::parse(&user.username, Some(&user.username)).ok();
            let forgotten = username.map_or(Ok(0), |username| authentication::unlock(conn, &server_key, &username))?;
            Ok(Unlocking::Done { user, forgotten })
        })
        .await
    }

    /// Makes a one-time link: for the first admin, or for the admin `name` who is locked out.
    ///
    /// # Errors
    /// When a query fails.
    pub async fn setup_link(&self, name: Option<LookupName>) -> Result<SetupLink, DbError> {
        let clock = self.clock.clone();
        self.write(move |conn| setup_link(conn, name.as_ref(), clock.now())).await
    }

    /// [`Db::write`], again while others keep the database busy or came first with the same unique value. Either error means that
    /// nothing was written.
    pub(crate) async fn write<T, E, F>(&self, step: F) -> Result<T, E>
    where
        F: Fn(&mut DbConnection) -> Result<T, E> + Clone + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + IsTransient + Send + 'static,
    {
        for _ in 1..TRIES {
            match self.db.write(step.clone()).await {
                Err(error) if error.is_transient() => {}
                decided => return decided,
            }
        }
        self.db.write(step).await
    }
}

/// Whether an error is likely gone at the next try.
pub(crate) trait IsTransient {
    /// See the trait.
    fn is_transient(&self) -> bool;
}

impl IsTransient for DbError {
    fn is_transient(&self) -> bool {
        matches!(self, Self::Busy) || self.is_unique_violation()
    }
}
