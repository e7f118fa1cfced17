//! Registering, listing, changing and deleting clients, and rotating their secrets.

use super::AdminService;
use crate::accounts::fields::{self, FieldError};
use crate::audit::{self, Cause, Event, EventKind};
use crate::clients::{self, Client, GrantType};
use crate::clock::Moment;
use crate::db::{DbConnection, DbError};
use crate::scope::Scopes;
use crate::secret::PlainSecret;
use crate::sessions::{self, EndReason};

/// The most sessions counted for one client.
const MAX_SESSIONS: i64 = 10_000;
/// The most clients listed.
const MAX_CLIENTS: i64 = 100_000;

/// The fields of a new client, unchecked.
#[derive(Clone, Debug, Default)]
pub struct ClientFields {
    /// The name.
    pub name: String,
    /// The grant types that it may use.
    pub grants: Vec<String>,
    /// The scopes that its tokens may have.
    pub scopes: Vec<String>,
    /// Whether it names the addresses of people.
    pub forwards_client_address: bool,
}

impl ClientFields {
    /// Checks the name, the grant types and the scopes.
    ///
    /// # Errors
    /// The first invalid field.
    pub fn check(self) -> Result<(String, Vec<GrantType>, Scopes), FieldError> {
        let name = fields::check_client_name(self.name)?;
        Ok((name, fields::check_grants(&self.grants)?, fields::check_scopes(&self.scopes)?))
    }
}

/// Outcome of registering a client.
#[derive(Clone, Debug)]
pub enum ClientCreation {
    /// The client was registered.
    Created {
        /// The client.
        client: Client,
        /// The secret, which cannot be shown again.
        secret: PlainSecret,
    },
    /// This client has the name already.
    NameTaken(Client),
    /// A field is invalid.
    Invalid(FieldError),
}

/// A change of a client; an absent field stays.
#[derive(Clone, Debug, Default)]
pub struct ClientUpdate {
    /// The new list of grant types.
    pub grants: Option<Vec<String>>,
    /// The new list of scopes.
    pub scopes: Option<Vec<String>>,
    /// Whether it names the addresses of people.
    pub forwards_client_address: Option<bool>,
}

/// Outcome of changing a client.
#[derive(Clone, Debug)]
pub enum ClientChange {
    /// The client is as requested.
    Done {
        /// The client after the change.
        client: Client,
        /// Whether it was different before.
        is_changed: bool,
    },
    /// No client has this name or ID.
    NoSuchClient,
    /// A field is invalid.
    Invalid(FieldError),
}

/// A client with a new secret.
#[derive(Clone, Debug)]
pub struct NewClientSecret {
    /// The client.
    pub client: Client,
    /// The new secret, which cannot be shown again.
    pub secret: PlainSecret,
    /// The number of sessions that ended.
    pub ended_sessions: usize,
}

impl AdminService {
    /// Registers a client and creates its secret.
    pub async fn add_client(&self, fields: ClientFields) -> Result<ClientCreation, DbError> {
        let forwards_client_address = fields.forwards_client_address;
        let (name, grants, scopes) = match fields.check() {
            Ok(checked) => checked,
            Err(error) => return Ok(ClientCreation::Invalid(error)),
        };
        let secret = PlainSecret::generate();
        let client = Client { forwards_client_address, ..Client::new(name, &secret, grants, scopes, self.clock.now()) };
        let clock = self.clock.clone();
        self.write(move |conn, _| {
            if let Some(taken) = clients::find_by_name(conn, &client.name)? {
                return Ok(ClientCreation::NameTaken(taken));
            }
            clients::create(conn, &client)?;
            record(conn, EventKind::ClientAdded, &client, clock.now())?;
            Ok(ClientCreation::Created { client: client.clone(), secret: secret.clone() })
        })
        .await
    }

    /// Lists all clients, in order of their names.
    pub async fn list_clients(&self) -> Result<Vec<Client>, DbError> {
        self.db.read(|conn| Ok(clients::list(conn, MAX_CLIENTS)?)).await
    }

    /// Finds a client, with the number of its live sessions.
    pub async fn show_client(&self, name_or_id: &str) -> Result<Option<(Client, usize)>, DbError> {
        let (name_or_id, now, lifetimes) = (name_or_id.to_owned(), self.clock.now(), self.sessions.lifetimes());
        self.db
            .read(move |conn| {
                let Some(client) = find_client(conn, &name_or_id)? else { return Ok(None) };
                let sessions = sessions::list_unended_of_client(conn, &client.id, MAX_SESSIONS)?;
                let live = sessions.iter().filter(|session| lifetimes.is_live(session, now)).count();
                Ok(Some((client, live)))
            })
            .await
    }

    /// Changes a client.
    pub async fn set_client(&self, name_or_id: &str, update: ClientUpdate) -> Result<ClientChange, DbError> {
        let grants = update.grants.map(|grants| fields::check_grants(&grants)).transpose();
        let scopes = update.scopes.map(|scopes| fields::check_scopes(&scopes)).transpose();
        let (grants, scopes) = match (grants, scopes) {
            (Ok(grants), Ok(scopes)) => (grants, scopes),
            (Err(error), _) | (_, Err(error)) => return Ok(ClientChange::Invalid(error)),
        };
        let (name_or_id, clock) = (name_or_id.to_owned(), self.clock.clone());
        self.write(move |conn, _| {
            let Some(before) = lock_client(conn, &name_or_id)? else { return Ok(ClientChange::NoSuchClient) };
            let client = Client {
                grants: grants.clone().unwrap_or_else(|| before.grants.clone()),
                scopes: scopes.clone().unwrap_or_else(|| before.scopes.clone()),
                forwards_client_address: update.forwards_client_address.unwrap_or(before.forwards_client_address),
                ..before.clone()
            };
            let is_changed = client != before;
            if is_changed {
                clients::set_rights(conn, &client.id, &client.grants, &client.scopes)?;
                clients::set_forwards_client_address(conn, &client.id, client.forwards_client_address)?;
                record(conn, EventKind::ClientChanged, &client, clock.now())?;
            }
            Ok(ClientChange::Done { client, is_changed })
        })
        .await
    }

    /// Replaces the secret of a client; the old one becomes invalid. With `ends_tokens` the client's sessions end too,
    /// in case the old secret was stolen. `None` when no client has this name or ID.
    pub async fn rotate_client_secret(
        &self,
        name_or_id: &str,
        ends_tokens: bool,
    ) -> Result<Option<NewClientSecret>, DbError> {
        let (name_or_id, clock, secret) = (name_or_id.to_owned(), self.clock.clone(), PlainSecret::generate());
        self.write(move |conn, ended| {
            let Some(client) = lock_client(conn, &name_or_id)? else { return Ok(None) };
            let now = clock.now();
            clients::set_secret(conn, &client.id, &secret.hash(), now)?;
            record(conn, EventKind::ClientSecretRotated, &client, now)?;
            let ended_sessions = if ends_tokens {
                sessions::end_all_of_client(conn, ended, &client.id, EndReason::ClientSecretChanged, now)?
            } else {
                0
            };
            Ok(Some(NewClientSecret { client, secret: secret.clone(), ended_sessions }))
        })
        .await
    }

    /// Deletes a client and ends its sessions, those of its users included. Returns the client and the number of
    /// sessions that ended; `None` when no client has this name or ID.
    pub async fn delete_client(&self, name_or_id: &str) -> Result<Option<(Client, usize)>, DbError> {
        let (name_or_id, clock) = (name_or_id.to_owned(), self.clock.clone());
        self.write(move |conn, ended| {
            // Before the sessions end: no session of the client starts in between.
            let Some(client) = lock_client(conn, &name_or_id)? else { return Ok(None) };
            let now = clock.now();
            clients::delete(conn, &client.id)?;
            record(conn, EventKind::ClientDeleted, &client, now)?;
            let ended = sessions::end_all_of_client(conn, ended, &client.id, EndReason::ClientDeleted, now)?;
            Ok(Some((client, ended)))
        })
        .await
    }
}

/// Records what a command did with a client.
fn record(conn: &mut DbConnection, kind: EventKind, client: &Client, now: Moment) -> Result<(), DbError> {
    let event = Event::of_client(kind, &client.id, &Cause::command(), now);
    // The name stays known after the client was deleted.
    audit::record(conn, &Event { detail: Some(client.name.clone()), ..event })?;
    Ok(())
}

/// Finds a client by ID, or by name, which never looks like an ID.
fn find_client(conn: &mut DbConnection, name_or_id: &str) -> Result<Option<Client>, DbError> {
    let is_id = clients::is_id(name_or_id);
    Ok(if is_id { clients::find(conn, name_or_id)? } else { clients::find_by_name(conn, name_or_id)? })
}

/// Finds a client by ID or name and locks its row until the transaction ends.
pub fn lock_client(conn: &mut DbConnection, name_or_id: &str) -> Result<Option<Client>, DbError> {
    let Some(seen) = find_client(conn, name_or_id)? else { return Ok(None) };
    if !clients::lock_unchanged(conn, &seen)? {
        // Its secret changed, or it was deleted, since it was read: the transaction is retried.
        return Err(DbError::Busy);
    }
    Ok(clients::find(conn, &seen.id)?)
}
