//! Finding the account of a one-time link.

use super::AccountService;
use super::lookup::find_active;
use crate::db::DbError;
use crate::links::{self, Link, LinkPurpose};
use crate::secret::PlainSecret;
use crate::users::User;

impl AccountService {
    /// Finds a valid one-time link for one of these purposes, with its user, who can sign in.
    pub async fn find_link(
        &self,
        secret: PlainSecret,
        purposes: &'static [LinkPurpose],
    ) -> Result<Option<(Link, Option<User>)>, DbError> {
        let now = self.clock.now();
        self.db
            .read(move |conn| {
                let Some(link) = links::find(conn, &secret, now)?.filter(|link| purposes.contains(&link.purpose))
                else {
                    return Ok(None);
                };
                let Some(id) = link.user_id else { return Ok(Some((link, None))) };
                Ok(find_active(conn, id)?.map(|user| (link, Some(user))))
            })
            .await
    }
}
