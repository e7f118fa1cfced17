//! The check of a username that a person chooses, or that an admin gives to one.

use super::AccountService;
use crate::db::{DbConnection, DbError};
use crate::users::{self, ADMIN_ROLE, NameProblem, Username};

impl AccountService {
    /// Why a user with these roles may not choose a username. The name of an admin may look privileged. Existing names
    /// are not compared.
    #[must_use]
    pub fn check_name(&self, username: &Username, roles: &[String]) -> Option<NameProblem> {
        let is_admin = roles.iter().any(|role| role == ADMIN_ROLE);
        self.name_policy().check(username).err().filter(|problem| !(is_admin && *problem == NameProblem::Reserved))
    }

    /// Why a user with these roles could not have chosen the username that an admin gives them.
    pub async fn find_name_problem(
        &self,
        username: Username,
        roles: &[String],
    ) -> Result<Option<NameProblem>, DbError> {
        match self.check_name(&username, roles) {
            Some(problem) => Ok(Some(problem)),
            None => self.read(move |conn| find_similar(conn, &username)).await,
        }
    }
}

/// Returns the problem that another user has a name that looks the same.
pub fn find_similar(conn: &mut DbConnection, username: &Username) -> Result<Option<NameProblem>, DbError> {
    let similar = users::list_similar(conn, &[username])?;
    Ok(similar.into_values().next().map(NameProblem::Similar))
}
