//! `vestibule doctor` through a real nginx with TLS.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::cli::run;
use crate::harness::peers::free_port;
use crate::harness::{ServerProcess, TestDatabase};

const TIMEOUT: Duration = Duration::from_secs(20);

/// nginx with a certificate of its own; killed when dropped.
struct Nginx(Child);

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn create_certificate(folder: &Path) {
    let words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
        -addext basicConstraints=critical,CA:FALSE -addext subjectAltName=IP:127.0.0.1 -keyout proxy.key -out proxy.crt";
    let made = Command::new("openssl").args(words.split_whitespace()).current_dir(folder).output().expect("openssl");
    assert!(made.status.success(), "{made:?}");
}

/// Starts nginx on `port`, in front of the server, with these lines for the headers that it sends.
fn start_nginx(folder: &Path, port: u16, server: &str, headers: &str) -> Nginx {
    let text = format!(
        "daemon off; pid nginx.pid; error_log stderr; events {{}}
        http {{
            access_log off; client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
            uwsgi_temp_path uwsgi; scgi_temp_path scgi;
            server {{
                listen 127.0.0.1:{port} ssl; ssl_certificate proxy.crt; ssl_certificate_key proxy.key;
                location / {{ proxy_pass {server}; {headers} }}
            }}
        }}"
    );
    std::fs::write(folder.join("nginx.conf"), text).expect("the folder can be written");
    let mut command = Command::new("/usr/sbin/nginx");
    command.arg("-p").arg(folder).args(["-c", "nginx.conf", "-e", "stderr"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let nginx = Nginx(command.spawn().expect("nginx is installed: see bin/test"));
    let begun = Instant::now();
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(begun.elapsed() < TIMEOUT, "nginx responds");
        std::thread::sleep(Duration::from_millis(20));
    }
    nginx
}

#[test]
fn doctor_sees_through_a_proxy_with_tls_what_people_would() {
    let db = TestDatabase::create();
    let folder = db.folder.path().to_owned();
    create_certificate(&folder);
    let all = "proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $remote_addr;
        proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Forwarded-Host $http_host;";
    for (trusted, headers, level, words) in [
        ("127.0.0.1", all, "ok", "the server sees https://127.0.0.1:"),
        ("", all, "warning", "is not in TRUSTED_PROXIES"),
        ("127.0.0.1", "proxy_set_header Host $http_host;", "warning", "sends no X-Forwarded-For"),
        ("127.0.0.1", &all.replace("$scheme", "http"), "error", "correct X-Forwarded-Proto or PUBLIC_URL"),
        ("127.0.0.1", &all.replace("Host $http_host", "Host other.test"), "warning", "let the proxy pass the Host"),
    ] {
        let port = free_port();
        let url = format!("https://127.0.0.1:{port}");
        let mut settings = vec![("PUBLIC_URL", url.as_str())];
        if !trusted.is_empty() {
            settings.push(("TRUSTED_PROXIES", trusted));
        }
        let server = ServerProcess::start(&db, &settings);
        let _nginx = start_nginx(&folder, port, &server.url, headers);
        let mut command = db.command(&["doctor", "--json"]);
        command.envs(settings.iter().copied());
        let untrusted = run(&mut command);
        assert!(untrusted.out.contains("certificate"), "{untrusted:?}");
        let output = run(command.env("SSL_CERT_FILE", folder.join("proxy.crt")));
        let report: Value = serde_json::from_str(&output.out).unwrap_or_else(|error| panic!("{error}: {output:?}"));
        let findings = report["findings"].as_array().expect("findings").iter();
        let found: Vec<(&Value, &Value)> = findings
            .filter(|finding| finding["check"] == "public URL")
            .map(|finding| (&finding["level"], &finding["text"]))
            .collect();
        let is_expected =
            |(is, text): &(&Value, &Value)| *is == level && text.as_str().is_some_and(|text| text.contains(words));
        assert!(found.iter().any(is_expected), "{level} {words}: {found:?}");
    }
}
