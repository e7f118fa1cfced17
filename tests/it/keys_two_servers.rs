//! Changes of signing keys and server keys under two servers on one database.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::cli::run;
use crate::harness::hs256::part;
use crate::harness::{
    OTHER_SERVER_KEY, PASSWORD, SERVER_KEY, ServerProcess, TestDatabase, TestResponse, direct_database,
};

const CLIENTS: usize = 4;
const ROTATIONS: usize = 3;
/// Below the limit of sessions without a client, above which the oldest ends.
const SIGN_INS: usize = 80;

fn cli(database: &TestDatabase, arguments: &[&str]) -> Value {
    cli_with(database, SERVER_KEY, arguments)
}

fn cli_with(database: &TestDatabase, server_key: &str, arguments: &[&str]) -> Value {
    let mut command = database.command(&[arguments, &["--json"]].concat());
    command.env("SERVER_KEY", server_key);
    run(command).json()
}

/// The `kid` of the key that a server signs with: the first one that it publishes.
async fn signing(server: &ServerProcess) -> String {
    let set = TestResponse::to(crate::harness::http_client().get(format!("{}/.well-known/jwks.json", server.url)))
        .await
        .json();
    text(&set["keys"][0], "kid").to_owned()
}

/// Creates the next key and waits until these servers sign with it. They are processes, so this takes real time.
async fn rotate(database: &TestDatabase, server_key: &str, servers: &[&ServerProcess]) -> String {
    let rotated = cli_with(database, server_key, &["keys", "rotate", "--after", "2s"]);
    let next = text(&rotated["next"], "kid").to_owned();
    let began = Instant::now();
    for server in servers {
        while signing(server).await != next {
            assert!(began.elapsed() < Duration::from_secs(20), "the next key does not sign");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    next
}

async fn token_from(url: &str, form: &[(&str, &str)]) -> Value {
    let response = TestResponse::to(crate::harness::http_client().post(format!("{url}/token")).form(form)).await;
    assert_eq!(response.status, 200, "{response:?}");
    response.json()
}

async fn me(url: &str, token: &str) -> u16 {
    TestResponse::to(crate::harness::http_client().get(format!("{url}/me")).bearer_auth(token)).await.status
}

fn text<'a>(of: &'a Value, name: &str) -> &'a str {
    of[name].as_str().expect("text")
}

fn kid(token: &str) -> String {
    text(&part(token, 0), "kid").to_owned()
}

#[tokio::test]
async fn tokens_of_a_retired_key_are_refused_by_every_server_within_a_second() {
    let database = TestDatabase::create();
    direct_database::add_user(&database, "alice", &[]).await;
    let servers = [ServerProcess::start(&database, &[]), ServerProcess::start(&database, &[])];
    let form = [("username", "alice"), ("password", PASSWORD)];
    let issued = token_from(&servers[0].url, &form).await;
    let old = text(&issued, "access_token");
    let next = rotate(&database, SERVER_KEY, &servers.each_ref()).await;
    let issued = token_from(&servers[1].url, &form).await;
    let new = text(&issued, "access_token");
    assert_eq!(kid(new), next);
    for server in &servers {
        assert_eq!((me(&server.url, old).await, me(&server.url, new).await), (200, 200));
    }
    let retired = cli(&database, &["keys", "retire", &kid(old), "--yes"]);
    let began = Instant::now();
    assert_eq!(retired["revoked_tokens"], 1);
    for server in &servers {
        while me(&server.url, old).await == 200 {
            assert!(began.elapsed() < Duration::from_secs(1), "the token is still accepted");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!((me(&server.url, old).await, me(&server.url, new).await), (401, 200));
        let set = TestResponse::to(crate::harness::http_client().get(format!("{}/.well-known/jwks.json", server.url)))
            .await
            .json();
        assert_eq!(set["keys"].as_array().map(Vec::len), Some(1));
    }
}

#[tokio::test]
async fn rolling_restart_with_another_server_key_loses_no_token() {
    let database = TestDatabase::create();
    direct_database::add_user(&database, "alice", &[]).await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("new.key");
    std::fs::write(&file, OTHER_SERVER_KEY).expect("written");
    let form = [("username", "alice"), ("password", PASSWORD)];
    let before = ServerProcess::start(&database, &[]);
    let issued = token_from(&before.url, &form).await;
    let early = text(&issued, "access_token");
    cli(&database, &["keys", "reseal", "--new-server-key-file", &file.display().to_string()]);
    let after = ServerProcess::start(&database, &[("SERVER_KEY", OTHER_SERVER_KEY)]);
    // Even with a key that only the restarted server can decrypt.
    let next = rotate(&database, OTHER_SERVER_KEY, &[&after]).await;
    let [by_before, by_after] = [token_from(&before.url, &form).await, token_from(&after.url, &form).await];
    let [by_before, by_after] = [&by_before, &by_after].map(|issued| text(issued, "access_token"));
    assert_eq!((kid(by_before), kid(by_after)), (kid(early), next));
    for token in [early, by_before, by_after] {
        assert_eq!((me(&before.url, token).await, me(&after.url, token).await), (200, 200));
    }
    let mut with_old = database.command(&["keys", "rotate"]);
    with_old.env("JWT_ALGORITHM", "EdDSA");
    assert!(run(with_old).err.contains("SERVER_KEY does not decrypt"), "no key is added under the old server key");
}

/// The numbers of tokens that the clients got and checked.
#[derive(Default)]
struct Counts {
    issued: AtomicUsize,
    checked: AtomicUsize,
}

/// Signs in and refreshes at one server, and presents new and earlier tokens to the other.
async fn use_both(name: String, urls: [String; 2], is_done: Arc<AtomicBool>, counts: Arc<Counts>) -> Vec<String> {
    let client = crate::harness::http_client();
    let form = [("username", name.as_str()), ("password", PASSWORD)];
    let (mut tokens, mut refresh_token, mut sign_ins) = (Vec::new(), String::new(), 0);
    for turn in 0.. {
        if is_done.load(Ordering::Relaxed) {
            break;
        }
        let (here, there) = (&urls[turn % 2], &urls[(turn + 1) % 2]);
        let parameters = if turn % 4 == 0 && sign_ins < SIGN_INS {
            sign_ins += 1;
            form
        } else {
            [("grant_type", "refresh_token"), ("refresh_token", refresh_token.as_str())]
        };
        let response = TestResponse::to(client.post(format!("{here}/token")).form(&parameters)).await;
        assert_eq!(response.status, 200, "{name}, turn {turn}: {response:?}");
        counts.issued.fetch_add(1, Ordering::Relaxed);
        let issued = response.json();
        text(&issued, "refresh_token").clone_into(&mut refresh_token);
        tokens.push(text(&issued, "access_token").to_owned());
        for at in [tokens.len() - 1, turn * 7 % tokens.len(), 0] {
            let response = TestResponse::to(client.get(format!("{there}/me")).bearer_auth(&tokens[at])).await;
            assert_eq!(response.status, 200, "{name}, turn {turn}, token {at} of {}: {response:?}", kid(&tokens[at]));
            counts.checked.fetch_add(1, Ordering::Relaxed);
        }
    }
    tokens
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rotations_under_load_lose_no_request_and_no_token() {
    let database = TestDatabase::create();
    let names: Vec<String> = (0..CLIENTS).map(|number| format!("user{number}")).collect();
    for name in &names {
        direct_database::add_user(&database, name, &[]).await;
    }
    let servers = [ServerProcess::start(&database, &[]), ServerProcess::start(&database, &[])];
    let urls = servers.each_ref().map(|server| server.url.clone());
    let (is_done, counts) = (Arc::new(AtomicBool::new(false)), Arc::new(Counts::default()));
    let mut kids = vec![signing(&servers[0]).await];
    let clients: Vec<_> = names
        .into_iter()
        .map(|name| tokio::spawn(use_both(name, urls.clone(), Arc::clone(&is_done), Arc::clone(&counts))))
        .collect();
    for _ in 0..ROTATIONS {
        kids.push(rotate(&database, SERVER_KEY, &servers.each_ref()).await);
    }
    let until = counts.issued.load(Ordering::Relaxed) + 10 * CLIENTS;
    while counts.issued.load(Ordering::Relaxed) < until {
        assert!(clients.iter().all(|client| !client.is_finished()), "a client failed");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    is_done.store(true, Ordering::Relaxed);
    let mut seen = Vec::new();
    for client in clients {
        seen.extend(client.await.expect("nothing was lost").iter().map(|token| kid(token)));
    }
    let signed: Vec<usize> = kids.iter().map(|kid| seen.iter().filter(|seen| *seen == kid).count()).collect();
    assert!(signed.iter().all(|count| *count > 0), "each of the {} keys signed: {signed:?}", kids.len());
    let [issued, checked] = [&counts.issued, &counts.checked].map(|count| count.load(Ordering::Relaxed));
    println!("{ROTATIONS} rotations: {issued} tokens issued by keys in turn {signed:?}, {checked} checks, 0 failures");
    assert_eq!(signed.iter().sum::<usize>(), issued);
}
