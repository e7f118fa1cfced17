//! All SQL on registered clients.

use diesel::prelude::*;

use super::{Client, GrantType};
use crate::clock::Moment;
use crate::db::schema::clients;
use crate::db::{DbConnection, note_rights_change, prepared, update_where};
use crate::scope::Scopes;
use crate::secret::SecretHash;

/// A row of the table.
#[derive(Queryable, Selectable)]
#[diesel(table_name = clients)]
pub struct ClientRow {
    id: String,
    name: String,
    secret_hash: String,
    grants: String,
    scopes: String,
    created_at: Moment,
    secret_changed_at: Moment,
    forwards_client_address: bool,
}

impl From<ClientRow> for Client {
    fn from(row: ClientRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            secret_hash: SecretHash::from_stored(row.secret_hash),
            grants: row.grants.split(' ').filter_map(GrantType::from_name).collect(),
            scopes: Scopes::parse(&row.scopes).unwrap_or_default(),
            created_at: row.created_at,
            secret_changed_at: row.secret_changed_at,
            forwards_client_address: row.forwards_client_address,
        }
    }
}

fn grants_text(grants: &[GrantType]) -> String {
    grants.iter().map(|grant| grant.as_str()).collect::<Vec<_>>().join(" ")
}

/// Finds a client by its ID.
pub fn find(conn: &mut DbConnection, id: &str) -> QueryResult<Option<Client>> {
    let row = clients::table.find(id).select(ClientRow::as_select()).first(conn).optional()?;
    Ok(row.map(Client::from))
}

/// Finds a client by its name.
pub fn find_by_name(conn: &mut DbConnection, name: &str) -> QueryResult<Option<Client>> {
    let row = clients::table.filter(clients::name.eq(name)).select(ClientRow::as_select()).first(conn).optional()?;
    Ok(row.map(Client::from))
}

/// Lists at most `limit` clients, sorted by the bytes of their names, because collations differ between databases.
pub fn list(conn: &mut DbConnection, limit: i64) -> QueryResult<Vec<Client>> {
    let rows: Vec<ClientRow> =
        clients::table.order(clients::id).limit(limit).select(ClientRow::as_select()).load(conn)?;
    let mut found: Vec<Client> = rows.into_iter().map(Client::from).collect();
    found.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(found)
}

/// Lists the names of these clients as (ID, name), in no order. Takes a few hundred IDs at most.
pub fn list_names(conn: &mut DbConnection, ids: &[String]) -> QueryResult<Vec<(String, String)>> {
    clients::table.filter(clients::id.eq_any(ids)).select((clients::id, clients::name)).load(conn)
}

/// Stores a new client. A taken name is a unique violation.
pub fn create(conn: &mut DbConnection, client: &Client) -> QueryResult<()> {
    diesel::insert_into(clients::table)
        .values((
            clients::id.eq(&client.id),
            clients::name.eq(&client.name),
            clients::secret_hash.eq(client.secret_hash.as_str()),
            clients::grants.eq(grants_text(&client.grants)),
            clients::scopes.eq(client.scopes.to_string()),
            clients::created_at.eq(client.created_at),
            clients::secret_changed_at.eq(client.secret_changed_at),
            clients::forwards_client_address.eq(client.forwards_client_address),
        ))
        .execute(conn)
        .map(drop)
}

/// Sets a client's grant types and scopes. Returns whether the client exists.
pub fn set_rights(conn: &mut DbConnection, id: &str, grants: &[GrantType], scopes: &Scopes) -> QueryResult<bool> {
    note_rights_change(conn);
    let count = diesel::update(clients::table.find(id))
        .set((clients::grants.eq(grants_text(grants)), clients::scopes.eq(scopes.to_string())))
        .execute(conn)?;
    Ok(count == 1)
}

/// Sets whether a client names the addresses of people. Returns whether the client exists.
pub fn set_forwards_client_address(conn: &mut DbConnection, id: &str, forwards: bool) -> QueryResult<bool> {
    note_rights_change(conn);
    let row = diesel::update(clients::table.find(id));
    row.set(clients::forwards_client_address.eq(forwards)).execute(conn).map(|count| count == 1)
}

/// Sets a client's secret. Returns whether the client exists.
pub fn set_secret(conn: &mut DbConnection, id: &str, hash: &SecretHash, now: Moment) -> QueryResult<bool> {
    note_rights_change(conn);
    let count = diesel::update(clients::table.find(id))
        .set((clients::secret_hash.eq(hash.as_str()), clients::secret_changed_at.eq(now)))
        .execute(conn)?;
    Ok(count == 1)
}

/// Locks a client's row if its secret is still the one that was checked. Returns whether it is.
pub fn lock_unchanged(conn: &mut DbConnection, client: &Client) -> QueryResult<bool> {
    let row = clients::id.eq(&client.id).and(clients::secret_hash.eq(client.secret_hash.as_str()));
    let nothing = clients::created_at.eq(clients::created_at);
    prepared!(conn, update_where(nothing, row), execute).map(|count| count == 1)
}

/// Deletes a client. Returns whether it existed.
pub fn delete(conn: &mut DbConnection, id: &str) -> QueryResult<bool> {
    note_rights_change(conn);
    diesel::delete(clients::table.find(id)).execute(conn).map(|count| count == 1)
}
