//! Lists of users by filters.

use diesel::prelude::*;

use super::UserRow;
use crate::clock::Moment;
use crate::db::DbConnection;
use crate::db::schema::{user_roles, users};
use crate::users::{User, UserId};

diesel::define_sql_function! {
    /// The text in lower case; on SQLite, only ASCII letters change.
    fn lower(text: diesel::sql_types::Nullable<diesel::sql_types::Text>) -> diesel::sql_types::Nullable<diesel::sql_types::Text>;
}

/// Which users are listed. Each field that is set narrows the list.
#[derive(Clone, Debug, Default)]
pub struct UserFilter {
    /// Part of the username, the display name or the email address, or the whole user ID.
    pub search: Option<String>,
    /// A role that they have.
    pub role: Option<String>,
    /// The state of the account; without it, all but deleted ones.
    pub state: Option<ListedState>,
    /// Whether they have never signed in.
    pub never_signed_in: bool,
    /// They signed in at this moment or later.
    pub signed_in_since: Option<Moment>,
    /// Whether they have no password.
    pub without_password: bool,
    /// Whether they must set a new password.
    pub new_password_required: bool,
}

/// A state of accounts to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListedState {
    /// Neither disabled nor deleted.
    Active,
    /// Disabled.
    Disabled,
    /// Deleted.
    Deleted,
}

/// The order of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UserSort {
    /// By user ID.
    #[default]
    Id,
    /// By canonical username, in the order of the database.
    Username,
    /// By the last sign-in; users who have never signed in come first.
    LastSignIn,
}

/// The part of a list.
#[derive(Clone, Copy, Debug)]
pub struct ListedPart {
    /// The order.
    pub sort: UserSort,
    /// Whether the order is reversed.
    pub is_reversed: bool,
    /// The users to skip.
    pub offset: i64,
    /// The most users.
    pub limit: i64,
}

/// Lists the IDs of the users that match, in order: 8 bytes for each.
pub fn list_ids(conn: &mut DbConnection, filter: &UserFilter, part: ListedPart) -> QueryResult<Vec<UserId>> {
    let mut query = users::table.select(users::id).into_boxed();
    query = match filter.state {
        None => query.filter(users::deleted_at.is_null()),
        Some(ListedState::Active) => query.filter(users::deleted_at.is_null().and(users::disabled_at.is_null())),
        Some(ListedState::Disabled) => query.filter(users::deleted_at.is_null().and(users::disabled_at.is_not_null())),
        Some(ListedState::Deleted) => query.filter(users::deleted_at.is_not_null()),
    };
    if let Some(text) = &filter.search {
        let lower_case = text.to_lowercase();
        let pattern = format!("%{}%", lower_case.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"));
        let in_name = users::username_key.like(pattern.clone()).escape('\\');
        let in_email = users::email_key.like(pattern.clone()).escape('\\');
        let in_display_name = lower(users::display_name).like(pattern).escape('\\');
        // No user has the ID 0.
        let is_id = users::id.eq(text.parse().unwrap_or(0));
        query = query.filter(in_name.nullable().or(in_email).or(in_display_name).or(is_id.nullable()));
    }
    if let Some(role) = &filter.role {
        let holders = user_roles::table.filter(user_roles::role.eq(role.clone())).select(user_roles::user_id);
        query = query.filter(users::id.eq_any(holders));
    }
    if filter.never_signed_in {
        query = query.filter(users::last_signed_in_at.is_null());
    }
    if let Some(since) = filter.signed_in_since {
        query = query.filter(users::last_signed_in_at.ge(since));
    }
    if filter.without_password {
        query = query.filter(users::password_hash.is_null());
    }
    if filter.new_password_required {
        query = query.filter(users::new_password_required_at.is_not_null());
    }
    query = match (part.sort, part.is_reversed) {
        (UserSort::Id, false) => query.order(users::id),
        (UserSort::Id, true) => query.order(users::id.desc()),
        (UserSort::Username, false) => query.order(users::username_key),
        (UserSort::Username, true) => query.order(users::username_key.desc()),
        // Databases disagree about the place of NULL.
        (UserSort::LastSignIn, false) => {
            query.order((users::last_signed_in_at.is_not_null(), users::last_signed_in_at, users::id))
        }
        (UserSort::LastSignIn, true) => {
            query.order((users::last_signed_in_at.is_null(), users::last_signed_in_at.desc(), users::id.desc()))
        }
    };
    let ids: Vec<i64> = query.offset(part.offset).limit(part.limit).load(conn)?;
    Ok(ids.into_iter().map(UserId).collect())
}

/// Gets the users with these IDs, in the order of the IDs, without those that do not exist. Takes a few thousand at most.
pub fn list_by_ids(conn: &mut DbConnection, ids: &[UserId]) -> QueryResult<Vec<User>> {
    let wanted: Vec<i64> = ids.iter().map(|id| id.0).collect();
    let rows: Vec<UserRow> = users::table.filter(users::id.eq_any(wanted)).select(UserRow::as_select()).load(conn)?;
    let mut users: Vec<User> = rows.into_iter().map(User::from).collect();
    users.sort_by_cached_key(|user| ids.iter().position(|id| *id == user.id));
    Ok(users)
}
