//! What an admin does with registered programs: register, list, change, give a new secret, delete.
//! What may not live here: SQL (`clients::store`), and how the outcome is told (`cli`).

use super::AdminService;
use crate::accounts::fields::{self, FieldError};
use crate::clients::{self, Client, GrantType};
use crate::db::{DbConnection, DbError};
use crate::scope::Scopes;
use crate::secret::PlainSecret;
use crate::sessions::{self, EndReason};

/// The most sessions that are counted for one client.
const MAX_SESSIONS: i64 = 10_000;
/// The most clients that are listed.
const MAX_CLIENTS: i64 = 100_000;

/// What was typed for a new program.
#[derive(Clone, Debug, Default)]
pub struct ClientFields {
    /// What it is called.
    pub name: String,
    /// What it may ask for.
    pub grants: Vec<String>,
    /// The most that its tokens may be used for.
    pub scopes: Vec<String>,
}

impl ClientFields {
    /// Checks every field.
    ///
    /// # Errors
    /// The first field that is refused, and why.
    pub fn check(self) -> Result<(String, Vec<GrantType>, Scopes), FieldError> {
        let name = fields::check_client_name(self.name)?;
        Ok((name, fields::check_grants(&self.grants)?, fields::check_scopes(&self.scopes)?))
    }
}

/// What became of a update to register a program.
#[derive(Clone, Debug)]
pub enum ClientCreation {
    /// It is registered.
    Created {
        /// The program.
        client: Client,
        /// Its secret, which is told once.
        secret: PlainSecret,
    },
    /// Another program, this one, is called so.
    NameTaken(Client),
    /// A field is refused.
    Invalid(FieldError),
}

/// What is to be changed of a program; what is absent stays.
#[derive(Clone, Debug, Default)]
pub struct ClientUpdate {
    /// Exactly these grants.
    pub grants: Option<Vec<String>>,
    /// Exactly these scopes.
    pub scopes: Option<Vec<String>>,
}

/// What became of a update to change a program.
#[derive(Clone, Debug)]
pub enum ClientChange {
    /// It is as requested.
    Done {
        /// The program as it is now.
        client: Client,
        /// Whether it was otherwise before.
        is_changed: bool,
    },
    /// There is no such program.
    NoSuchClient,
    /// A field is refused.
    Invalid(FieldError),
}

/// A program with a new secret.
#[derive(Clone, Debug)]
pub struct NewClientSecret {
    /// The program.
    pub client: Client,
    /// Its secret, which is told once.
    pub secret: PlainSecret,
    /// How many sessions ended.
    pub ended_sessions: usize,
}

impl AdminService {
    /// Registers a program and makes its secret.
    ///
    /// # Errors
    /// When a query fails.
    pub async fn add_client(&self, fields: ClientFields) -> Result<ClientCreation, DbError> {
        let (name, grants, scopes) = match fields.check() {
            Ok(checked) => checked,
            Err(fault) => return Ok(ClientCreation::Invalid(fault)),
        };
        let secret = PlainSecret::generate();
        let client = Client::new(name, &secret, grants, scopes, self.clock.now());
        self.write(move |conn, _| {
            if let Some(taken) = clients::find_by_name(conn, &client.name)? {
                return Ok(ClientCreation::NameTaken(taken));
            }
            clients::create(conn, &client)?;
            Ok(ClientCreation::Created { client: client.clone(), secret: secret.clone() })
        })
        .await
    }

    /// All programs, in order of their names.
    ///
    /// # Errors
    /// When the query fails.
    pub async fn list_clients(&self) -> Result<Vec<Client>, DbError> {
        self.db.read(|conn| Ok(clients::list(conn, MAX_CLIENTS)?)).await
    }

    /// Finds a program by its name or id, with how many of its sessions are live.
    ///
    /// # Errors
    /// When a query fails.
    pub async fn show_client(&self, which: &str) -> Result<Option<(Client, usize)>, DbError> {
        let (which, now, lifetimes) = (which.to_owned(), self.clock.now(), self.sessions.lifetimes());
        self.db
            .read(move |conn| {
                let Some(client) = find_client(conn, &which)? else { return Ok(None) };
                let sessions = sessions::list_live_of_client(conn, &client.id, MAX_SESSIONS)?;
                let live = sessions.iter().filter(|session| lifetimes.is_live(session, now)).count();
                Ok(Some((client, live)))
            })
            .await
    }

    /// Changes what a program may ask for.
    ///
    /// # Errors
    /// When a query fails.
    pub async fn set_client(&self, which: &str, update: ClientUpdate) -> Result<ClientChange, DbError> {
        let grants = update.grants.map(|grants| fields::check_grants(&grants)).transpose();
        let scopes = update.scopes.map(|scopes| fields::check_scopes(&scopes)).transpose();
        let (grants, scopes) = match (grants, scopes) {
            (Ok(grants), Ok(scopes)) => (grants, scopes),
            (Err(fault), _) | (_, Err(fault)) => return Ok(ClientChange::Invalid(fault)),
        };
        let which = which.to_owned();
        self.write(move |conn, _| {
            let Some(seen) = lock_client(conn, &which)? else { return Ok(ClientChange::NoSuchClient) };
            let client = Client {
                grants: grants.clone().unwrap_or_else(|| seen.grants.clone()),
                scopes: scopes.clone().unwrap_or_else(|| seen.scopes.clone()),
                ..seen.clone()
            };
            let is_changed = client != seen;
            if is_changed {
                clients::set_rights(conn, &client.id, &client.grants, &client.scopes)?;
            }
            Ok(ClientChange::Done { client, is_changed })
        })
        .await
    }

    /// Gives a program a new secret; the old one serves no more. With `ends_tokens` its sessions end too, for when the old secret
    /// fell into wrong hands. `None` when there is no such program.
    ///
    /// # Errors
    /// When a query fails.
    pub async fn rotate_client_secret(
        &self,
        which: &str,
        ends_tokens: bool,
    ) -> Result<Option<NewClientSecret>, DbError> {
        let (which, clock, secret) = (which.to_owned(), self.clock.clone(), PlainSecret::generate());
        self.write(move |conn, ended| {
            let Some(client) = lock_client(conn, &which)? else { return Ok(None) };
            let now = clock.now();
            clients::set_secret(conn, &client.id, &secret.hash(), now)?;
            let ended_sessions = if ends_tokens {
                sessions::end_all_of_client(conn, ended, &client.id, EndReason::ClientSecretChanged, now)?
            } else {
                0
            };
            Ok(Some(NewClientSecret { client, secret: secret.clone(), ended_sessions }))
        })
        .await
    }

    /// Deletes a program; the sessions that it holds, its users' too, end. Returns the program and how many sessions ended;
    /// `None` when there is no such program.
    ///
    /// # Errors
    /// When a query fails.
    pub async fn delete_client(&self, which: &str) -> Result<Option<(Client, usize)>, DbError> {
        let (which, clock) = (which.to_owned(), self.clock.clone());
        self.write(move |conn, ended| {
            // The lock before all else: no session of it begins in between.
            let Some(client) = lock_client(conn, &which)? else { return Ok(None) };
            clients::delete(conn, &client.id)?;
            let ended = sessions::end_all_of_client(conn, ended, &client.id, EndReason::ClientDeleted, clock.now())?;
            Ok(Some((client, ended)))
        })
        .await
    }
}

/// Finds a program by its id, or by its name, which never looks like an id.
fn find_client(conn: &mut DbConnection, which: &str) -> Result<Option<Client>, DbError> {
    Ok(if clients::is_id(which) { clients::find(conn, which)? } else { clients::find_by_name(conn, which)? })
}

/// [`find_client`], with its row locked: as it is then, so it stays until the transaction ends.
pub fn lock_client(conn: &mut DbConnection, which: &str) -> Result<Option<Client>, DbError> {
    let Some(seen) = find_client(conn, which)? else { return Ok(None) };
    if !clients::lock_unchanged(conn, &seen)? {
        // Its secret changed, or it was deleted, at this very moment: the transaction is tried again.
        return Err(DbError::Busy);
    }
    Ok(clients::find(conn, &seen.id)?)
}
