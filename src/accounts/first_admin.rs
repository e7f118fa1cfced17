//! The first admin, and the link for an admin who is locked out.

use super::AccountService;
use super::create::finish_creation;
use super::lookup::find_account;
use crate::audit::{Cause, ClientInfo};
use crate::clock::Moment;
use crate::db::{DbConnection, DbError, Rollback};
use crate::links::{self, Link, LinkPurpose};
use crate::secret::PlainSecret;
use crate::users::{self, ADMIN_ROLE, LookupName, NewUser, User, UserCreation, UserState};

/// Outcome of creating a set-up link.
#[derive(Clone, Debug)]
pub enum SetupLink {
    /// A link that creates the first admin.
    Setup(PlainSecret),
    /// A link by which this admin chooses a new password.
    Rescue(PlainSecret, User),
    /// There is an admin already, and no name was given.
    NeedsName,
    /// A name was given, but no admin can sign in yet: the link for the first admin needs no name.
    NoAdminYet,
    /// No user has this name.
    NoSuchUser,
    /// The user is not an admin.
    NotAdmin(User),
    /// The admin is disabled.
    Disabled(User),
}

/// Outcome of creating the first admin.
#[derive(Clone, Debug)]
pub enum FirstAdmin {
    /// The admin was created.
    Created(User),
    /// The link was used, has another purpose, or there is an admin already.
    LinkExpired,
    /// The name belongs to a user, perhaps a deleted one; the link stays valid.
    NameTaken,
}

impl AccountService {
    /// Creates a one-time link in one transaction, as [`create_setup_link`].
    pub async fn create_setup_link(&self, name: Option<LookupName>) -> Result<SetupLink, DbError> {
        let clock = self.clock.clone();
        self.write(move |conn, _| create_setup_link(conn, name.as_ref(), clock.now())).await
    }

    /// Creates the first admin in one transaction, as [`create_first_admin`].
    pub async fn create_first_admin(
        &self,
        link: Link,
        new: NewUser,
        client_info: ClientInfo,
    ) -> Result<FirstAdmin, DbError> {
        let clock = self.clock.clone();
        self.write_or_rollback(move |conn, _| {
            create_first_admin(conn, &link, new.clone(), client_info.clone(), clock.now())
        })
        .await
    }
}

/// Creates a link: for the first admin while no admin can sign in, otherwise for the admin `name`.
pub fn create_setup_link(
    conn: &mut DbConnection,
    name: Option<&LookupName>,
    now: Moment,
) -> Result<SetupLink, DbError> {
    users::lock_accounts(conn)?;
    let has_admin = users::has_admin(conn)?;
    let Some(name) = name else {
        if has_admin {
            return Ok(SetupLink::NeedsName);
        }
        return Ok(SetupLink::Setup(links::create(conn, LinkPurpose::Setup, None, now)?));
    };
    let Some(account) = find_account(conn, name)? else {
        return Ok(if has_admin { SetupLink::NoSuchUser } else { SetupLink::NoAdminYet });
    };
    let user = account.user;
    if !account.roles.iter().any(|role| role == ADMIN_ROLE) {
        return Ok(if has_admin { SetupLink::NotAdmin(user) } else { SetupLink::NoAdminYet });
    }
    if user.state != UserState::Active {
        return Ok(SetupLink::Disabled(user));
    }
    let secret = links::create(conn, LinkPurpose::Rescue, Some(user.id), now)?;
    Ok(SetupLink::Rescue(secret, user))
}

/// Creates the first admin and uses the link, both or neither. Of two simultaneous calls one creates an admin and the
/// other finds its link expired.
pub fn create_first_admin(
    conn: &mut DbConnection,
    link: &Link,
    new: NewUser,
    client_info: ClientInfo,
    now: Moment,
) -> Result<FirstAdmin, Rollback<FirstAdmin>> {
    // Under READ COMMITTED two transactions would both see no admin: the lock makes the second one read after the
    // first.
    users::lock_accounts(conn)?;
    if link.purpose != LinkPurpose::Setup || users::has_admin(conn)? {
        return Ok(FirstAdmin::LinkExpired);
    }
    // Before the link is used: after a taken name the person can choose another.
    if users::find_by_key(conn, new.username.key())?.is_some() {
        return Ok(FirstAdmin::NameTaken);
    }
    if !links::use_once(conn, link, now)? {
        return Ok(FirstAdmin::LinkExpired);
    }
    let UserCreation::Created(user) = users::create(conn, new, now)? else {
        return Err(Rollback::with(FirstAdmin::NameTaken));
    };
    finish_creation(conn, user.id, &[ADMIN_ROLE.to_owned()], &Cause::user(user.id.0, client_info), now)?;
    Ok(FirstAdmin::Created(user))
}
