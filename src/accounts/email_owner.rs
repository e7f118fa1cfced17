//! Finding the account that has verified an email address.

use crate::db::{DbConnection, DbError};
use crate::users::{self, User, UserId};

/// Finds the account, other than `except`, that has verified the address.
pub fn find_verified_owner(
    conn: &mut DbConnection,
    email: &str,
    except: Option<UserId>,
) -> Result<Option<User>, DbError> {
    let Some(key) = users::email_key(email) else { return Ok(None) };
    let owner = users::find_by_verified_email_key(conn, &key)?;
    Ok(owner.filter(|owner| Some(owner.id) != except))
}
