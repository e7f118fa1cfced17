//! `vestibule seed` with roles and clients.

use serde_json::json;

use crate::harness::TestDatabase;
use crate::harness::cli::ServerWithCli;

const FILE: &str = "\
[[roles]]
name = \"editor\"
scopes = [\"articles:write\", \"articles:read\"]

[[clients]]
name = \"billing\"
grants = [\"client_credentials\"]
scopes = [\"invoices\"]

[[users]]
username = \"alice\"
roles = [\"editor\"]
";
const SECRET: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

#[test]
fn seed_creates_roles_and_clients_once_and_prints_the_secret_once() {
    let db = TestDatabase::create();
    db.write_file("seed.toml", FILE);
    let dry = db.cli(&["seed", "seed.toml", "--dry-run"]).ok().out;
    assert_eq!(
        dry,
        "create alice (id 1)\nchange role editor: articles:read articles:write (was no scopes)\ncreate client billing\n2 to create, 1 to change, 0 unchanged\ndry run: nothing was changed\n"
    );
    assert_eq!(db.cli(&["clients", "list", "--json"]).json(), json!([]));
    let dry = db.cli(&["seed", "seed.toml", "--dry-run", "--json"]).json();
    assert_eq!(dry["clients"]["created"], json!([{"name": "billing"}]), "a dry run shows no ID and no secret");

    let run = db.cli(&["seed", "seed.toml"]).ok().out;
    let secret = run.lines().find(|line| line.len() == 43).expect("the secret on a line of its own");
    assert!(vestibule::secret::PlainSecret::parse(secret).is_some());
    assert!(run.contains("create client billing (client_") && run.ends_with("unchanged\ndone\n"), "{run}");
    assert_eq!(db.cli(&["seed", "seed.toml"]).ok().out, "0 to create, 0 to change, 3 unchanged\n");
    assert_eq!(
        db.cli(&["roles", "list", "--json"]).json()[1],
        json!({"role": "editor", "scopes": ["articles:read", "articles:write"], "users": 1})
    );
}

#[test]
fn seed_changes_listed_roles_and_clients() {
    let db = TestDatabase::create();
    db.write_file("seed.toml", FILE);
    db.cli(&["seed", "seed.toml"]).ok();
    db.cli(&["roles", "set", "other", "--scope", "x"]).ok();
    db.write_file(
        "seed.toml",
        "[[roles]]\nname = \"editor\"\nscopes = []\n[[clients]]\nname = \"billing\"\ngrants = [\"password\", \"refresh_token\"]\n",
    );
    let report = db.cli(&["seed", "seed.toml", "--json"]).json();
    assert_eq!(
        report["roles"]["changed"],
        json!([{"name": "editor", "scopes": [], "scopes_before": ["articles:read", "articles:write"]}])
    );
    assert_eq!(report["clients"]["changed"][0]["fields"], json!(["grants"]));
    let shown = db.cli(&["clients", "show", "billing", "--json"]).json();
    assert_eq!((&shown["grants"], &shown["scopes"]), (&json!(["password", "refresh_token"]), &json!(["invoices"])));
    let roles = db.cli(&["roles", "list", "--json"]).json();
    assert!(
        roles.as_array().expect("an array").contains(&json!({"role": "other", "scopes": ["x"], "users": 0})),
        "{roles}"
    );
}

#[tokio::test]
async fn client_secret_from_the_file_is_valid_and_not_printed() {
    let server = ServerWithCli::start(&[]);
    let file = |secret: &str| {
        format!("[[clients]]\nname = \"billing\"\ngrants = [\"client_credentials\"]\nsecret = \"{secret}\"\n")
    };
    server.db.write_file("seed.toml", &file(SECRET));
    let created = server.cli(&["seed", "seed.toml", "--json"]).json();
    assert!(!created.to_string().contains(SECRET), "{created}");
    let id = created["clients"]["created"][0]["client_id"].as_str().expect("an ID").to_owned();
    let own = [("grant_type", "client_credentials")];
    assert_eq!(server.post("/token", Some((&id, SECRET)), &own).await.status, 200);
    let other = SECRET.replace("AAEC", "BBEC");
    server.db.write_file("seed.toml", &file(&other));
    let run = server.cli(&["seed", "seed.toml"]).ok().out;
    assert_eq!(run, format!("change client billing ({id}): secret\n0 to create, 1 to change, 0 unchanged\ndone\n"));
    assert_eq!(server.post("/token", Some((&id, SECRET)), &own).await.status, 401);
    assert_eq!(server.post("/token", Some((&id, &other)), &own).await.status, 200);
    assert_eq!(server.cli(&["seed", "seed.toml"]).ok().out, "0 to create, 0 to change, 1 unchanged\n");
}

#[test]
fn invalid_last_client_rolls_back_the_seed() {
    let db = TestDatabase::create();
    db.write_file("seed.toml", &format!("{FILE}[[clients]]\nname = \"new\"\n"));
    for more in [&["--dry-run"][..], &[]] {
        db.cli(&[&["seed", "seed.toml"], more].concat())
            .fails(1, "seed.toml:13: clients[1].grants: is missing: a new client needs at least one");
        assert_eq!(db.cli(&["clients", "list", "--json"]).json(), json!([]));
        assert_eq!(db.cli(&["roles", "list", "--json"]).json(), json!([{"role": "admin", "scopes": [], "users": 0}]));
        assert!(db.users().is_empty());
    }
}

#[test]
fn example_seed_file_applies() {
    let db = TestDatabase::create();
    db.write_file("seed.toml", include_str!("../../examples/seed.toml"));
    db.cli(&["seed", "seed.toml"]).ok();
    assert!(db.cli(&["seed", "seed.toml"]).ok().out.starts_with("0 to create, 0 to change, "));
}
