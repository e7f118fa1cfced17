//! What an admin does with signing keys: see them, make the next one, end one, seal them under another server key.
//! What may not live here: what happens to a key by itself (`tokens::key_rotation`), and SQL.

use chrono::TimeDelta;

use super::AdminService;
use crate::clock::Moment;
use crate::config::KeyAlgorithm;
use crate::db::{DbError, IsTransient};
use crate::mail;
use crate::secret::{Purpose, ServerKey};
use crate::tokens::{self, FreshKey, KeyError, KeyNeed, KeyRecord, KeyRetirement, KeyState, Resealing};

/// What became of a wish for the next key.
#[derive(Clone, Debug)]
pub struct KeyRotation {
    /// The next key, or the one that signs when it is the first of all.
    pub next: KeyRecord,
    /// Whether it was made now; it was waiting otherwise.
    pub is_new: bool,
    /// The key that it takes over from, and until when that one is kept.
    pub old: Option<(KeyRecord, Moment)>,
}

impl AdminService {
    /// All signing keys, the newest first, as a server sees them that signs with `algorithm`.
    ///
    /// # Errors
    /// When a query fails.
    pub async fn list_keys(&self, algorithm: KeyAlgorithm) -> Result<Vec<KeyRecord>, KeyError> {
        let now = self.clock.now();
        self.db.read(move |conn| tokens::list_keys(conn, algorithm, now)).await
    }

    /// Makes the next key, which signs after `lead`, unless one waits already. `token_life` is how long a token lives at the most.
    ///
    /// # Errors
    /// [`KeyError`]; nothing was changed.
    pub async fn rotate_keys(
        &self,
        algorithm: KeyAlgorithm,
        server_key: &ServerKey,
        lead: TimeDelta,
        token_life: TimeDelta,
    ) -> Result<KeyRotation, KeyError> {
        let now = self.clock.now();
        let mut is_new = false;
        if self.db.read(move |conn| tokens::is_key_needed(conn, algorithm, KeyNeed::Next, now)).await? {
            let fresh = FreshKey::make(algorithm, &server_key.derive(Purpose::SigningKeys)).await?;
            let clock = self.clock.clone();
            is_new = self.write(move |conn, _| tokens::add_key(conn, &fresh, KeyNeed::Next, lead, clock.now())).await?;
        }
        let keys = self.list_keys(algorithm).await?;
        let of = |state| keys.iter().find(move |key| key.state == state);
        let waiting = keys.iter().find(|key| key.state == KeyState::Next && key.algorithm == algorithm.as_str());
        let signing = of(KeyState::Signing);
        let Some(next) = waiting.or(signing).cloned() else {
            return Err(KeyError::Unusable("it was retired in the meantime; run the command again".to_owned()));
        };
        let old = signing.filter(|key| key.kid != next.kid).cloned().map(|key| {
            let until = tokens::kept_until(key.usage, next.signs_from, token_life);
            (key, until)
        });
        Ok(KeyRotation { next, is_new, old })
    }

    /// Ends a key at once; its tokens die with it.
    ///
    /// # Errors
    /// When a query fails.
    pub async fn retire_key(&self, algorithm: KeyAlgorithm, kid: &str) -> Result<KeyRetirement, KeyError> {
        let (kid, clock) = (kid.to_owned(), self.clock.clone());
        self.write(move |conn, _| tokens::retire_key(conn, &kid, algorithm, clock.now())).await
    }

    /// Seals all private keys, and the mails that wait, under another server key, in one transaction. Returns how many mails there were too.
    ///
    /// # Errors
    /// [`KeyError::Sealed`] when neither opens a key; nothing was changed.
    pub async fn reseal_keys(&self, old: &ServerKey, new: &ServerKey) -> Result<(Resealing, usize), KeyError> {
        let (old, new, now) = (old.clone(), new.clone(), self.clock.now());
        self.write(move |conn, _| {
            let [old_seal, new_seal] = [&old, &new].map(|key| key.derive(Purpose::SigningKeys));
            let keys = tokens::reseal_keys(conn, &old_seal, &new_seal, now)?;
            let mails = mail::reseal(conn, &old, &new).map_err(DbError::from)?;
            Ok((keys, mails))
        })
        .await
    }
}

impl IsTransient for KeyError {
    fn is_transient(&self) -> bool {
        matches!(self, Self::Database(error) if DbError::is_transient(error))
    }
}
