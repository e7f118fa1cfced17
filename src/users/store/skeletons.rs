//! All SQL on what usernames look like.

use std::collections::HashMap;

use diesel::dsl::{exists, not};
use diesel::prelude::*;

use crate::db::DbConnection;
use crate::db::schema::{username_skeletons, users};
use crate::users::skeleton::{VERSION, skeletons};
use crate::users::{UserId, Username};

/// Stores what a new user's name looks like.
pub(in crate::users) fn insert_skeletons(conn: &mut DbConnection, id: UserId, skeletons: &[String]) -> QueryResult<()> {
    for skeleton in skeletons {
        let row = (
            username_skeletons::skeleton.eq(skeleton),
            username_skeletons::version.eq(VERSION),
            username_skeletons::user_id.eq(id.0),
        );
        diesel::insert_into(username_skeletons::table).values(row).execute(conn)?;
    }
    Ok(())
}

/// Lists the given usernames that look like that of another user, who may be deleted, each by its canonical form with
/// the other name, the oldest of several. A user with the same name is not another. Takes a few hundred names at most.
pub fn list_similar(conn: &mut DbConnection, usernames: &[&Username]) -> QueryResult<HashMap<String, String>> {
    let mut keys_by_skeleton: HashMap<String, Vec<&str>> = HashMap::new();
    for username in usernames {
        for skeleton in username.skeletons() {
            keys_by_skeleton.entry(skeleton).or_default().push(username.key());
        }
    }
    let found: Vec<(String, String, String)> = username_skeletons::table
        .inner_join(users::table)
        .filter(username_skeletons::skeleton.eq_any(keys_by_skeleton.keys()))
        .filter(username_skeletons::version.eq(VERSION))
        .order(users::id)
        .select((username_skeletons::skeleton, users::username, users::username_key))
        .load(conn)?;
    let mut similar = HashMap::new();
    for (skeleton, other, other_key) in found {
        for key in keys_by_skeleton.get(&skeleton).into_iter().flatten().filter(|key| **key != other_key) {
            similar.entry((*key).to_owned()).or_insert_with(|| other.clone());
        }
    }
    Ok(similar)
}

/// Stores what the names of at most `limit` users look like that have no row of this version, and deletes their rows of
/// others. Returns their count. The caller holds [`lock_accounts`](crate::users::lock_accounts).
pub fn fill_skeletons(conn: &mut DbConnection, limit: i64) -> QueryResult<usize> {
    let current = username_skeletons::table
        .filter(username_skeletons::user_id.eq(users::id).and(username_skeletons::version.eq(VERSION)));
    let missing: Vec<(i64, String, String)> = users::table
        .filter(not(exists(current)))
        .order(users::id)
        .limit(limit)
        .select((users::id, users::username, users::username_key))
        .load(conn)?;
    for (id, username, key) in &missing {
        diesel::delete(username_skeletons::table.filter(username_skeletons::user_id.eq(id))).execute(conn)?;
        insert_skeletons(conn, UserId(*id), &skeletons(username, key))?;
    }
    Ok(missing.len())
}
