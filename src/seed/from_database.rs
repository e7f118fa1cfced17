//! The clients and roles of a database as a seed file.

use serde::Serialize;

use crate::accounts::AccountService;
use crate::clients::{self, Client};
use crate::db::DbError;
use crate::scope::Scopes;
use crate::users;

/// The most clients in a seed file.
const MAX_CLIENTS: i64 = 10_000;
const HEADING: &str = "\
# Roles and clients of a database, for \"vestibule seed FILE\". The database has only the hashes of client secrets: a new
# client gets a new secret, which is printed once, or the one that you write here as `secret`.
";

/// The text of a seed file, and what it cannot say.
#[derive(Clone, Debug)]
pub struct SeedText {
    /// The file.
    pub text: String,
    /// The names of clients that name the addresses of people, which a seed file cannot say.
    pub forwarding_clients: Vec<String>,
}

#[derive(Serialize)]
struct Document {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    roles: Vec<RoleTable>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    clients: Vec<ClientTable>,
}

#[derive(Serialize)]
struct RoleTable {
    name: String,
    scopes: Vec<String>,
}

#[derive(Serialize)]
struct ClientTable {
    name: String,
    grants: Vec<&'static str>,
    scopes: Vec<String>,
}

/// Reads the roles that allow scopes, and the clients.
pub async fn from_database(accounts: &AccountService) -> Result<SeedText, DbError> {
    let (roles, clients) = accounts
        .read(|conn| Ok::<_, DbError>((users::list_scopes_by_role(conn)?, clients::list(conn, MAX_CLIENTS)?)))
        .await?;
    let texts = |scopes: &Scopes| scopes.iter().map(str::to_owned).collect();
    let client_table = |client: &Client| ClientTable {
        name: client.name.clone(),
        grants: client.grants.iter().map(|grant| grant.as_str()).collect(),
        scopes: texts(&client.scopes),
    };
    let document = Document {
        roles: roles.iter().map(|(name, scopes)| RoleTable { name: name.clone(), scopes: texts(scopes) }).collect(),
        clients: clients.iter().map(client_table).collect(),
    };
    let tables = toml::to_string(&document).expect("names, grants and scopes are text");
    let is_forwarding = |client: &Client| client.forwards_client_address.then(|| client.name.clone());
    Ok(SeedText {
        text: format!("{HEADING}\n{tables}"),
        forwarding_clients: clients.iter().filter_map(is_forwarding).collect(),
    })
}
