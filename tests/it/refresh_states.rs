//! Refresh tokens over random interleavings of use, reuse, lost responses, revocation and clock steps.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, TestRunner};
use vestibule::authentication::SignInError;
use vestibule::oauth::refresh_grant::{self, Refresh, RefreshRequest, Refreshed};
use vestibule::scope::Scopes;
use vestibule::server::Services;
use vestibule::sessions::{self, EndReason, Session};
use vestibule::tokens::PlainRefreshToken;

use crate::harness::TestApp;
use crate::harness::clients::text;
use crate::harness::direct_database::DirectConnection;
use crate::harness::hs256::claims;

const CASES: u32 = 48;
const LIVE: &str = "successor_hash IS NULL AND superseded_at IS NULL";

#[derive(Clone, Debug)]
enum Action {
    /// The owner presents the newest token they received.
    Use,
    /// The same, but the response is lost.
    UseAndLose,
    /// Several requests at once present the owner's token; the owner receives one response.
    UseAtOnce(u8),
    /// Any token that was ever issued is presented.
    Replay(prop::sample::Index),
    /// Time passes.
    Wait(Duration),
    /// The operating system corrects its clock.
    StepBack(Duration),
    /// The session is ended.
    Revoke,
}

fn wait() -> impl Strategy<Value = Action> {
    prop::sample::select(vec![1, 9, 10, 11, 60, 3_600, 86_400, 31 * 86_400])
        .prop_map(|seconds| Action::Wait(Duration::from_secs(seconds)))
}

fn any_action() -> impl Strategy<Value = Action> {
    prop_oneof![
        6 => Just(Action::Use),
        3 => Just(Action::UseAndLose),
        2 => (2_u8..6).prop_map(Action::UseAtOnce),
        3 => any::<prop::sample::Index>().prop_map(Action::Replay),
        5 => wait(),
        1 => prop::sample::select(vec![1, 5, 20]).prop_map(|seconds| Action::StepBack(Duration::from_secs(seconds))),
        1 => Just(Action::Revoke),
    ]
}

/// A session and the refresh tokens issued in it.
struct Family<'a> {
    app: &'a TestApp,
    sid: String,
    /// The token that the owner presents next.
    owned: PlainRefreshToken,
    /// Every issued token.
    issued: Vec<PlainRefreshToken>,
    has_ended: bool,
}

impl<'a> Family<'a> {
    async fn begin(app: &'a TestApp) -> Self {
        let response = app.tokens_of("alice").await;
        let owned = PlainRefreshToken::parse(text(&response, "refresh_token")).expect("a refresh token");
        let sid = text(&claims(text(&response, "access_token")), "sid").to_owned();
        Self { app, sid, issued: vec![owned.clone()], owned, has_ended: false }
    }

    async fn refresh(&self, token: PlainRefreshToken) -> Result<Refresh, SignInError> {
        let Services { db, sessions, tokens, .. } = &self.app.services;
        let client_ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let request = RefreshRequest { token, client: None, scope: Scopes::default(), client_ip };
        refresh_grant::refresh(db, sessions, tokens, request).await
    }

    /// Presents a token and returns its successor, if any.
    async fn present(&mut self, token: &PlainRefreshToken) -> Option<PlainRefreshToken> {
        match self.refresh(token.clone()).await.expect("no error") {
            Refresh::Done(refreshed) => {
                self.check_issued(&refreshed).await;
                Some(refreshed.refresh_token)
            }
            Refresh::Rejected => None,
            Refresh::ScopeRejected => panic!("no scope was requested"),
        }
    }

    /// Asserts that the session is live and the access token is valid at once.
    async fn check_issued(&mut self, refreshed: &Refreshed) {
        assert!(!self.has_ended, "an ended session issues no token");
        let session = self.session().await;
        let is_live = self.app.services.sessions.lifetimes().is_live(&session, self.app.clock.now());
        assert!(is_live, "an expired session issues no token: {session:?}");
        self.app.services.tokens.verify(&refreshed.token.token).await.expect("a valid access token");
        self.issued.push(refreshed.refresh_token.clone());
    }

    async fn session(&self) -> Session {
        let sid = self.sid.clone();
        self.app.write(move |conn| sessions::find(conn, &sid)).await.expect("the session is kept")
    }

    /// Asserts that at most one token is live.
    async fn check(&mut self) {
        let family = format!("{LIVE} AND family_id = '{}'", self.sid);
        let live = DirectConnection::open(&self.app.database).count("refresh_tokens", &family);
        assert!(live <= 1, "{live} live tokens in one family");
        self.has_ended |= self.session().await.ended_at.is_some();
    }

    async fn act(&mut self, action: &Action) {
        match action {
            Action::Use => {
                if let Some(next) = self.present(&self.owned.clone()).await {
                    self.owned = next;
                }
            }
            Action::UseAndLose => drop(self.present(&self.owned.clone()).await),
            Action::UseAtOnce(count) => {
                let tries = (0..*count).map(|_| self.refresh(self.owned.clone()));
                let mut successors = Vec::new();
                for result in futures_util::future::join_all(tries).await {
                    if let Refresh::Done(refreshed) = result.expect("no error") {
                        self.check_issued(&refreshed).await;
                        successors.push(refreshed.refresh_token);
                    }
                }
                assert!(
                    successors.windows(2).all(|pair| pair[0].reveal() == pair[1].reveal()),
                    "all requests get the same successor"
                );
                if let Some(next) = successors.pop() {
                    self.owned = next;
                }
            }
            Action::Replay(at) => {
                let token = at.get(&self.issued).clone();
                drop(self.present(&token).await);
            }
            Action::Wait(time) => self.app.clock.advance(*time),
            Action::StepBack(time) => self.app.clock.step_back(*time),
            Action::Revoke => {
                let (sid, now) = (self.sid.clone(), self.app.clock.now());
                self.app
                    .write_elsewhere(move |conn, ended| sessions::end(conn, ended, &sid, EndReason::Revoked, now))
                    .await;
            }
        }
        self.check().await;
    }
}

/// Runs `case` for random inputs on one server; a failed test shows the printed input.
async fn for_random<S>(strategy: S, case: impl AsyncFn(&TestApp, S::Value))
where
    S: Strategy,
    S::Value: Clone,
{
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
    for _ in 0..CASES {
        let value = strategy.new_tree(&mut runner).expect("an input").current();
        println!("{value:?}");
        case(&app, value).await;
    }
}

#[tokio::test]
async fn session_never_has_two_live_refresh_tokens() {
    for_random(prop::collection::vec(any_action(), 1..24), async |app: &TestApp, actions: Vec<Action>| {
        let mut family = Family::begin(app).await;
        for action in &actions {
            family.act(action).await;
        }
    })
    .await;
}

#[tokio::test]
async fn three_lost_responses_at_any_delay_are_tolerated() {
    // Fourteen of the longest delays fit into the ninety days of a session.
    let delay = prop_oneof![prop::sample::select(vec![0_u64, 1, 9, 10, 11]), 0_u64..=6 * 86_400];
    let turn = (0_usize..=3, prop::collection::vec(delay, 4));
    for_random(prop::collection::vec(turn, 1..4), async |app: &TestApp, turns: Vec<(usize, Vec<u64>)>| {
        let mut family = Family::begin(app).await;
        for (lost, delays) in turns {
            for delay in &delays[..lost] {
                family.act(&Action::UseAndLose).await;
                family.act(&Action::Wait(Duration::from_secs(*delay))).await;
            }
            let owned = family.owned.clone();
            let next = family.present(&owned).await;
            family.owned = next.expect("the owner gets a successor");
            family.check().await;
        }
    })
    .await;
}
