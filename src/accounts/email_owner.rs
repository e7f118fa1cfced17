//! Finding the account that has verified an email address.

use crate::db::{DbConnection, DbError};
use crate::users::{self, User, UserId};

/// The most accounts with one address that are read.
const MAX_SHARING: i64 = 5;

/// Finds the account, other than `except`, that has verified the address.
pub fn find_verified_owner(
    conn: &mut DbConnection,
    email: &str,
    except: Option<UserId>,
) -> Result<Option<User>, DbError> {
    let Some(key) = users::email_key(email) else { return Ok(None) };
    let owners = users::list_by_email_key(conn, &key, MAX_SHARING)?;
    Ok(owners.into_iter().find(|owner| Some(owner.id) != except && owner.email_verified_at.is_some()))
}
