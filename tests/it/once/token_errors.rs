//! Requests that `/token` and `/me` refuse before or without asking the database.

use std::fmt::Write as _;
use std::time::Duration;

use crate::harness::responses::{assert_refusal, send_raw};
use crate::harness::{PASSWORD, ServerProcess, TestApp, TestDatabase, TestResponse};
use crate::token_errors::{FORM, JSON, post};

#[tokio::test]
async fn missing_parameter_is_an_invalid_request() {
    let app = TestApp::start().await;
    let nothing = TestResponse::to(app.post("/token")).await;
    assert_refusal(&nothing, 400, "invalid_request", "no body and no content type");
    for (content_type, body) in [
        (FORM, ""),
        (FORM, "&&"),
        (FORM, "grant_type=password"),
        (FORM, "grant_type=password&username=alice"),
        (FORM, "grant_type=password&password=x"),
        (FORM, "username=alice"),
        (FORM, "username=&password=x"),
        (FORM, "username=alice&password="),
        (FORM, "password=x"),
        (FORM, "scope="),
        (JSON, ""),
        (JSON, "{}"),
        (JSON, r#"{"grant_type":"password"}"#),
        (JSON, r#"{"grant_type":"password","username":"alice"}"#),
        (JSON, r#"{"grant_type":"password","password":"x"}"#),
        (JSON, r#"{"username":"alice","password":""}"#),
        (JSON, r#"{"password":"x"}"#),
    ] {
        let response = TestResponse::to(post(&app, content_type, body)).await;
        assert_refusal(&response, 400, "invalid_request", &format!("{content_type} {body:?}"));
    }
}

#[tokio::test]
async fn mistyped_json_value_is_an_invalid_request() {
    let app = TestApp::start().await;
    for wrong in ["1", "1.5", "null", "true", "[]", r#"["x"]"#, "{}"] {
        for body in [
            format!(r#"{{"username":{wrong},"password":"x"}}"#),
            format!(r#"{{"username":"alice","password":{wrong}}}"#),
            format!(r#"{{"username":"alice","password":"x","grant_type":{wrong}}}"#),
            format!(r#"{{"username":"alice","password":"x","scope":{wrong}}}"#),
            wrong.to_owned(),
        ] {
            let response = TestResponse::to(post(&app, JSON, body.clone())).await;
            assert_refusal(&response, 400, "invalid_request", &body);
        }
    }
}

#[tokio::test]
async fn json_sent_as_a_form_and_other_parameter_names_are_explained() {
    let app = TestApp::start().await;
    for (content_type, body, expected) in [
        // What `curl --data` sends.
        (FORM, r#"{"username":"alice","password":"x"}"#, "Content-Type: application/json"),
        (FORM, " \n{\"grant_type\":\"password\"}", "Content-Type: application/json"),
        (JSON, r#"{"user":"alice","pass":"x"}"#, "username or password"),
        (JSON, r#"{"email":"alice@example.com","password":"x"}"#, "username or password"),
        (FORM, "username=alice&pass=x", "username or password"),
        (FORM, "grant_type=password&login=alice&password=x", "username or password"),
    ] {
        let response = TestResponse::to(post(&app, content_type, body)).await;
        assert_refusal(&response, 400, "invalid_request", body);
        let description = response.json()["error_description"].to_string();
        assert!(description.contains(expected), "{body}: {description}");
    }
}

#[tokio::test]
async fn multipart_form_has_text_parts_only_and_the_same_limits() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let part = |name: &str, more: &str, value: &str| {
        format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"{more}\r\n\r\n{value}\r\n")
    };
    let text = |name: &str, value: &str| part(name, "", value);
    let send = |parts: &[String]| {
        let body = format!("{}--b--\r\n", parts.concat());
        TestResponse::to(post(&app, "multipart/form-data; boundary=b", body))
    };
    let fields = [text("username", "alice"), text("password", PASSWORD)];
    let utf_8 = part("scope", "\r\nContent-Type: text/plain; charset=utf-8", "");
    assert_eq!(send(&[&fields[..], &[utf_8]].concat()).await.status, 200);
    for (what, more) in [
        ("a repeated parameter", text("username", "bob")),
        ("a file", part("scope", "; filename=\"scope.txt\"", "read")),
        ("binary data", part("scope", "\r\nContent-Type: application/octet-stream", "read")),
        ("U+0000", text("scope", "\0")),
        ("a part without a name", "--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n".to_owned()),
        ("a part without a disposition", "--b\r\n\r\nx\r\n".to_owned()),
        ("too many parts", (0..100).map(|at| text(&format!("p{at}"), "x")).collect()),
    ] {
        let response = send(&[&fields[..], &[more]].concat()).await;
        assert_refusal(&response, 400, "invalid_request", what);
    }
    let large = send(&[&fields[..], &[text("scope", &"x".repeat(16 * 1024))]].concat()).await;
    assert_refusal(&large, 413, "invalid_request", "more than 16 KiB");
    for (content_type, body) in [
        ("multipart/form-data", fields.concat() + "--b--\r\n"),
        ("multipart/form-data; boundary=other", fields.concat() + "--b--\r\n"),
        ("multipart/form-data; boundary=b", fields.concat()),
        ("multipart/form-data; boundary=b", "--b".to_owned()),
    ] {
        let response = TestResponse::to(post(&app, content_type, body.clone())).await;
        assert_refusal(&response, 400, "invalid_request", &format!("{content_type} {body}"));
    }
}

#[tokio::test]
async fn unknown_grant_is_unsupported_and_the_default_is_password() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    for grant_type in ["Refresh_Token", "Password", "password ", "urn:x:y", "authorization_code"] {
        let pairs = [("grant_type", grant_type), ("username", "alice"), ("password", PASSWORD)];
        let form = TestResponse::to(app.post("/token").form(&pairs)).await;
        assert_refusal(&form, 400, "unsupported_grant_type", grant_type);
        let json = serde_json::json!({"grant_type": grant_type, "username": "alice", "password": PASSWORD});
        assert_refusal(
            &TestResponse::to(app.post("/token").json(&json)).await,
            400,
            "unsupported_grant_type",
            grant_type,
        );
    }
    for grant_type in ["", "&grant_type=", "&grant_type=password", "&scope=", "&scope=+&grant_type=password"] {
        let body = format!("username=alice&password={}{grant_type}", PASSWORD.replace(' ', "+"));
        assert_eq!(TestResponse::to(post(&app, FORM, body)).await.status, 200, "{grant_type:?}");
    }
    let json = serde_json::json!({"username": "alice", "password": PASSWORD, "scope": ""});
    assert_eq!(TestResponse::to(app.post("/token").json(&json)).await.status, 200);
}

#[tokio::test]
async fn oversized_name_or_password_is_refused_without_a_hash() {
    let database = TestDatabase::create();
    let server = ServerProcess::start(&database, &[]);
    let client = crate::harness::http_client();
    for (name, password) in [
        ("a".repeat(257), "x".to_owned()),
        ("é".repeat(129), "x".to_owned()),
        ("alice".to_owned(), "x".repeat(257)),
        ("alice".to_owned(), "é".repeat(257)),
        ("alice".to_owned(), "x".repeat(15_000)),
        ("alice".to_owned(), "with a bell \u{7}".to_owned()),
    ] {
        let form = [("username", &name), ("password", &password)];
        let response = TestResponse::to(client.post(format!("{}/token", server.url)).form(&form)).await;
        assert_refusal(&response, 400, "invalid_grant", &name);
        let json = serde_json::json!({"username": name, "password": password});
        let response = TestResponse::to(client.post(format!("{}/token", server.url)).json(&json)).await;
        assert_refusal(&response, 400, "invalid_grant", &name);
    }
    assert_eq!(server.counter("vestibule_password_hashes_total").await, 0);
    let longest = [("username", "a".repeat(256)), ("password", "é".repeat(256))];
    let response = TestResponse::to(client.post(format!("{}/token", server.url)).form(&longest)).await;
    assert_refusal(&response, 400, "invalid_grant", "the longest that are checked");
    assert_eq!(server.counter("vestibule_password_hashes_total").await, 1);
}

#[tokio::test]
async fn unknown_client_is_refused_with_a_challenge() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let form = |extra: &[(&str, &str)]| {
        app.post("/token").form(&[&[("username", "alice"), ("password", PASSWORD)], extra].concat())
    };
    for (what, request) in [
        ("Basic", form(&[]).basic_auth("client_1", Some("secret"))),
        ("Basic without secret", form(&[]).basic_auth("client_1", None::<&str>)),
        ("Basic without ID", form(&[]).basic_auth("", Some("secret"))),
        ("Basic that is not base64", form(&[]).header("authorization", "Basic !!!")),
        ("basic in lower case", form(&[]).header("authorization", "basic Y2xpZW50OnNlY3JldA==")),
        ("ID in the body", form(&[("client_id", "client_1")])),
        ("secret in the body", form(&[("client_secret", "secret")])),
        ("both in the body", form(&[("client_id", "client_1"), ("client_secret", "secret")])),
        (
            "JSON",
            app.post("/token").json(&serde_json::json!(
                {"username": "alice", "password": PASSWORD, "client_id": "client_1"}
            )),
        ),
    ] {
        let response = TestResponse::to(request).await;
        assert_refusal(&response, 401, "invalid_client", what);
        assert!(response.header("www-authenticate").starts_with("Basic "), "{what}: {response:?}");
    }
    for (what, in_body) in [
        ("a secret in the header and in the body", vec![("client_id", "client_1"), ("client_secret", "secret")]),
        ("another client in the body", vec![("client_id", "client_2")]),
    ] {
        let twice = form(&in_body).basic_auth("client_1", Some("secret"));
        assert_refusal(&TestResponse::to(twice).await, 400, "invalid_request", what);
    }
}

#[tokio::test]
async fn empty_client_credentials_count_as_none() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let fields = [("grant_type", "password"), ("username", "alice"), ("password", PASSWORD), ("scope", "")];
    let empty = [("client_id", ""), ("client_secret", "")];
    for (what, request) in [
        ("Basic Og==", app.post("/token").form(&fields).header("authorization", "Basic Og==")),
        ("empty fields", app.post("/token").form(&[&fields[..], &empty].concat())),
        ("both", app.post("/token").form(&[&fields[..], &empty].concat()).header("authorization", "Basic Og==")),
        ("a stale bearer", app.post("/token").form(&fields).bearer_auth("old")),
    ] {
        let response = TestResponse::to(request).await;
        assert_eq!(response.status, 200, "{what}: {response:?}");
    }
}

#[tokio::test]
async fn body_over_16_kib_is_refused() {
    let app = TestApp::start().await;
    let form = |length: usize| format!("username=alice&password={}", "x".repeat(length - 24));
    assert_eq!(form(100).len(), 100);
    let fits = TestResponse::to(post(&app, FORM, form(16 * 1024))).await;
    assert_refusal(&fits, 400, "invalid_grant", "16 KiB");
    let chunked = |body: &str| {
        let mut request = format!(
            "POST /token HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: {FORM}\r\nTransfer-Encoding: chunked\r\n\r\n"
        );
        for chunk in body.as_bytes().chunks(4_096) {
            write!(request, "{:x}\r\n{}\r\n", chunk.len(), String::from_utf8_lossy(chunk))
                .expect("writing to a String cannot fail");
        }
        (request + "0\r\n\r\n").into_bytes()
    };
    let response = send_raw(&app.url, chunked(&form(16 * 1024))).await;
    assert_refusal(&response, 400, "invalid_grant", "16 KiB in chunks");
    for length in [16 * 1024 + 1, 1_000_000] {
        let head = format!(
            "POST /token HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: {FORM}\r\nContent-Length: {length}\r\n\r\n"
        );
        // `Content-Length` is enough: the body need not arrive.
        assert_refusal(&send_raw(&app.url, head.into_bytes()).await, 413, "invalid_request", "announced");
        assert_refusal(&send_raw(&app.url, chunked(&form(length))).await, 413, "invalid_request", "chunked");
    }
    let json = format!(r#"{{"username":"alice","password":"{}"}}"#, "x".repeat(17_000));
    assert_refusal(&TestResponse::to(post(&app, JSON, json)).await, 413, "invalid_request", "JSON");
}

#[tokio::test]
async fn unsupported_content_type_is_refused() {
    let app = TestApp::start().await;
    for content_type in
        ["text/plain", "multipart/mixed; boundary=x", "application/jsonp", "application/xml", "", "json"]
    {
        let response = TestResponse::to(post(&app, content_type, "username=alice&password=x")).await;
        assert_refusal(&response, 415, "invalid_request", content_type);
    }
    let none = TestResponse::to(app.post("/token").body("username=alice&password=x")).await;
    assert_refusal(&none, 415, "invalid_request", "a body without a type");
    for content_type in [format!("{FORM}; charset=UTF-8"), "Application/X-WWW-Form-Urlencoded".to_owned()] {
        let response = TestResponse::to(post(&app, &content_type, "username=alice&password=x")).await;
        assert_refusal(&response, 400, "invalid_grant", &content_type);
    }
}

#[tokio::test]
async fn wrong_method_is_405_with_allow_and_an_unknown_path_is_json() {
    let app = TestApp::start().await;
    for (path, allow, wrong) in [
        ("/token", "POST", &["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"][..]),
        ("/me", "GET, HEAD", &["POST", "PUT", "DELETE", "OPTIONS"]),
        ("/token/revoke", "POST", &["GET", "PUT", "OPTIONS"]),
        ("/token/introspect", "POST", &["GET", "DELETE"]),
        ("/revoked", "GET, HEAD", &["POST"]),
        ("/.well-known/oauth-authorization-server", "GET, HEAD", &["POST"]),
        ("/.well-known/jwks.json", "GET, HEAD", &["POST", "DELETE"]),
        ("/openapi.json", "GET, HEAD", &["POST"]),
        ("/docs/", "GET, HEAD", &["POST"]),
        ("/healthz", "GET, HEAD", &["POST"]),
        ("/readyz", "GET, HEAD", &["POST"]),
    ] {
        for method in wrong {
            let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
            let request = app.client.request(method.clone(), format!("{}{path}", app.url));
            let response = TestResponse::to(request).await;
            assert_refusal(&response, 405, "method_not_allowed", &format!("{method} {path}"));
            assert_eq!(response.header("allow"), allow, "{method} {path}");
        }
    }
    for path in ["/nothing", "/token/", "/token/nothing", "/me/", "/.well-known/", "/%ff"] {
        for request in [app.get(path), app.post(path)] {
            assert_refusal(&TestResponse::to(request).await, 404, "not_found", path);
        }
    }
    assert_refusal(&TestResponse::to(app.get("/docs/nothing.js")).await, 404, "not_found", "/docs/nothing.js");
}

#[tokio::test]
async fn full_hash_queue_is_503_and_tokens_are_still_verified() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let token = app.token_of("alice").await;
    let settings = [
        ("HASH_THREADS", "1"),
        ("ARGON2_MEMORY_KIB", "19456"),
        ("ARGON2_ITERATIONS", "2"),
        ("THROTTLE_NETWORK", "1000"),
        ("ISSUER", "http://localhost:8080"),
    ];
    let server = ServerProcess::start(&app.database, &settings);
    // Hashing has the lowest priority: on a busy machine the queue is slow.
    let patient = crate::harness::client_builder().timeout(Duration::from_mins(3)).build().expect("a client");
    let tries: Vec<_> = (0..150)
        .map(|number| {
            let form = [("username", format!("nobody-{number}")), ("password", "wrong".to_owned())];
            let request = patient.post(format!("{}/token", server.url)).form(&form);
            tokio::spawn(TestResponse::to(request))
        })
        .collect();
    let mut refused = 0;
    let mut full = 0;
    for response in tries {
        let response = response.await.expect("no panic");
        if response.status == 503 {
            full += 1;
            assert_refusal(&response, 503, "temporarily_unavailable", "full");
            let me = app.client.get(format!("{}/me", server.url)).bearer_auth(&token);
            assert_eq!(TestResponse::to(me).await.status, 200, "verifying a token needs no hash");
        } else {
            refused += 1;
            assert_refusal(&response, 400, "invalid_grant", "hashed");
        }
    }
    assert!(full > 0 && refused > 0, "{full} of 150 rejected as overload");
    let hashes = server.counter("vestibule_password_hashes_total").await;
    assert!((refused..150).contains(&hashes), "{hashes} hashes for {refused}: the rejected requests need none");
    let form = [("username", "alice"), ("password", PASSWORD)];
    let after = TestResponse::to(app.client.post(format!("{}/token", server.url)).form(&form)).await;
    assert_eq!(after.status, 200, "{after:?}");
}

#[tokio::test]
async fn missing_bearer_is_challenged_and_an_invalid_one_is_reported() {
    let app = TestApp::start().await;
    for (what, request) in [
        ("nothing", app.get("/me")),
        ("empty", app.get("/me").header("authorization", "Bearer ")),
        ("only the scheme", app.get("/me").header("authorization", "Bearer")),
        ("Basic", app.get("/me").basic_auth("alice", Some(PASSWORD))),
        ("no scheme", app.get("/me").header("authorization", "abc")),
    ] {
        let response = TestResponse::to(request).await;
        assert_refusal(&response, 401, "invalid_request", what);
        assert_eq!(response.header("www-authenticate"), "Bearer realm=\"vestibule\"", "{what}");
    }
    for request in [app.get("/me").bearer_auth("abc"), app.get("/me").header("cookie", "vestibule_token=abc")] {
        let response = TestResponse::to(request).await;
        assert_refusal(&response, 401, "invalid_token", "bad");
        assert!(response.header("www-authenticate").contains(", error=\"invalid_token\""), "{response:?}");
    }
}

#[tokio::test]
async fn me_accepts_the_token_cookie_or_a_bearer_only() {
    let app = TestApp::start().await;
    app.add_user("alice", &[]).await;
    let token = app.token_of("alice").await;
    let cookie = format!("vestibule_token={token}");
    let me = TestResponse::to(app.get("/me").header("cookie", &cookie)).await;
    assert_eq!((me.status, &me.json()["sub"]), (200, &"alice".into()));
    let small = TestResponse::to(app.get("/me").header("authorization", format!("bearer {token}"))).await;
    assert_eq!(small.status, 200, "the scheme is written in any case");
    let head = TestResponse::to(app.client.head(format!("{}/me", app.url)).bearer_auth(&token)).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    // An invalid header with a valid cookie is refused: two identities must not be mixed.
    let both = TestResponse::to(app.get("/me").bearer_auth("abc").header("cookie", &cookie)).await;
    assert_refusal(&both, 401, "invalid_token", "an invalid header with a valid cookie");
    let query = TestResponse::to(app.get(&format!("/me?access_token={token}"))).await;
    assert_refusal(&query, 401, "invalid_request", "in the query, which would be logged");
}

#[tokio::test]
async fn password_grant_can_be_disabled() {
    let app = TestApp::start_with(|settings| settings.set("PASSWORD_GRANT", "off")).await;
    app.add_user("alice", &[]).await;
    for body in ["username=alice&password=x", "grant_type=password&username=alice&password=x", "grant_type=password"] {
        assert_refusal(&TestResponse::to(post(&app, FORM, body)).await, 400, "unsupported_grant_type", body);
    }
    let response = TestResponse::read(app.post_token("alice", PASSWORD).await).await;
    assert_refusal(&response, 400, "unsupported_grant_type", "the right password");
    assert_eq!(TestResponse::to(app.get("/login")).await.status, 200, "the sign-in page still works");
}
