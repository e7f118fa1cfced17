//! All SQL on users' roles. What may not live here: what a role allows.

use std::collections::BTreeMap;

use diesel::prelude::*;

use crate::clock::Moment;
use crate::db::DbConnection;
use crate::db::schema::{role_scopes, user_roles, users};
use crate::scope::Scopes;
use crate::users::{ADMIN_ROLE, UserId};

/// The roles of a user, in alphabetical order by bytes (the order of a database's collation differs).
///
/// # Errors
/// When the query fails.
pub fn list_roles(conn: &mut DbConnection, id: UserId) -> QueryResult<Vec<String>> {
    let mut roles: Vec<String> =
        user_roles::table.filter(user_roles::user_id.eq(id.0)).select(user_roles::role).load(conn)?;
    roles.sort();
    Ok(roles)
}

/// The roles of these users, in no order. At most some thousand users.
///
/// # Errors
/// When the query fails.
pub fn list_roles_of(conn: &mut DbConnection, ids: &[UserId]) -> QueryResult<Vec<(UserId, String)>> {
    let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
    let rows: Vec<(i64, String)> = user_roles::table
        .filter(user_roles::user_id.eq_any(ids))
        .select((user_roles::user_id, user_roles::role))
        .load(conn)?;
    Ok(rows.into_iter().map(|(id, role)| (UserId(id), role)).collect())
}

/// The scopes that these roles allow together.
///
/// # Errors
/// When the query fails.
pub fn list_role_scopes(conn: &mut DbConnection, roles: &[String]) -> QueryResult<Scopes> {
    let scopes: Vec<String> =
        role_scopes::table.filter(role_scopes::role.eq_any(roles)).select(role_scopes::scope).load(conn)?;
    // What an admin once allowed was checked then; past the bound of one request nobody can wish for more.
    Ok(scopes.iter().fold(Scopes::default(), |all, scope| all.with(scope)))
}

/// Each role that allows something, with what it allows, in order of the roles' names.
///
/// # Errors
/// When the query fails.
pub fn list_scopes_by_role(conn: &mut DbConnection) -> QueryResult<BTreeMap<String, Scopes>> {
    let rows: Vec<(String, String)> = role_scopes::table.select((role_scopes::role, role_scopes::scope)).load(conn)?;
    let mut by_role: BTreeMap<String, Scopes> = BTreeMap::new();
    for (role, scope) in rows {
        let scopes = by_role.remove(&role).unwrap_or_default().with(&scope);
        by_role.insert(role, scopes);
    }
    Ok(by_role)
}

/// Each role that somebody holds, with how many do, in no order.
///
/// # Errors
/// When the query fails.
pub fn count_by_role(conn: &mut DbConnection) -> QueryResult<Vec<(String, i64)>> {
    user_roles::table.group_by(user_roles::role).select((user_roles::role, diesel::dsl::count_star())).load(conn)
}

/// Sets exactly what a role allows.
///
/// # Errors
/// When a query fails.
pub fn set_role_scopes(conn: &mut DbConnection, role: &str, scopes: &Scopes) -> QueryResult<()> {
    diesel::delete(role_scopes::table.filter(role_scopes::role.eq(role))).execute(conn)?;
    for scope in scopes.iter() {
        diesel::insert_into(role_scopes::table)
            .values((role_scopes::role.eq(role), role_scopes::scope.eq(scope)))
            .execute(conn)?;
    }
    Ok(())
}

/// Whether somebody who can sign in is an admin.
///
/// # Errors
/// When the query fails.
pub fn has_admin(conn: &mut DbConnection) -> QueryResult<bool> {
    let admins: i64 = user_roles::table
        .inner_join(users::table)
        .filter(user_roles::role.eq(ADMIN_ROLE))
        .filter(users::deleted_at.is_null().and(users::disabled_at.is_null()))
        .count()
        .get_result(conn)?;
    Ok(admins > 0)
}

/// Whether somebody other than `id` can sign in and is an admin.
///
/// # Errors
/// When the query fails.
pub fn has_other_admin(conn: &mut DbConnection, id: UserId) -> QueryResult<bool> {
    let admins: i64 = user_roles::table
        .inner_join(users::table)
        .filter(user_roles::role.eq(ADMIN_ROLE).and(users::id.ne(id.0)))
        .filter(users::deleted_at.is_null().and(users::disabled_at.is_null()))
        .count()
        .get_result(conn)?;
    Ok(admins > 0)
}

/// Gives a user a role; giving it twice is giving it once.
///
/// # Errors
/// When the query fails.
pub fn grant_role(conn: &mut DbConnection, id: UserId, role: &str, now: Moment) -> QueryResult<()> {
    let held: i64 = user_roles::table.find((id.0, role)).count().get_result(conn)?;
    if held == 0 {
        diesel::insert_into(user_roles::table)
            .values((user_roles::user_id.eq(id.0), user_roles::role.eq(role), user_roles::granted_at.eq(now)))
            .execute(conn)?;
    }
    Ok(())
}

/// Takes a role from a user; returns whether they had it.
///
/// # Errors
/// When the query fails.
pub fn revoke_role(conn: &mut DbConnection, id: UserId, role: &str) -> QueryResult<bool> {
    let count = diesel::delete(user_roles::table.find((id.0, role))).execute(conn)?;
    Ok(count == 1)
}
