//! All SQL on roles and their scopes.

use std::collections::BTreeMap;

use diesel::prelude::*;

use crate::clock::Moment;
use crate::db::schema::{role_scopes, user_roles, users};
use crate::db::{DbConnection, note_rights_change, prepared};
use crate::scope::Scopes;
use crate::users::{ADMIN_ROLE, UserId};

/// Lists the roles of a user, sorted by bytes, because collations differ between databases.
pub fn list_roles(conn: &mut DbConnection, id: UserId) -> QueryResult<Vec<String>> {
    let of_user = user_roles::table.filter(user_roles::user_id.eq(id.0));
    let mut roles: Vec<String> = prepared!(conn, of_user.select(user_roles::role), load)?;
    roles.sort();
    Ok(roles)
}

/// Lists the roles of a user, sorted by bytes, and the scopes that they allow together, in one query.
pub fn list_roles_with_scopes(conn: &mut DbConnection, id: UserId) -> QueryResult<(Vec<String>, Scopes)> {
    let of_user = user_roles::table
        .left_join(role_scopes::table.on(user_roles::role.eq(role_scopes::role)))
        .filter(user_roles::user_id.eq(id.0));
    let columns = (user_roles::role.nullable(), role_scopes::scope.nullable());
    Ok(merge_roles(prepared!(conn, of_user.select(columns), load)?))
}

/// Puts pairs of a role and a scope that it allows together: the roles, sorted by bytes, and their scopes.
#[must_use]
pub fn merge_roles(pairs: Vec<(Option<String>, Option<String>)>) -> (Vec<String>, Scopes) {
    let (roles, scopes): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
    let mut roles: Vec<String> = roles.into_iter().flatten().collect();
    roles.sort();
    roles.dedup();
    // Each scope was checked when an admin allowed it. Together they may exceed the limit of one request.
    (roles, scopes.iter().flatten().fold(Scopes::default(), |all, scope| all.with(scope)))
}

/// Lists the roles of these users, in no order. Takes a few thousand users at most.
pub fn list_roles_of(conn: &mut DbConnection, ids: &[UserId]) -> QueryResult<Vec<(UserId, String)>> {
    let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
    let rows: Vec<(i64, String)> = user_roles::table
        .filter(user_roles::user_id.eq_any(ids))
        .select((user_roles::user_id, user_roles::role))
        .load(conn)?;
    Ok(rows.into_iter().map(|(id, role)| (UserId(id), role)).collect())
}

/// Lists the scopes that a role allows.
pub fn list_role_scopes(conn: &mut DbConnection, role: &str) -> QueryResult<Scopes> {
    let scopes: Vec<String> =
        role_scopes::table.filter(role_scopes::role.eq(role)).select(role_scopes::scope).load(conn)?;
    Ok(scopes.iter().fold(Scopes::default(), |all, scope| all.with(scope)))
}

/// Lists the roles that allow scopes, sorted by name, with these scopes.
pub fn list_scopes_by_role(conn: &mut DbConnection) -> QueryResult<BTreeMap<String, Scopes>> {
    let rows: Vec<(String, String)> = role_scopes::table.select((role_scopes::role, role_scopes::scope)).load(conn)?;
    let mut by_role: BTreeMap<String, Scopes> = BTreeMap::new();
    for (role, scope) in rows {
        let scopes = by_role.remove(&role).unwrap_or_default().with(&scope);
        by_role.insert(role, scopes);
    }
    Ok(by_role)
}

/// The most names that are listed.
const MAX_ROLE_NAMES: usize = 1_000;

/// Lists the names of the roles that a user has or that allow a scope, and the admin role, sorted.
pub fn list_role_names(conn: &mut DbConnection) -> QueryResult<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    // One look into the index for each name: `DISTINCT` reads a row for each user.
    while names.len() < MAX_ROLE_NAMES {
        let last = names.last().map_or("", String::as_str);
        let later = user_roles::table.filter(user_roles::role.gt(last));
        let Some(next) = later.select(diesel::dsl::min(user_roles::role)).first::<Option<String>>(conn)? else { break };
        names.push(next);
    }
    names.extend(role_scopes::table.select(role_scopes::role).distinct().load::<String>(conn)?);
    names.push(ADMIN_ROLE.to_owned());
    names.sort();
    names.dedup();
    Ok(names)
}

/// Lists the roles that users have, with the number of these users, in no order.
pub fn count_by_role(conn: &mut DbConnection) -> QueryResult<Vec<(String, i64)>> {
    user_roles::table.group_by(user_roles::role).select((user_roles::role, diesel::dsl::count_star())).load(conn)
}

/// Replaces the scopes that a role allows.
pub fn set_role_scopes(conn: &mut DbConnection, role: &str, scopes: &Scopes) -> QueryResult<()> {
    note_rights_change(conn);
    diesel::delete(role_scopes::table.filter(role_scopes::role.eq(role))).execute(conn)?;
    for scope in scopes.iter() {
        diesel::insert_into(role_scopes::table)
            .values((role_scopes::role.eq(role), role_scopes::scope.eq(scope)))
            .execute(conn)?;
    }
    Ok(())
}

/// Deletes a role: no user has it, and it allows no scopes. Returns the numbers of its users and scopes.
pub fn delete_role(conn: &mut DbConnection, role: &str) -> QueryResult<(usize, usize)> {
    note_rights_change(conn);
    let users = diesel::delete(user_roles::table.filter(user_roles::role.eq(role))).execute(conn)?;
    let scopes = diesel::delete(role_scopes::table.filter(role_scopes::role.eq(role))).execute(conn)?;
    Ok((users, scopes))
}

/// Whether there is an admin who can sign in.
pub fn has_admin(conn: &mut DbConnection) -> QueryResult<bool> {
    let admins: i64 = user_roles::table
        .inner_join(users::table)
        .filter(user_roles::role.eq(ADMIN_ROLE))
        .filter(users::deleted_at.is_null().and(users::disabled_at.is_null()))
        .count()
        .get_result(conn)?;
    Ok(admins > 0)
}

/// Whether there is an admin other than `id` who can sign in.
pub fn has_other_admin(conn: &mut DbConnection, id: UserId) -> QueryResult<bool> {
    let admins: i64 = user_roles::table
        .inner_join(users::table)
        .filter(user_roles::role.eq(ADMIN_ROLE).and(users::id.ne(id.0)))
        .filter(users::deleted_at.is_null().and(users::disabled_at.is_null()))
        .count()
        .get_result(conn)?;
    Ok(admins > 0)
}

/// Grants a role to a user; does nothing if they have it.
pub fn grant_role(conn: &mut DbConnection, id: UserId, role: &str, now: Moment) -> QueryResult<()> {
    note_rights_change(conn);
    let count: i64 = user_roles::table.find((id.0, role)).count().get_result(conn)?;
    if count == 0 {
        diesel::insert_into(user_roles::table)
            .values((user_roles::user_id.eq(id.0), user_roles::role.eq(role), user_roles::granted_at.eq(now)))
            .execute(conn)?;
    }
    Ok(())
}

/// Revokes a role from a user. Returns whether they had it.
pub fn revoke_role(conn: &mut DbConnection, id: UserId, role: &str) -> QueryResult<bool> {
    note_rights_change(conn);
    let count = diesel::delete(user_roles::table.find((id.0, role))).execute(conn)?;
    Ok(count == 1)
}
