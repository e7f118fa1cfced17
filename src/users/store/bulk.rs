//! All SQL on many users at once.
#![expect(clippy::ref_option_ref, reason = "the derived `Insertable` borrows fields that are already borrowed")]

use diesel::prelude::*;

use super::reserve_ids;
use crate::clock::Moment;
use crate::db::DbConnection;
use crate::db::schema::{user_roles, username_skeletons, users};
use crate::secret::random_id;
use crate::users::skeleton::VERSION;
use crate::users::{ImportedUser, UserId, email_key};

/// Lists the user IDs among these that belong to a user, perhaps a deleted one. Takes a few thousand at most.
pub fn list_taken_ids(conn: &mut DbConnection, ids: &[UserId]) -> QueryResult<Vec<UserId>> {
    let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
    let taken: Vec<i64> = users::table.filter(users::id.eq_any(ids)).select(users::id).load(conn)?;
    Ok(taken.into_iter().map(UserId).collect())
}

/// Lists the canonical addresses among these that a user has confirmed. Takes a few thousand at most.
pub fn list_verified_email_keys(conn: &mut DbConnection, keys: &[&str]) -> QueryResult<Vec<String>> {
    let found: Vec<Option<String>> = users::table
        .filter(users::email_key.eq_any(keys).and(users::email_verified_at.is_not_null()))
        .select(users::email_key)
        .load(conn)?;
    Ok(found.into_iter().flatten().collect())
}

/// A user as an exported file has them.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = users)]
pub struct ExportedUser {
    /// The user ID.
    pub id: i64,
    /// The username as it was given.
    pub username: String,
    /// The display name.
    pub display_name: Option<String>,
    /// The email address.
    pub email: Option<String>,
    /// When the user confirmed the address.
    pub email_verified_at: Option<Moment>,
    /// The language, as a tag of `locales/`.
    pub language: Option<String>,
    /// The password hash, as it is stored.
    pub password_hash: Option<String>,
    /// When the account was created.
    pub created_at: Moment,
    /// When the account was disabled.
    pub disabled_at: Option<Moment>,
}

/// Lists at most `limit` users by ID, starting after the ID `after`, without deleted ones.
pub fn list_for_export(conn: &mut DbConnection, after: UserId, limit: i64) -> QueryResult<Vec<ExportedUser>> {
    users::table
        .filter(users::deleted_at.is_null().and(users::id.gt(after.0)))
        .order(users::id)
        .limit(limit)
        .select(ExportedUser::as_select())
        .load(conn)
}

/// Creates users with their roles, on PostgreSQL by `COPY`. The caller holds
/// [`lock_accounts`](super::lock_accounts), and has seen in the same transaction that their usernames, user IDs and
/// confirmed addresses are free.
pub fn insert_imported(conn: &mut DbConnection, new: &[&ImportedUser], now: Moment) -> QueryResult<()> {
    let requested = new.iter().filter_map(|user| user.id).max();
    let without_id = new.iter().filter(|user| user.id.is_none()).count();
    let first = reserve_ids(conn, i64::try_from(without_id).unwrap_or(i64::MAX), requested)?;
    let mut free_ids = (first.0..).map(UserId);
    let (mut rows, mut skeletons, mut roles) = (Vec::with_capacity(new.len()), Vec::new(), Vec::new());
    for user in new {
        let id = user.id.or_else(|| free_ids.next()).unwrap_or(first).0;
        rows.push(UserInsert::new(id, user));
        let of_name = user.username.skeletons().into_iter();
        skeletons.extend(of_name.map(|skeleton| SkeletonInsert { skeleton, version: VERSION, user_id: id }));
        roles.extend(user.roles.iter().map(|role| RoleInsert { user_id: id, role, granted_at: now }));
    }
    if let Some(postgres) = conn.postgres() {
        diesel::copy_from(users::table).from_insertable(rows).execute(postgres)?;
        diesel::copy_from(username_skeletons::table).from_insertable(skeletons).execute(postgres)?;
        return diesel::copy_from(user_roles::table).from_insertable(roles).execute(postgres).map(drop);
    }
    // On SQLite, one prepared statement for each row is as fast as one for many rows.
    for row in &rows {
        diesel::insert_into(users::table).values(row).execute(conn)?;
    }
    for skeleton in &skeletons {
        diesel::insert_into(username_skeletons::table).values(skeleton).execute(conn)?;
    }
    for role in &roles {
        diesel::insert_into(user_roles::table).values(role).execute(conn)?;
    }
    Ok(())
}

/// The columns of a new user; the others stay empty.
#[derive(Insertable)]
#[diesel(table_name = users, treat_none_as_default_value = false)]
struct UserInsert<'a> {
    id: i64,
    public_id: String,
    username: &'a str,
    username_key: &'a str,
    display_name: Option<&'a str>,
    email: Option<&'a str>,
    email_key: Option<String>,
    email_verified_at: Option<Moment>,
    language: Option<&'a str>,
    password_hash: Option<&'a str>,
    password_changed_at: Option<Moment>,
    created_at: Moment,
    disabled_at: Option<Moment>,
}

impl<'a> UserInsert<'a> {
    fn new(id: i64, user: &'a ImportedUser) -> Self {
        Self {
            id,
            public_id: random_id(),
            username: user.username.as_str(),
            username_key: user.username.key(),
            display_name: user.display_name.as_deref(),
            email: user.email.as_deref(),
            email_key: user.email.as_deref().and_then(email_key),
            email_verified_at: user.email_verified_at,
            language: user.language.as_deref(),
            password_hash: user.password_hash.as_deref(),
            password_changed_at: user.password_hash.as_ref().map(|_| user.created_at),
            created_at: user.created_at,
            disabled_at: user.disabled_at,
        }
    }
}

#[derive(Insertable)]
#[diesel(table_name = username_skeletons, treat_none_as_default_value = false)]
struct SkeletonInsert {
    skeleton: String,
    version: i64,
    user_id: i64,
}

#[derive(Insertable)]
#[diesel(table_name = user_roles, treat_none_as_default_value = false)]
struct RoleInsert<'a> {
    user_id: i64,
    role: &'a str,
    granted_at: Moment,
}
