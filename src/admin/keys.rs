//! Listing, rotating, retiring and resealing signing keys.

use chrono::TimeDelta;

use super::AdminService;
use crate::audit::Cause;
use crate::clock::Moment;
use crate::config::KeyAlgorithm;
use crate::db::{DbError, IsTransient};
use crate::mail;
use crate::secret::{KeyPurpose, ServerKey};
use crate::tokens::{self, AddKeyIf, KeyError, KeyRecord, KeyRetirement, KeyState, NewKey, Resealing};

/// Outcome of a key rotation.
#[derive(Clone, Debug)]
pub struct KeyRotation {
    /// The next key; the signing key when it is the first one.
    pub next: KeyRecord,
    /// Whether the key was created now; otherwise it was waiting already.
    pub is_new: bool,
    /// The key that it replaces, and until when that one is kept.
    pub old: Option<(KeyRecord, Moment)>,
}

impl AdminService {
    /// Lists all signing keys, the newest first, with their states for a server that signs with `algorithm`.
    pub async fn list_keys(&self, algorithm: KeyAlgorithm) -> Result<Vec<KeyRecord>, KeyError> {
        let now = self.clock.now();
        self.db.read(move |conn| tokens::list_keys(conn, algorithm, now)).await
    }

    /// Creates the next key, which signs after `lead`, unless one is waiting already. `token_life` is the longest
    /// lifetime of a token.
    pub async fn rotate_keys(
        &self,
        algorithm: KeyAlgorithm,
        server_key: &ServerKey,
        lead: TimeDelta,
        token_life: TimeDelta,
    ) -> Result<KeyRotation, KeyError> {
        let now = self.clock.now();
        let mut is_new = false;
        if self.db.read(move |conn| tokens::is_key_needed(conn, algorithm, AddKeyIf::NoneWaits, now)).await? {
            let new = NewKey::generate(algorithm, &server_key.derive(KeyPurpose::SigningKeys)).await?;
            let clock = self.clock.clone();
            let step = move |conn: &mut _, _: &mut _| {
                tokens::add_key(conn, &new, AddKeyIf::NoneWaits, lead, &Cause::command(), clock.now())
            };
            is_new = self.write(step).await?;
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

    /// Creates a key that signs at once and retires all others, as [`tokens::replace_keys`]. Returns the new key and the
    /// retired ones, as they were before.
    pub async fn replace_keys(
        &self,
        algorithm: KeyAlgorithm,
        server_key: &ServerKey,
    ) -> Result<(KeyRecord, Vec<KeyRecord>), KeyError> {
        let new = NewKey::generate(algorithm, &server_key.derive(KeyPurpose::SigningKeys)).await?;
        let before = self.list_keys(algorithm).await?;
        let clock = self.clock.clone();
        let step = move |conn: &mut _, _: &mut _| tokens::replace_keys(conn, &new, &Cause::command(), clock.now());
        let (kid, retired) = self.write(step).await?;
        let created = self.list_keys(algorithm).await?.into_iter().find(|key| key.kid == kid);
        let created = created
            .ok_or_else(|| KeyError::Unusable("it was retired in the meantime; run the command again".to_owned()))?;
        Ok((created, before.into_iter().filter(|key| retired.contains(&key.kid)).collect()))
    }

    /// Retires a key at once; tokens that it signed become invalid.
    pub async fn retire_key(&self, algorithm: KeyAlgorithm, kid: &str) -> Result<KeyRetirement, KeyError> {
        let (kid, clock) = (kid.to_owned(), self.clock.clone());
        self.write(move |conn, _| tokens::retire_key(conn, &kid, algorithm, &Cause::command(), clock.now())).await
    }

    /// Seals all private keys and queued mails under another server key, in one transaction. Returns the number of
    /// mails too.
    ///
    /// # Errors
    /// [`KeyError::Sealed`] when neither server key opens a private key; nothing is changed.
    pub async fn reseal_keys(&self, old: &ServerKey, new: &ServerKey) -> Result<(Resealing, usize), KeyError> {
        let (old, new, now) = (old.clone(), new.clone(), self.clock.now());
        self.write(move |conn, _| {
            let [old_seal, new_seal] = [&old, &new].map(|key| key.derive(KeyPurpose::SigningKeys));
            let keys = tokens::reseal_keys(conn, &old_seal, &new_seal, &Cause::command(), now)?;
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
